import type { WriteHost } from '../../contract/host.ts';
import type { WorkContext } from '../../contract/module.ts';
import { historyFileName, timelineId } from '../wal/timeline.ts';
import type { SessionTarget } from './sql.ts';

interface Numbers {
  /** The timeline that was left, and the one that was begun. */
  readonly from: number;
  readonly to: number;
}

/**
 * Puts the history files of the numbers that a promotion has passed over into pg_wal, with the restore_command that
 * found them taken. walreceiver.c asks the primary for the file of every number between its own timeline and the
 * primary's, also of those that are no part of the way, and stops at the first one that is not there; and a promotion
 * keeps only those of its own way. Harmless to the instance itself: it never looks at numbers below its own.
 */
export async function fetchPassedOver(
  host: WriteHost,
  { pgdata, user }: Pick<SessionTarget, 'pgdata' | 'user'>,
  restoreCommand: string,
  { from, to }: Numbers,
  context: Pick<WorkContext, 'warn' | 'signal'>,
): Promise<void> {
  for (let number = from + 1; number < to; number++) {
    const name = historyFileName(timelineId(number));
    const path = `pg_wal/${name}`;
    const there = await host.run(['test', '-f', `${pgdata}/${path}`], { user, cwd: '/' });
    if (there.exitCode === 0) continue;
    const command = restoreCommand.replace(/%([fp%])/g, (_, place: string) =>
      place === 'f' ? name : place === 'p' ? path : '%',
    );
    const { exitCode } = await host.run(['sh', '-c', command], {
      user,
      cwd: pgdata,
      timeoutMs: 120_000,
      signal: context.signal,
    });
    if (exitCode === 0) continue;
    context.warn(`${name} could not be fetched: a member on timeline ${from} cannot follow without it.`);
  }
}
