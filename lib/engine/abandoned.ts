import type { JournalledRun } from '../journal/read.ts';
import type { HostConnection } from '../transport/types.ts';
import { liveHost } from './live-host.ts';
import { changeMark, endOrphans } from './orphans.ts';
import { moduleOf } from './undo-plan.ts';

/**
 * Ends what a run that did not live to say how its changes ended has left at work on hosts. `tell` hears of each one.
 * Throws kind `unreachable` where nobody can look.
 */
export async function endAbandoned(
  run: JournalledRun,
  connection: (host: string) => HostConnection,
  signal: AbortSignal,
  tell: (text: string, host: string) => void,
): Promise<void> {
  const open = run.changes.filter(({ ended, undone }) => ended === 'open' && !undone);
  await Promise.all(
    open.map(async (change) => {
      const { host, number, user, change: what } = change.intent;
      const module = await moduleOf(change, run);
      if (module.kind !== 'change' || module.orphans !== 'end') return;
      const live = liveHost(connection(host), connection, { user, signal });
      const ended = await endOrphans(live, changeMark(run.started.runId, number));
      if (ended > 0) tell(`ended what change ${number} had left at work: ${what.summary}`, host);
    }),
  );
}
