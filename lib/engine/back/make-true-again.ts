import type { WriteHost } from '../../contract/host.ts';
import type { WorkContext } from '../../contract/module.ts';
import { isHeld } from '../journal/effects-of.ts';
import type { JournalledChange } from '../journal/read.ts';
import { moduleOf, type UndoPlan } from './undo-plan.ts';

/**
 * Before `first`, the newest change of its host, is taken back: makes the change true again on which it rests, and what
 * came before it (a member was stopped, and then its data moved). Does nothing for any other change.
 */
export async function makeTrueAgain(
  first: JournalledChange,
  { steps, run }: Pick<UndoPlan, 'steps' | 'run'>,
  placeOf: (change: JournalledChange) => { readonly host: WriteHost; readonly context: WorkContext },
): Promise<void> {
  const ofHost = steps.filter(({ intent }) => intent.host === first.intent.host);
  if (ofHost[0] !== first) return;
  for (const change of ofHost) {
    const module = await moduleOf(change, run);
    if (module.kind !== 'change' || module.again === undefined || isHeld(change.intent)) continue;
    if (change === first) return;
    const { host, context } = placeOf(change);
    await module.again(host, change.intent.change, context);
    return;
  }
}
