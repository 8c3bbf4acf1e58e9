import { PitrError } from '../../base/errors/pitr-error.ts';
import type { WriteHost } from '../../contract/host.ts';
import { probeScript } from '../../contract/probe.ts';
import { commandFailed, evidenceOf } from '../../transport/command-failed.ts';

/** Processes that were left at work, and how they are found. */
export interface Leftovers {
  /** `the copy to /data`: for messages. */
  readonly words: string;
  /**
   * `sh`: a function `left ARGUMENT...` that prints the pids of those that are there. It proves that it could have seen
   * them; where it could not, it prints why and returns something else than 0.
   */
  readonly find: (args: readonly string[]) => ReturnType<ReturnType<typeof probeScript>>;
  readonly args: readonly string[];
  /** OS user that looks and ends them; without it the user of the task. */
  readonly user?: string | undefined;
  /** How long they have to end by themselves, in seconds. */
  readonly patience: number;
}

/** How long those that were told to end may take, in seconds. */
const GRACE = 10;
const DEADLINE_MS = 60_000;

/**
 * Makes `find` of a text of `sh` that defines `left`. One that cannot tell is asked again for five seconds: whoever logs in
 * at this moment hides what it is (an sshd of the user's own, which a WAL segment that arrives has).
 */
export function leftProbe(left: string): Leftovers['find'] {
  const probe = probeScript(`${left}
# By the clock: where there are thousands of processes, a look takes longer than the nap.
end=$(($(date +%s) + $1)) blind=20; shift
while :; do
  if pids=$(left "$@"); then
    [ -n "$pids" ] && [ "$(date +%s)" -lt "$end" ] || break
  else
    [ "$blind" -gt 0 ] || { echo "@blind $pids"; exit 19; }
    blind=$((blind - 1))
  fi
  sleep 0.25 || exit
done
echo "@left" $pids`);
  return (args) => probe(args);
}

/**
 * Ends what was left at work, by process ids: SIGTERM, and SIGKILL for what has not gone after ten seconds. Gives how
 * many there were. Throws kind `refused` (`processes-unknown`) where nobody can tell whether there are any, kind
 * `failed` (`processes-left`) where they do not end.
 */
export async function endProcesses(host: WriteHost, what: Leftovers): Promise<number> {
  // The run's own signal may be aborted already: an interruption brings us here.
  const signal = AbortSignal.timeout(DEADLINE_MS);
  const options = { signal, timeoutMs: DEADLINE_MS, ...(what.user === undefined ? {} : { user: what.user }) };
  const look = async (patience: number): Promise<readonly string[]> => {
    const answer = await host.run(what.find([String(patience), ...what.args]).argv, options);
    const pids = /^@left(.*)$/m.exec(answer.stdout)?.[1];
    if (answer.exitCode === 0 && pids !== undefined) return pids.split(/\s+/).filter((pid) => pid !== '');
    const why = /^@blind (.*)$/m.exec(answer.stdout)?.[1] ?? 'the look at the processes failed';
    throw new PitrError({
      kind: 'refused',
      code: 'processes-unknown',
      message: `cannot tell whether ${what.words} is still at work: ${why}`,
      host: host.name,
      evidence: { ...evidenceOf(answer), command: '(a look at /proc)' },
      next: [
        'Log in as root, or as the user whose processes they are; root in a container needs setpriv, runuser or su, or the capability SYS_PTRACE.',
        `Or look by hand on ${host.name} (ps -ef), end what is left, and give that container or user the right to look.`,
      ],
    });
  };
  const left = await look(what.patience);
  if (left.length === 0) return 0;
  await host.run(['kill', ...left], options);
  const stubborn = await look(GRACE);
  if (stubborn.length === 0) return left.length;
  const killed = await host.run(['kill', '-KILL', ...stubborn], options);
  const still = await look(GRACE);
  if (still.length === 0) return left.length;
  throw commandFailed(killed, host.name, {
    next: [`See what they are: ps -o pid,ppid,user,stat,args -p ${still.join(',')}`],
  });
}
