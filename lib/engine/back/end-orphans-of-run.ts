import type { HostConnection } from '../../transport/types.ts';
import type { JournalledChange, JournalledRun } from '../journal/read.ts';
import { liveHost } from '../run/live-host.ts';
import { changeMark, endOrphansOfChange } from './orphans.ts';
import { stands } from './standing-changes.ts';
import { moduleOf } from './undo-plan.ts';

/**
 * Ends what a run, or an undo of it, has left at work on hosts: changes that nobody lived to say the end of, and those
 * that failed, for a lost connection leaves behind what ran on its other side. `kept` stays as it is. `tell` hears of each
 * one. Throws kind `unreachable` or `refused` where nobody can look.
 */
export async function endOrphansOfRun(
  run: JournalledRun,
  connection: (host: string) => HostConnection,
  signal: AbortSignal,
  tell: (text: string, host: string) => void,
  kept: readonly JournalledChange[] = [],
): Promise<void> {
  const isThere = (change: JournalledChange): boolean => stands(change) && !kept.includes(change);
  const unfinished = run.changes.filter((change) => {
    if (change.ended === 'done' && !change.halfUndone) return false;
    // What a lost try has left at work is still there when a later one has made its change whole.
    const { madeWholeBy } = change;
    return madeWholeBy === undefined
      ? isThere(change)
      : run.changes.some((later) => later.intent.number === madeWholeBy && isThere(later));
  });
  await Promise.all(
    unfinished.map(async (change) => {
      const { host, number, user, change: what } = change.intent;
      const module = await moduleOf(change, run);
      if (module.kind !== 'change' || module.orphans !== 'end') return;
      const live = liveHost(connection(host), connection, { user, signal });
      const orphans = { mark: changeMark(run.started.runId, number), ageMs: ageOf(change, run) };
      const ended = await endOrphansOfChange(live, orphans, user, what);
      if (ended > 0) tell(`ended what change ${number} had left at work: ${what.summary}`, host);
    }),
  );
}

/** Older than any process. */
const ANY_AGE_MS = 1e12;

/** How long ago a change was begun, as far as the clock can tell: one that was set back, or that of another controller, cannot. */
function ageOf({ intent }: JournalledChange, { records }: JournalledRun): number {
  const now = Date.now();
  return records.some(({ time }) => time > now) ? ANY_AGE_MS : now - intent.time;
}
