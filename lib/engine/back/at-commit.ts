import { asPitrError, PitrError } from '../../base/errors/pitr-error.ts';
import type { AnyModule } from '../../contract/module.ts';
import { isHeld } from '../journal/effects-of.ts';
import type { JournalledChange, JournalledRun } from '../journal/read.ts';
import { type HeldChange, heldUntilCommit } from './left-by-commit.ts';
import { type PlaceAgain, placeAgain, type WorkAgain } from './place-again.ts';
import { stands } from './standing-changes.ts';
import { moduleOf, type Wall, wallOf } from './undo-plan.ts';

/** What a commit works with. */
export interface CommitSurroundings extends WorkAgain {
  /** Hosts on which everything stays as it is. */
  readonly leftOut: ReadonlySet<string>;
  /** Something that the operator should know, that is not a failure. */
  readonly warn: (host: string, text: string) => void;
}

/** A change as a commit finds it: its module, and its place. */
export async function changeAtCommit(
  run: JournalledRun,
  change: JournalledChange,
  { warn, ...work }: WorkAgain & Pick<CommitSurroundings, 'warn'>,
): Promise<PlaceAgain & { readonly module: AnyModule }> {
  const module = await moduleOf(change, run);
  const told = { progress: () => {}, warn: (text: string) => warn(change.intent.host, text) };
  return { module, ...placeAgain(run, change, work, told) };
}

/** The lock that the recovery was made under: the last one that stands. */
export function lockOf(runs: readonly JournalledRun[]): HeldChange | undefined {
  return runs
    .flatMap((run) => run.changes.map((change) => ({ run, change })))
    .findLast(({ change }) => isHeld(change.intent) && stands(change));
}

/** What was let go of, and why the rest was not. */
export interface LetGo {
  readonly letGo: readonly HeldChange[];
  readonly error?: PitrError;
}

/**
 * Lets go of what the runs hold only until their recovery is accepted, newest first: takes those changes back. It ends at the
 * first failure; the same commit again goes on.
 */
export async function letGoAll(
  runs: readonly JournalledRun[],
  surroundings: CommitSurroundings,
): Promise<LetGo> {
  const letGo: HeldChange[] = [];
  for (const { run, change } of heldUntilCommit(runs)) {
    if (surroundings.leftOut.has(change.intent.host)) continue;
    try {
      const wall = await wallOf(change, run);
      if (wall !== undefined) throw notLetGo(wall, run);
      const { module, host, context, tellMasked } = await changeAtCommit(run, change, surroundings);
      if (module.kind !== 'change' || typeof module.undo !== 'function') continue;
      tellMasked();
      await module.undo(host(), change.intent.change, context);
      letGo.push({ run, change });
    } catch (thrown) {
      return { letGo, error: asPitrError(thrown).with({ host: change.intent.host }) };
    }
  }
  return { letGo };
}

function notLetGo({ change: { intent }, why }: Wall, { started }: JournalledRun): PitrError {
  return new PitrError({
    kind: 'failed',
    code: 'not-let-go',
    message: `what change ${intent.number}, "${intent.change.summary}", holds is not let go: ${why}`,
    next: [`See what it holds, and let go of it by hand: pitr runs ${started.runId}`],
  });
}
