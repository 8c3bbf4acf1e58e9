import { z } from 'zod';
import { OPENED, type Part } from './outage.ts';

const event = z.looseObject({
  type: z.string(),
  time: z.number(),
  task: z.looseObject({ name: z.string() }).optional(),
});

type Event = z.output<typeof event>;

/** A part of a recovery, in the order in which they come: by the tasks, any of which begins it. */
const PHASES: readonly (readonly [name: string, ...begins: readonly string[]])[] = [
  ['checks, and the moment', 'The target is a node of this cluster'],
  ['lock, and WAL that was still to come', 'Lock the cluster against other recoveries'],
  ['base backup', 'Restore the base backup beside the live data'],
  ['into its place', 'Aim at the moment'],
  ['isolated start', 'Start PostgreSQL in isolation'],
  ['replay', 'Replay WAL up to the moment'],
  ['looks before the cut-over', 'Run the checks of the data', 'List prepared transactions'],
  ['promotion', 'Promote the recovered node, still isolated'],
  ['closed start, and logins', 'Clear away the recovery settings'],
  ['replicas stop', 'Stop the replicas'],
  ['old leader stops', 'Stop the old leader, last'],
  ['Patroni takes over', 'Hand the recovered node to Patroni'],
  ['archiving proved', 'Let Barman receive its WAL'],
  ['first member', 'Read who follows the leader already'],
  ['the end, told', 'Look for the old data'],
  ['new base backup', 'Take a new base backup'],
];
const OTHERS = 'the other members';
const MEMBERS_ARE_BACK = 'Look for the old data';

/** All names of tasks that are looked for in the events of a recovery. */
export const LOOKED_FOR: readonly string[] = [
  ...PHASES.flatMap(([, ...begins]) => begins),
  OPENED,
  MEMBERS_ARE_BACK,
];

/** How long each part of a recovery lasted, from the events of its run (`--output json`). */
export function phasesOf(lines: readonly string[]): readonly Part[] {
  const marks = new Map<string, number>();
  let end: number | undefined;
  for (const { type, time, task } of eventsOf(lines)) {
    if (type === 'run.finished') end = time;
    if (type !== 'task.started' || task === undefined) continue;
    const phase = PHASES.find(([, ...begins]) => begins.includes(task.name))?.[0];
    if (phase === undefined) continue;
    if (!marks.has(phase)) marks.set(phase, time);
    else if (phase === 'first member' && !marks.has(OTHERS)) marks.set(OTHERS, time);
  }
  const begun = [...marks];
  return begun.map(([name, at], index) => ({
    name,
    seconds: ((begun[index + 1]?.[1] ?? end ?? Number.NaN) - at) / 1000,
  }));
}

/** What a recovery took, in seconds; NaN where its events do not tell it. */
export interface Times {
  /** From its first word to its last one. */
  readonly total: number;
  /** Until the recovered node leads and is open to clients. */
  readonly leader: number;
  /** Until every member follows it. */
  readonly cluster: number;
}

export function timesOf(lines: readonly string[]): Times {
  const events = eventsOf(lines);
  const at = (type: string, name?: string): number =>
    events.find((one) => one.type === type && (name === undefined || one.task?.name === name))?.time ??
    Number.NaN;
  const begun = at('run.started');
  return {
    total: (at('run.finished') - begun) / 1000,
    leader: (at('task.finished', OPENED) - begun) / 1000,
    cluster: (at('task.started', MEMBERS_ARE_BACK) - begun) / 1000,
  };
}

/** What a run said (`--output json`), line by line. */
export function eventsOf(lines: readonly string[]): readonly Event[] {
  return lines.flatMap((line) => (line === '' ? [] : [event.parse(JSON.parse(line))]));
}
