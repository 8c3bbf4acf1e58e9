import type { TaskStatus } from '../events/events.ts';
import { type BegunChange, begunIn } from './begun.ts';
import { effectsOf, isHeld } from './effects-of.ts';
import { type JudgedWell, judgedTurns, judgedWell } from './judged.ts';
import type { JournalRecord, TaskTurn } from './records.ts';
import { changeKey, changeOfTurn, keyOf, type MadeFrom, taskKey } from './turns.ts';

type Of<T extends JournalRecord['type']> = Extract<JournalRecord, { readonly type: T }>;

type Entry =
  | {
      readonly kind: 'result';
      readonly at: number;
      readonly host: string;
      readonly record: Of<'task.result'>;
    }
  | {
      readonly kind: 'change';
      readonly at: number;
      readonly host: string;
      readonly made: MadeChange;
      /** Its task judged it as failed: it was made, and does not count as made. */
      readonly judged?: true;
    }
  | { readonly kind: 'rescued' | 'left'; readonly at: number; readonly host: string };

/** A change that was made, and stands. */
export interface MadeChange {
  readonly intent: Of<'change.intended'>;
  /** Of its task: what the intent has as `step`. */
  readonly turn: TaskTurn;
  readonly result: Of<'change.done'>['result'];
  /** An item of a loop that its task took for good then: it need not be judged again by what the journal masks. */
  readonly judged?: JudgedWell | undefined;
}

/**
 * What a resumed run need not do again, from its journal.
 *
 * Every change that was made stands, unless an undo has begun to take it back: how far that came is for its module to
 * see. The results of tasks up to the last of them stand with it: what was decided before a change is not decided anew
 * after it. Whatever was only looked at since then is looked at again, so a run that changed nothing starts from its
 * beginning; so is what a change gave that can end by itself, unless a later one ended it, moved it or gave it into other
 * hands. On a host that failed, nothing counts from its failure on, unless the failure was ignored or rescued; nor does
 * the change that its task judged as failed (`failed_when`): its result would be judged the same for ever. Failures of other
 * kinds say nothing of changes that were made before them.
 */
export class Past {
  readonly #results: ReadonlyMap<string, Of<'task.result'>>;
  readonly #changes: Map<string, MadeChange>;
  /** The turns that have asked for their change. */
  readonly #asked = new Set<string>();
  readonly #begun: readonly BegunChange[];
  readonly #askedBegun = new Set<string>();

  constructor(
    results: ReadonlyMap<string, Of<'task.result'>>,
    changes: Map<string, MadeChange>,
    begun: readonly BegunChange[],
  ) {
    this.#results = results;
    this.#changes = changes;
    this.#begun = begun;
  }

  /** How many results of tasks stand. */
  get size(): number {
    return this.#results.size;
  }

  /** How many changes stand. */
  get changeCount(): number {
    return this.#changes.size;
  }

  /** All results that stand, to hold them against a playbook. */
  results(): Iterable<Of<'task.result'>> {
    return this.#results.values();
  }

  /** All changes that stand, likewise. */
  changes(): Iterable<MadeChange> {
    return this.#changes.values();
  }

  /** The result of a task that need not run again. */
  result(turn: Omit<TaskTurn, 'item' | 'value'>): Of<'task.result'> | undefined {
    return this.#results.get(keyOf(turn));
  }

