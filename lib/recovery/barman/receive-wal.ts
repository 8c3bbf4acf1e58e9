import { type CommandEvidence, PitrError } from '../../base/errors/pitr-error.ts';
import type { ReadHost, WriteHost } from '../../contract/host.ts';
import { probe } from '../../contract/probe.ts';
import type { RunResult } from '../../transport/types.ts';

/** A refusal of the leader comes at once; who receives for so long is let in. */
const TRIAL_SECONDS = 5;
const GRACE_MS = 30_000;

export interface Attempt {
  /** `running`: another process of this server holds its lock. */
  readonly outcome: 'receives' | 'running' | 'fails';
  readonly result: RunResult;
}

/** Receives WAL for a moment, as Barman's cron would, and tells how that went. */
export async function tryToReceive(
  host: WriteHost,
  server: string,
  user: string,
  signal: AbortSignal,
): Promise<Attempt> {
  const result = await host.run(
    ['timeout', '-s', 'INT', String(TRIAL_SECONDS), 'barman', 'receive-wal', server],
    { user, ownChannel: true, timeoutMs: TRIAL_SECONDS * 1000 + GRACE_MS, signal },
  );
  if (/already running/.test(`${result.stdout}${result.stderr}`)) return { outcome: 'running', result };
  const TIMED_OUT = 124;
  return { outcome: result.exitCode === TIMED_OUT ? 'receives' : 'fails', result };
}

/** The newest timeline of which WAL was received and lies there; undefined where none does. */
export async function newestReceived(
  host: ReadHost,
  directory: string,
  user: string,
): Promise<number | undefined> {
  const listed = await host.query(probe(['ls', '-1', '--', directory], { user }));
  const timelines = listed.stdout
    .split('\n')
    .filter((name) => /^[0-9A-F]{24}(\.partial)?(\.\w+)?$/.test(name))
    .map((name) => Number.parseInt(name.slice(0, 8), 16));
  return timelines.length === 0 ? undefined : Math.max(...timelines);
}

export function receiveFails(server: string, host: string, evidence: CommandEvidence): PitrError {
  return new PitrError({
    kind: 'failed',
    code: 'wal-not-received',
    message: `Barman server ${server} does not receive WAL by streaming`,
    host,
    evidence,
    next: [
      `See what it says: barman receive-wal ${server} (and Barman's log)`,
      `Where the position is not in the leader's history: barman receive-wal --reset ${server}; barman cron`,
      'When the cause is gone: pitr resume',
    ],
  });
}
