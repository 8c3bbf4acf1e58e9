import { asLoginUser } from './becoming.ts';
import type { Connection } from './connection.ts';
import { loginUserUntold } from './errors.ts';
import { Output } from './output.ts';
import { closed, startOwn } from './own-process.ts';
import type { StandingShell } from './standing-shell.ts';
import { within } from './supervise.ts';

export interface LoginUser {
  readonly name: string;
  readonly isRoot: boolean;
}

/** Whoever has no name in the host's list of users logs in all the same (a container's `user: 1000`). */
const WHO = ['sh', '-c', 'id -u && { id -un || :; }'];
/** A name service that is gone holds `id` up for as long as it likes. */
const DEADLINE_MS = 60_000;

/**
 * Asks the host who the login user is: on a standing shell of that user, or on a channel of its own where that is busy.
 * Throws kind `unreachable` where the host was lost meanwhile, and kind `failed` where it does not tell.
 */
export async function askLoginUser(
  connection: Connection,
  shell: StandingShell | undefined,
  deadlineMs = DEADLINE_MS,
): Promise<LoginUser> {
  const output = new Output(WHO, {});
  const asked = shell === undefined ? await onOwnChannel(connection, output) : onStanding(shell, output);
  const untold = (how: string) => loginUserUntold(connection.address, how, output.stderr.text());
  try {
    const late = () => untold(`it has not answered within ${deadlineMs / 1000} s`);
    output.ended({ value: await within(deadlineMs, asked.ended, late), timedOut: false });
  } catch (error) {
    asked.abandon();
    throw error;
  }
  const { exitCode, signal, stdout } = output.result();
  const [uid = '', name = ''] = stdout.split('\n');
  if (exitCode !== 0) throw untold(signal ?? `exit code ${exitCode}`);
  if (!/^\d+$/.test(uid)) throw untold(`it says ${JSON.stringify(stdout.slice(0, 80))}`);
  return { name, isRoot: uid === '0' };
}

function onStanding(shell: StandingShell, output: Output) {
  const [ended = Promise.reject(new Error('a command without an end'))] = shell.send([
    { command: { argv: WHO }, onOutput: output.sink },
  ]);
  return { ended, abandon: () => shell.abandon() };
}

async function onOwnChannel(connection: Connection, output: Output) {
  const own = await startOwn(connection, asLoginUser, { argv: WHO }, { stdin: 'nothing' });
  const { stdout, stderr } = own;
  stdout.on('data', (chunk: Buffer) => output.sink('stdout', chunk));
  stderr.on('data', (chunk: Buffer) => output.sink('stderr', chunk));
  const read = Promise.all([closed(stdout), closed(stderr)]);
  return { ended: own.ended.then((end) => read.then(() => end)), abandon: own.abandon };
}
