import { asPitrError, type PitrError } from '../../base/errors/pitr-error.ts';
import type { HostConnection } from '../../transport/types.ts';
import type { JournalledChange, JournalledRun } from '../journal/read.ts';
import { liveHost } from '../run/live-host.ts';
import { changeMark, endOrphansOfChange } from './orphans.ts';
import { stands } from './standing-changes.ts';
import { moduleOf } from './undo-plan.ts';

/** What is looked for, and where. */
export interface OrphanSearch {
  /** The changes that it is about; what is left of any other stays as it is. */
  readonly among: readonly JournalledChange[];
  /** Throws for a host that is not in the inventory. */
  readonly connection: (host: string) => HostConnection;
  readonly signal: AbortSignal;
  /** Hears of each change that had left something at work. */
  readonly tell: (text: string, host: string) => void;
  /** Hears why nobody can look on a host; what it throws ends the search. */
  readonly blind: (error: PitrError, host: string) => void;
}

/**
 * Ends what a run, or an undo of it, has left at work on hosts: changes that nobody lived to say the end of, and those
 * that failed, for a lost connection leaves behind what ran on its other side.
 */
export async function endOrphansOfRun(
  run: JournalledRun,
  { among, connection, signal, tell, blind }: OrphanSearch,
): Promise<void> {
  const isThere = (change: JournalledChange): boolean => stands(change) && among.includes(change);
  const unfinished = run.changes.filter((change) => {
    if (change.ended === 'done' && !change.halfUndone) return false;
    // What a lost try has left at work is still there when a later one has made its change whole.
    const { madeWholeBy } = change;
    return madeWholeBy === undefined
      ? isThere(change)
      : run.changes.some((later) => later.intent.number === madeWholeBy && isThere(later));
  });
  const endOf = async (change: JournalledChange): Promise<void> => {
    const { host, number, user, change: what } = change.intent;
    const module = await moduleOf(change, run);
    if (module.kind !== 'change' || module.orphans !== 'end') return;
    const orphans = { mark: changeMark(run.started.runId, number), ageMs: ageOf(change, run) };
    try {
      const live = liveHost(connection(host), connection, { user, signal });
      const ended = await endOrphansOfChange(live, orphans, user, what);
      if (ended > 0) tell(`ended what change ${number} had left at work: ${what.summary}`, host);
    } catch (thrown) {
      blind(asPitrError(thrown), host);
    }
  };
  await Promise.all(unfinished.map(endOf));
}

/** Older than any process. */
const ANY_AGE_MS = 1e12;

/** How long ago a change was begun, as far as the clock can tell: one that was set back, or that of another controller, cannot. */
function ageOf({ intent }: JournalledChange, { records }: JournalledRun): number {
  const now = Date.now();
  return records.some(({ time }) => time > now) ? ANY_AGE_MS : now - intent.time;
}
