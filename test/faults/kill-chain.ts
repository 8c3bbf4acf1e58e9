import type { PitrEvent } from '../../lib/engine/events/events.ts';
import { type Killed, killedWhen } from './killed.ts';

/** A run that was killed again and again, and gone on with each time. */
export interface Chain {
  readonly runId: string;
  /** Where it was killed, in order. */
  readonly kills: readonly string[];
  /** What all its processes said. */
  readonly events: readonly PitrEvent[];
  /** What ended it badly, and where; nothing where it came to its end. */
  readonly error: string | undefined;
}

/** More than any run can need: a chain that does not come on is broken. */
const MOST_KILLS = 1_200;

/**
 * Begins one run, kills it at its first boundary (a task begins or ends), goes on with it, kills that at the first
 * boundary where it was not killed before, and so on to the end: each boundary of the run has a kill of its own.
 */
export async function killedAtEveryBoundary(args: readonly string[]): Promise<Chain> {
  const seen = new Set<string>();
  return chained(args, () => {
    let hosts: readonly string[] = [];
    return (event) => {
      if (event.type === 'play.started') hosts = event.hosts;
      if (event.type !== 'task.started' && event.type !== 'task.finished') return undefined;
      // One task runs in several batches of hosts.
      const boundary = `${event.type} ${event.task.id} ${hosts.join()}`;
      if (seen.has(boundary)) return undefined;
      seen.add(boundary);
      return 0;
    };
  });
}

/** The same, killed at so many milliseconds after each beginning. When they are used up, it may end. */
export async function killedAfter(delays: readonly number[], args: readonly string[]): Promise<Chain> {
  const left = [...delays];
  return chained(args, () => {
    const delay = left.shift();
    return (event) => (event.type === 'run.started' ? delay : undefined);
  });
}

type When = (event: PitrEvent) => number | undefined;

async function chained(args: readonly string[], begin: () => When): Promise<Chain> {
  const kills: string[] = [];
  let ended: Killed = await killedWhen(args, begin());
  const { runId } = ended;
  const events = [...ended.events];
  while (ended.killed && kills.length < MOST_KILLS) {
    kills.push(ended.at);
    ended = await killedWhen(['resume', runId], begin());
    events.push(...ended.events);
  }
  const error = ended.killed ? `killed ${MOST_KILLS} times, and still not at its end` : ended.error;
  return {
    runId,
    kills,
    events,
    error: error === undefined ? undefined : `${error} (after: ${kills.at(-1)})`,
  };
}
