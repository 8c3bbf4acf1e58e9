import { dirname } from 'node:path';
import { asPitrError, PitrError } from '../../base/errors/pitr-error.ts';
import type { AnyModule } from '../../contract/module.ts';
import { loadModule } from '../../modules/registry.ts';
import { isHeld } from '../journal/effects-of.ts';
import type { JournalledChange, JournalledRun } from '../journal/read.ts';
import { leadingVariables } from './leading-variables.ts';
import { maskedField } from './masked.ts';
import { carriesOlder, stands } from './standing-changes.ts';
import type { Story } from './story.ts';

export interface UndoWish {
  /** Only the changes from this number on. */
  readonly from?: number | undefined;
  /** Changes to be left as they are, although older ones are taken back. */
  readonly keep?: readonly number[] | undefined;
  /** What the run held (its lock) is neither held again nor given back: its host is gone. */
  readonly withoutLock?: boolean | undefined;
}

/** A change that cannot be taken back; nothing older can be either, as long as it stands. */
export interface Wall {
  readonly change: JournalledChange;
  readonly why: string;
  /** Whether the operator may leave it standing and take back what is older. */
  readonly canBeKept: boolean;
}

/** How older changes are taken back although a wall stands before them. */
export interface WayAround {
  /** All changes that have to stay for it, newest first: the wall, and those behind it that cannot be taken back either. */
  readonly keep: readonly number[];
  /** The oldest change that is taken back then, where one behind it cannot be left standing. */
  readonly from: number | undefined;
}

/** What would be taken back, and what stands in the way. */
export interface UndoPlan {
  readonly run: JournalledRun;
  /** What became of the run: where it is closed there are no steps. */
  readonly story: Story;
  /** Nothing that the run held is held again or given back. */
  readonly withoutLock: boolean;
  /** Newest first; those that were only half made, too. */
  readonly steps: readonly JournalledChange[];
  /** What taking a step back will do (a command, a path), by the number of its change. */
  readonly shown: ReadonlyMap<number, readonly string[]>;
  /** The newest change that cannot be taken back. */
  readonly wall: Wall | undefined;
  /** Nothing where no older change can be taken back. */
  readonly wayAround: WayAround | undefined;
  /** What is older than the wall, newest first: it stays. */
  readonly behindWall: readonly JournalledChange[];
  /** Stays because it was asked to, newest first. */
  readonly kept: readonly JournalledChange[];
  /** The variables that its hosts, and those of the newest run of its recovery, are reached by. */
  readonly leading: ReadonlySet<string>;
}

/**
 * Which changes of a run can be taken back, from its journal and the modules alone: no host is contacted. Throws kind
 * `usage` for a number that the run does not have.
 */
export async function planUndo(story: Story, wish: UndoWish = {}): Promise<UndoPlan> {
  const { run } = story;
  const { from = 1, keep = [], withoutLock = false } = wish;
  const about = { run, story, withoutLock, leading: await leadingIn(story) };
  const open = { wall: undefined, wayAround: undefined, behindWall: [] };
  for (const number of [...(wish.from === undefined ? [] : [wish.from]), ...keep]) checkNumber(run, number);
  if (story.closed !== undefined) {
    return { ...about, ...open, steps: [], shown: new Map(), kept: [] };
  }
  const standing = run.changes.filter((change) => stands(change) && change.intent.number >= from).reverse();
  const steps: JournalledChange[] = [];
  const kept: JournalledChange[] = [];
  const isWanted = ({ intent }: JournalledChange): boolean =>
    keep.includes(intent.number) || (withoutLock && isHeld(intent));
  for (const [index, change] of standing.entries()) {
    const wanted = isWanted(change);
    const wall = await wallOf(change, run);
    if (wall !== undefined && !(wanted && wall.canBeKept)) {
      const shown = await shownOf(steps, run);
      const wayAround = await wayAroundOf(standing.slice(index), isWanted, run);
      return { ...about, steps, shown, wall, wayAround, behindWall: standing.slice(index + 1), kept };
    }
    (wanted ? kept : steps).push(change);
  }
  return { ...about, ...open, steps, shown: await shownOf(steps, run), kept };
}

async function leadingIn({ run, runs }: Story): Promise<ReadonlySet<string>> {
  const found = await Promise.all([run, runs.at(-1) ?? run].map((one) => leadingVariables(one)));
  return new Set(found.flatMap((names) => [...names]));
}

async function wayAroundOf(
  changes: readonly JournalledChange[],
  isWanted: (change: JournalledChange) => boolean,
  run: JournalledRun,
): Promise<WayAround | undefined> {
  const keep: number[] = [];
  let oldest: number | undefined;
  let end: number | undefined;
  for (const change of changes) {
    const { number } = change.intent;
    const wall = await wallOf(change, run);
    if (wall === undefined) {
      if (!isWanted(change)) oldest = number;
    } else if (!wall.canBeKept || (!isWanted(change) && carriesOlder(change))) {
      end = oldest;
      break;
    } else if (!isWanted(change)) keep.push(number);
  }
  if (oldest === undefined) return undefined;
  return { keep: end === undefined ? keep : keep.filter((number) => number > end), from: end };
}

async function shownOf(
  steps: readonly JournalledChange[],
  run: JournalledRun,
): Promise<ReadonlyMap<number, readonly string[]>> {
  const entries = await Promise.all(
    steps.map(async (change): Promise<readonly [number, readonly string[]]> => {
      const module = await moduleOf(change, run);
      const { number, change: what } = change.intent;
      return [number, module.kind === 'change' ? (module.undoShown?.(what) ?? []) : []];
    }),
  );
  return new Map(entries);
}

/**
 * The module of a change; its author's own ones lie where the run had them from, or beside the playbook. Where that is
 * says the journal, so none of them is loaded before the journal is believed.
 */
export function moduleOf({ intent }: JournalledChange, run: JournalledRun): Promise<AnyModule> {
  return run.believed
    ? loadModule(intent.module, [dirname(run.started.playbook)], intent.modules)
    : loadModule(intent.module);
}

/** Why a change cannot be taken back; nothing where it can. */
export async function wallOf(change: JournalledChange, run: JournalledRun): Promise<Wall | undefined> {
  const { intent } = change;
  let module: AnyModule;
  try {
    module = await moduleOf(change, run);
  } catch (thrown) {
    return { change, why: asPitrError(thrown).message, canBeKept: true };
  }
  const undoing = module.kind === 'change' && typeof module.undo === 'function' ? module : undefined;
  if (intent.undoable !== true) return { change, why: intent.undoable, canBeKept: undoing !== undefined };
  if (undoing === undefined)
    return { change, why: `${intent.module} of this pitr cannot undo`, canBeKept: false };
  // Which format it has the run does not say: a newer pitr may have resumed it.
  const masked = maskedField(intent.change, intent.effects === undefined);
  if (masked === undefined) return undefined;
  const why = `the journal does not hold the secret that its "${masked}" has to hold: secrets are masked in it`;
  return { change, why, canBeKept: true };
}

function checkNumber({ changes, started }: JournalledRun, number: number): void {
  if (changes.some(({ intent }) => intent.number === number)) return;
  throw new PitrError({
    kind: 'usage',
    code: 'change-unknown',
    message: `run ${started.runId} has no change ${number}`,
    details: [changes.length === 0 ? 'it made none' : `it has the changes 1 to ${changes.length}`],
    next: [`pitr runs ${started.runId}`],
  });
}
