import type { BegunChange } from '../journal/begun.ts';
import type { TaskTurn } from '../journal/records.ts';
import type { TaskJob } from './task-job.ts';

/** Says of a change that was broken off that its task leaves it as it is: it may be what the task has taken for done. */
export function leftHalf({ intent }: BegunChange, runId: string): string {
  const { number, host, change, undoable } = intent;
  const way =
    undoable === true
      ? `take it back, then go on: pitr undo ${runId} --from ${number}`
      : `put it in order by hand, for it cannot be taken back (${undoable})`;
  return `left as it is, although a change that the run began on ${host} did not come to its end: ${change.summary}. Where it is not whole, ${way}`;
}

/** Tells what was broken off of a task, or of one of its items, that is skipped now. */
export function tellSkippedHalf({ run, task, ref, turns }: TaskJob, host: string, item: Item = {}): void {
  const turn = { task: task.id, turn: turns.get(host) ?? 1, host, ...item };
  for (const half of run.past?.half(turn) ?? [])
    run.emit({ type: 'warning', time: Date.now(), text: leftHalf(half, run.runId), host, task: ref });
}

type Item = Pick<TaskTurn, 'item' | 'value'>;
