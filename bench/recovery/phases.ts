import { z } from 'zod';

const event = z.looseObject({
  type: z.string(),
  time: z.number(),
  task: z.looseObject({ name: z.string(), module: z.string() }).optional(),
});

/** A part of a recovery, in the order in which they come: by the task that begins it. */
const PHASES: readonly (readonly [name: string, begins: RegExp])[] = [
  ['checks, and the moment', /^The target is a node of this cluster$/],
  ['lock, and WAL that was still to come', /^Lock the cluster against other recoveries$/],
  ['base backup', /^Restore the base backup beside the live data$/],
  ['into its place', /^Aim at the moment$/],
  ['isolated start', /^Start PostgreSQL in isolation$/],
  ['replay', /^Replay WAL up to the moment$/],
  ['looks before the cut-over', /^(?:Run the checks of the data|List prepared transactions)$/],
  ['promotion', /^Promote the recovered node, still isolated$/],
  ['closed start, and logins', /^(?:Clear away the recovery settings)$/],
  ['replicas stop', /^Stop the replicas$/],
  ['old leader stops', /^Stop the old leader, last$/],
  ['Patroni takes over', /^Hand the recovered node to Patroni$/],
  ['archiving proved', /^Let Barman receive its WAL$/],
  ['first member', /^Read who follows the leader already$/],
  ['the end, told', /^Look for the old data$/],
  ['new base backup', /^Take a new base backup$/],
];

export interface Phase {
  readonly name: string;
  readonly seconds: number;
}

/** How long each part of a recovery lasted, from the events of its run (`--output json`). */
export function phasesOf(lines: readonly string[]): readonly Phase[] {
  const events = lines.flatMap((line) => {
    if (line === '') return [];
    return [event.parse(JSON.parse(line))];
  });
  const marks: { name: string; at: number }[] = [];
  let members = 0;
  for (const { type, time, task } of events) {
    if (type === 'run.finished') marks.push({ name: 'end', at: time });
    if (type !== 'task.started' || task === undefined) continue;
    const phase = PHASES.findLast(([, begins]) => begins.test(task.name))?.[0];
    if (phase === undefined) continue;
    if (phase === 'first member' && members++ > 0) marks.push({ name: 'the other members', at: time });
    else if (!marks.some(({ name }) => name === phase)) marks.push({ name: phase, at: time });
  }
  return marks.slice(0, -1).map(({ name, at }, index) => ({
    name,
    seconds: ((marks[index + 1]?.at ?? at) - at) / 1000,
  }));
}

/** From the stop of the old leader to the moment at which clients are let in again. */
export function outageOf(lines: readonly string[]): number {
  const at = (type: string, name: string): number => {
    for (const line of lines) {
      if (!line.includes(`"${type}"`)) continue;
      const { task, time } = event.parse(JSON.parse(line));
      if (task?.name === name) return time;
    }
    return Number.NaN;
  };
  return (at('task.finished', 'Open it to clients') - at('task.started', 'Stop the old leader, last')) / 1000;
}
