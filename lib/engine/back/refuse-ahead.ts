import { asPitrError, type PitrError } from '../../base/errors/pitr-error.ts';
import type { ReadHost } from '../../contract/host.ts';
import type { NewerChange, WorkContext } from '../../contract/module.ts';
import { effectsOf } from '../journal/effects-of.ts';
import type { JournalledChange } from '../journal/read.ts';
import { inParallel } from '../run/pool.ts';
import { moduleOf, type UndoPlan } from './undo-plan.ts';

/** A change that its module would refuse to take back, as things stand before the first one is. */
export interface RefusedAhead {
  readonly change: JournalledChange;
  readonly error: PitrError;
}

const FORKS = 20;

/** Asks the module of every step, before the first one is taken back, whether it may be. Newest first, by looking alone. */
export async function refusedAhead(
  { steps, run }: Pick<UndoPlan, 'steps' | 'run'>,
  placeOf: (change: JournalledChange) => { readonly looking: () => ReadHost; readonly context: WorkContext },
): Promise<readonly RefusedAhead[]> {
  const asked = steps.map((change, index) => ({ change, newer: steps.slice(0, index).map(newerOf) }));
  const refused = await inParallel(asked, FORKS, async ({ change, newer }): Promise<RefusedAhead[]> => {
    const module = await moduleOf(change, run);
    if (module.kind !== 'change' || module.mayUndo === undefined) return [];
    const { looking, context } = placeOf(change);
    try {
      await module.mayUndo(looking(), change.intent.change, context, newer);
      return [];
    } catch (thrown) {
      return [{ change, error: asPitrError(thrown) }];
    }
  });
  return refused.flat();
}

function newerOf({ intent }: JournalledChange): NewerChange {
  return { host: intent.host, change: intent.change, effects: effectsOf(intent) };
}
