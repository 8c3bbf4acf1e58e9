/** A part of a recovery. */
export interface Part {
  readonly name: string;
  readonly seconds: number;
}

/** What of an event is needed; those of a run and those that were read from its output have it. */
interface Told {
  readonly type: string;
  readonly time: number;
  readonly task?: { readonly name: string } | undefined;
}

/** The parts of the time in which nobody can write, in their order: by the task that begins each. */
const PARTS: readonly (readonly [name: string, begins: string])[] = [
  ['stop', 'Stop the old leader, last'],
  ['lock look', 'Look whether a member leads again'],
  ['hand-over', 'Hand the recovered node to Patroni'],
  ['lead', 'Prove that it leads'],
  ['restart', 'Let Patroni restart it where settings need it, still closed'],
  ['open', 'Let it choose synchronous standbys'],
];
/** With the end of this clients are let in. */
export const OPENED = 'Open it to clients';

/** The names of tasks by which the outage is told. */
export const TOLD_BY: readonly string[] = [...PARTS.map(([, begins]) => begins), OPENED];

/** How long each part of the outage of a cut-over lasted, up to the moment at which clients are let in again. */
export function partsOfOutage(events: readonly Told[]): readonly Part[] {
  const at = (type: string, name: string): number | undefined =>
    events.find((event) => event.type === type && event.task?.name === name)?.time;
  const marks = PARTS.flatMap(([name, begins]) => {
    const time = at('task.started', begins);
    return time === undefined ? [] : [{ name, time }];
  });
  const end = at('task.finished', OPENED) ?? Number.NaN;
  return marks.map(({ name, time }, index) => ({
    name,
    seconds: ((marks[index + 1]?.time ?? end) - time) / 1000,
  }));
}

/** The whole of it; NaN where the events do not tell it. */
export function outageOf(events: readonly Told[]): number {
  const parts = partsOfOutage(events);
  return parts.length === 0 ? Number.NaN : parts.reduce((sum, { seconds }) => sum + seconds, 0);
}
