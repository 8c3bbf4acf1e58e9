import type { Play, Step, Task } from '../../language/playbook/model.ts';
import type { JournalRecord } from '../journal/records.ts';
import { tagsSelect } from '../run/run-state.ts';
import { unmaskedName } from './masked.ts';

/** Before the id of a task that the playbook does not have any more: no task of it is called so. */
const GONE = 'gone ';

/** A task as the playbook has it now. */
interface Present {
  readonly task: Task;
  /**
   * It may have no record: it only looks and has come in since, tags leave it out, or it is a part of a block that is left
   * when it fails.
   */
  readonly optional: boolean;
}

/** A task as a journal has it. */
interface Recorded {
  readonly id: string;
  readonly module: string;
  /** As it was shown; nothing where the journal does not say, or masks it. */
  readonly name: string | undefined;
  /** It has begun a change. Where it only looked, nothing is missed when the playbook looks no more. */
  readonly changed: boolean;
}

/**
 * The records of a run with the tasks called as the playbook calls them now. The id of a task is its place, and a part of
 * a playbook that has moved into a file of its own has other places, though it does the same: so a task is known again,
 * within its play, by its order, its module and its name (or what it was called `formerly`). No task that may change something may have come in between
 * what was done, and none that made a change may be gone; from the first such one on, `goneId` tells what the journal called them.
 */
export function knownAgain(
  records: readonly JournalRecord[],
  plays: readonly Play[],
  mayChange: (module: string) => boolean,
): JournalRecord[] {
  const [first] = records;
  const { tags = [], skipTags = [] } = first?.type === 'run.started' ? first : {};
  const present = grouped(
    plays.flatMap((play) => presentIn(play, { only: tags, skip: skipTags }, mayChange)),
    ({ task }) => task.id,
  );
  const covered = new Set<string>();
  return stretchesOf(records).flatMap((stretch) => {
    const now = new Map<string, string>();
    for (const [group, recorded] of grouped(recordedIn(stretch), ({ id }) => id)) {
      for (const [id, task] of match(recorded, present.get(group) ?? [], covered)) now.set(id, task);
    }
    for (const id of now.values()) covered.add(id);
    return stretch.map((record) => called(record, (id) => now.get(id) ?? `${GONE}${id}`));
  });
}

/** What the journal calls a task that is not known again; nothing for one that is. */
export function goneId(id: string): string | undefined {
  return id.startsWith(GONE) ? id.slice(GONE.length) : undefined;
}

/** What each process of the run has written: each one had the playbook as it was then. */
function stretchesOf(records: readonly JournalRecord[]): readonly (readonly JournalRecord[])[] {
  const stretches: JournalRecord[][] = [[]];
  for (const record of records) {
    if (record.type === 'run.resumed') stretches.push([]);
    stretches.at(-1)?.push(record);
  }
  return stretches;
}

function called(record: JournalRecord, nameOf: (id: string) => string): JournalRecord {
  switch (record.type) {
    case 'task.started':
    case 'task.result':
      return { ...record, task: nameOf(record.task) };
    case 'change.intended':
      return record.step === undefined
        ? record
        : { ...record, step: { ...record.step, task: nameOf(record.step.task) } };
    default:
      return record;
  }
}

/** In the order of their places. */
function recordedIn(records: readonly JournalRecord[]): readonly Recorded[] {
  const names = new Map<string, string>();
  const modules = new Map<string, string>();
  const changed = new Set<string>();
  for (const record of records) {
    if (record.type === 'task.started') {
      const shown = unmaskedName(record.name);
      if (shown !== undefined) names.set(record.task, shown);
    }
    if (record.type === 'task.result') modules.set(record.task, record.module);
    if (record.type === 'change.intended' && record.step !== undefined) {
      modules.set(record.step.task, record.module);
      changed.add(record.step.task);
    }
  }
  return [...modules]
    .map(([id, module]) => ({ id, module, name: names.get(id), changed: changed.has(id) }))
    .sort((a, b) => a.id.localeCompare(b.id, 'en', { numeric: true }));
}

function presentIn(
  play: Play,
  tags: Parameters<typeof tagsSelect>[1],
  mayChange: (module: string) => boolean,
): readonly Present[] {
  const tasksOf = (step: Step, optional: boolean): readonly Present[] => {
    if (step.kind === 'task')
      return step.module === 'meta'
        ? []
        : [{ task: step, optional: optional || !mayChange(step.module) || !tagsSelect(step.tags, tags) }];
    const mayBeLeft = optional || step.rescue.length > 0 || step.always.length > 0;
    return [...step.block, ...step.rescue, ...step.always].flatMap((inner) => tasksOf(inner, mayBeLeft));
  };
  return [
    ...play.tasks.flatMap((step) => tasksOf(step, false)),
    ...play.handlers.flatMap((handler) => tasksOf(handler, true)),
  ];
}

/** By play; handlers, which run in between, by themselves. */
function grouped<T>(items: readonly T[], idOf: (item: T) => string): ReadonlyMap<string, readonly T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const [, group = ''] = /^(\d+(?:\.h)?)/.exec(idOf(item)) ?? [];
    groups.set(group, [...(groups.get(group) ?? []), item]);
  }
  return groups;
}

/** Recorded id to present id, in order, up to the first one that is not known again. */
function match(
  recorded: readonly Recorded[],
  present: readonly Present[],
  covered: ReadonlySet<string>,
): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  let from = 0;
  for (const one of recorded) {
    const place = placeOf(one, present, from, covered);
    const task = place === undefined ? undefined : present[place]?.task;
    if (place === undefined || task === undefined) {
      if (one.changed) break;
      continue;
    }
    found.set(one.id, task.id);
    from = place + 1;
  }
  return found;
}

/** Which of the present tasks, from a place on, a recorded one is. */
function placeOf(
  one: Recorded,
  present: readonly Present[],
  from: number,
  covered: ReadonlySet<string>,
): number | undefined {
  const must = present.findIndex(
    ({ task, optional }, index) => index >= from && !optional && !covered.has(task.id),
  );
  const last = must < 0 ? present.length - 1 : must;
  const next = [...present.entries()].slice(from, last + 1);
  const same = next.filter(([, { task }]) => isSame(one, task));
  const [place] = same.find(([, { task }]) => task.id === one.id) ?? same[0] ?? [];
  if (place !== undefined) return place;
  const unmoved = present.findIndex(({ task }) => task.id === one.id && task.module === one.module);
  if (unmoved < from) return undefined;
  if (isSame(one, present[unmoved]?.task)) return unmoved;
  // One that has another name by now, unless the name stands at another place.
  const elsewhere = present.some(({ task }) => isSame(one, task));
  return unmoved <= last && !elsewhere ? unmoved : undefined;
}

function isSame({ module, name }: Recorded, task: Task | undefined): boolean {
  if (task?.module !== module) return false;
  return name === undefined || [task.name.value, ...task.formerly].some((written) => fits(name, written));
}

/** Whether a name was rendered from what is written now. */
function fits(name: string, written: string): boolean {
  const literals = written.split(/\{\{.*?\}\}/s).map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'));
  return new RegExp(`^${literals.join('.*')}$`, 's').test(name);
}