  /**
   * The change that a task, of which no result stands, has made already. Given once: a second try is a new one. In a loop it
   * is that of the same item (`changeOfTurn`).
   */
  takeChange(turn: TaskTurn, madeFrom?: MadeFrom): MadeChange | undefined {
    const asked = keyOf(turn);
    if (this.#asked.has(asked)) return undefined;
    this.#asked.add(asked);
    const made = changeOfTurn([...this.#changes.values()], turn, madeFrom);
    if (made !== undefined) this.#changes.delete(changeKey(made.turn));
    return made;
  }

  /**
   * A change that the run has begun for this turn, and that nobody has taken back, where none stands: broken off, failed, or
   * judged as failed. Given once, likewise.
   */
  takeBegun(turn: TaskTurn, madeFrom?: MadeFrom): BegunChange | undefined {
    const asked = keyOf(turn);
    if (this.#askedBegun.has(asked)) return undefined;
    this.#askedBegun.add(asked);
    return changeOfTurn(this.#begun, turn, madeFrom);
  }

  /** The changes of a turn that did not come to their end, nor has a later one: of all its items where none is named. */
  half(turn: TaskTurn): readonly BegunChange[] {
    const ofTask = this.#begun.filter((one) => taskKey(one.turn) === taskKey(turn));
    const newest = new Map<string, BegunChange>();
    for (const one of ofTask.toReversed()) newest.set(changeKey(one.turn), one);
    const asked = turn.item === undefined ? [...newest.values()] : [changeOfTurn(ofTask, turn, undefined)];
    return asked.flatMap((one) => (one?.isHalf === true ? [one] : []));
  }
}

/** What stands of a run. */
export function pastOf(records: readonly JournalRecord[]): Past {
  let entries: Entry[] = [];
  let beforeUndo: Entry[] | undefined;
  // What ends with its process is made anew by the next one, and so is the result of its task.
  const held = new Set<string>();
  const intents = new Map<number, { readonly at: number; readonly intent: Of<'change.intended'> }>();
  const judged = new Map<TaskTurn, JudgedWell>();
  let turns: TaskTurn[] = [];
  for (const [at, record] of records.entries()) {
    switch (record.type) {
      case 'run.resumed':
        // The items of the next process may stand at other places.
        turns = [];
        // What may have ended stays in it: it may end under this process, too.
        entries = standing(entries);
        break;
      case 'task.result':
        entries.push({ kind: 'result', at, host: record.host, record });
        for (const turn of turns.filter((one) => taskKey(one) === taskKey(record))) {
          const well = judgedWell(record.result, turn.item);
          if (well !== undefined) judged.set(turn, well);
        }
        break;
      case 'host.rescued':
        entries.push({ kind: 'rescued', at, host: record.host });
        break;
      case 'host.left':
        entries.push({ kind: 'left', at, host: record.host });
        break;
      case 'change.intended':
        intents.set(record.number, { at, intent: record });
        break;
      case 'change.done': {
        const intent = intents.get(record.number)?.intent;
        const turn = intent?.step;
        if (intent === undefined || turn === undefined) break;
        if (isHeld(intent)) {
          held.add(taskKey(turn));
          break;
        }
        turns.push(turn);
        const made = { intent, turn, result: record.result };
        entries.push({ kind: 'change', at, host: turn.host, made });
        break;
      }
      case 'undo.started':
        beforeUndo = undefined;
        break;
      case 'change.undoing':
      case 'change.undone': {
        const from = intents.get(record.number)?.at ?? at;
        beforeUndo = entries;
        entries = entries.filter((entry) => entry.at < from);
        break;
      }
      case 'change.undo-refused':
        entries = beforeUndo ?? entries;
        beforeUndo = undefined;
        break;
      default:
        break;
    }
  }
  const results = new Map<string, Of<'task.result'>>();
  const changes = new Map<string, MadeChange>();
  for (const entry of standing(withoutEnded(withoutFailed(entries)))) {
    if (entry.kind === 'result' && !held.has(taskKey(entry.record)))
      results.set(keyOf(entry.record), entry.record);
    if (entry.kind === 'change' && entry.judged !== true) {
      const { made } = entry;
      changes.set(changeKey(made.turn), { ...made, judged: judged.get(made.turn) });
    }
  }
  return new Past(results, changes, begunIn(records));
}

const FAILED: readonly TaskStatus[] = ['failed', 'unreachable'];

/** What counts and was done up to the last change that stands: what was only looked at since then is looked at again. */
function standing(entries: readonly Entry[]): Entry[] {
  const counting = withoutFailed(entries);
  const made = counting.flatMap((entry) => (entry.kind === 'change' && entry.judged !== true ? [entry] : []));
  const lastChange = made.at(-1)?.at ?? -1;
  const changed = new Set(made.map((entry) => taskKey(entry.made.turn)));
  return counting.filter(
    (entry) => entry.kind !== 'result' || entry.at < lastChange || changed.has(taskKey(entry.record)),
  );
}

function withoutFailed(entries: readonly Entry[]): Entry[] {
  const ends = new Map<string, Entry>();
  for (const entry of entries) {
    const { host } = entry;
    if (entry.kind === 'rescued') ends.delete(host);
    const fails =
      entry.kind === 'result' && FAILED.includes(entry.record.status) && entry.record.ignored !== true;
    if ((fails || entry.kind === 'left') && !ends.has(host)) ends.set(host, entry);
  }
  const judged = new Set([...ends.values()].flatMap((end) => judgedBy(end, entries)));
  return entries.flatMap((entry) => {
    const end = ends.get(entry.host);
    if (end === undefined) return [entry];
    if (entry.at >= end.at) return [];
    return [entry.kind === 'change' && judged.has(entry.made.turn) ? { ...entry, judged: true } : entry];
  });
}

/** The turns that a failure judged as failed. */
function judgedBy(end: Entry, entries: readonly Entry[]): readonly TaskTurn[] {
  if (end.kind !== 'result') return [];
  const ofTask = entries.flatMap((entry) =>
    entry.kind === 'change' && taskKey(entry.made.turn) === taskKey(end.record) ? [entry.made.turn] : [],
  );
  return judgedTurns(end.record, ofTask);
}

/** Without what a change gave that may have ended since, and that nobody else has taken over: its task runs again. */
function withoutEnded(entries: readonly Entry[]): Entry[] {
  const given = new Map<string, TaskTurn>();
  for (const entry of entries) {
    if (entry.kind !== 'change') continue;
    const { intent, turn } = entry.made;
    for (const { kind, id, lasts, supersedes } of effectsOf(intent)) {
      const name = `${intent.host} ${kind} ${id}`;
      if (supersedes === true) given.delete(name);
      if (lasts === 'until it ends') given.set(name, turn);
    }
  }
  const turns = new Set([...given.values()].map(changeKey));
  const tasks = new Set([...given.values()].map(taskKey));
  return entries.filter(
    (entry) =>
      !(entry.kind === 'change' && turns.has(changeKey(entry.made.turn))) &&
      !(entry.kind === 'result' && tasks.has(taskKey(entry.record))),
  );
}
