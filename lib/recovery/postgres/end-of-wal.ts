import { PitrError } from '../../base/errors/pitr-error.ts';
import { bytesOf, byteText } from '../../base/values/byte-text.ts';
import { until } from '../../base/wait/until.ts';
import type { WriteHost } from '../../contract/host.ts';
import type { WorkContext } from '../../contract/module.ts';
import { effectiveSettings, quoteConf } from './conf-file.ts';
import { prepareRunFiles, startInstance, stopInstance } from './instance-control.ts';
import { postgresResource } from './instance-resource.ts';
import { runFilesOf } from './isolation.ts';
import { AUTO_CONF } from './recovery-files.ts';
import { querySql, type SessionTarget, UNANSWERED } from './sql.ts';

const POSITION = 'select pg_last_wal_replay_lsn()';

const TARGETS = /^recovery_target(_lsn|_name|_time|_xid|_action|_inclusive)?$/;

/**
 * Takes the target away from an isolated standby that stands at the end of WAL, so that it can be promoted there:
 * with a target that is not reached, promotion is FATAL. The target can only change with a restart, and WAL that is
 * archived meanwhile must not be replayed by it; so restore_command still answers for history files (they decide the
 * number of the new timeline) and for nothing else. What was replayed before is in pg_wal and is replayed again.
 */
export async function endRecoveryHere(
  host: WriteHost,
  session: SessionTarget,
  timeoutMs: number,
  context: Pick<WorkContext, 'signal' | 'progress' | 'warn'>,
): Promise<void> {
  const { pgdata, user } = session;
  const stood = await standsAt(host, session, timeoutMs, context.signal);
  const { startedWith = [] } = await postgresResource.read(host, pgdata);
  const path = `${pgdata}/${AUTO_CONF}`;
  const settings = effectiveSettings(byteText(await host.readFile(path, { user })));
  const fetch = settings.get('restore_command') ?? 'false';
  const changed = [...settings]
    .filter(([name]) => !TARGETS.test(name))
    .map(([name, value]) => [name, name === 'restore_command' ? historyOnly(fetch) : value] as const);
  await stopInstance(host, session, 'fast', timeoutMs, context.signal);
  const lines = changed.map(([name, value]) => `${name} = ${quoteConf(value)}\n`);
  await host.writeFile(path, bytesOf(lines.join('')), { user, mode: 0o600 });
  await prepareRunFiles(host, session, runFilesOf(pgdata, startedWith));
  await startInstance(host, session, startedWith, timeoutMs, context);
  await until(() => position(host, session), {
    everyMs: 300,
    deadlineMs: timeoutMs,
    signal: context.signal,
    done: (seen) => seen === stood,
    late: (seen) =>
      new PitrError({
        kind: 'failed',
        code: 'replay-differs',
        message: `after the restart the recovery stands at ${seen}, before it stood at ${stood}`,
        host: host.name,
        state: `PostgreSQL runs isolated on ${pgdata}, without a recovery target.`,
        next: ['Restore the backup anew and recover again.'],
      }),
  });
}

/**
 * Where replay stands, seen twice: a segment that was archived a moment ago may be on its way through it, and a place in the
 * middle of that is not where it stands after a restart.
 */
async function standsAt(
  host: WriteHost,
  session: SessionTarget,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<string> {
  let before: string | undefined;
  const look = async () => {
    const now = await querySql(host, session, [POSITION]);
    const same = now === before;
    before = now;
    return { now, same };
  };
  const { now } = await until(look, {
    everyMs: 500,
    deadlineMs: timeoutMs,
    signal,
    done: ({ same }) => same,
    passing: UNANSWERED,
    late: (seen) =>
      new PitrError({
        kind: 'failed',
        code: 'replay-goes-on',
        message: `replay does not stand still: it has come to ${seen.now}, and WAL is archived all the time`,
        host: host.name,
        state: 'Nothing was promoted; the recovery waits as before.',
        next: ['Let replay go on to its target, or to the end of the archive, and promote then.'],
      }),
  });
  return now;
}

/** A restore_command that fetches history files as before, and says "not there" for everything else. */
export function historyOnly(command: string): string {
  return /^case %f in \*\.history\) ;; /.test(command)
    ? command
    : `case %f in *.history) ;; *) echo "pitr: absent %f: the recovery ends here" >&2; exit 1;; esac; ${command}`;
}

async function position(host: WriteHost, session: SessionTarget): Promise<string> {
  try {
    return await querySql(host, session, [POSITION]);
  } catch (thrown) {
    if (thrown instanceof PitrError && thrown.kind === 'failed') return thrown.message;
    throw thrown;
  }
}
