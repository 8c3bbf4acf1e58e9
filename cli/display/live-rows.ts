import { duration, oneLine, truncate } from '../text.ts';
import type { TaskView } from './run-view.ts';
import type { ViewSettings } from './settings.ts';

/** Hosts whose latest word is shown under a running task. */
const MOST_PROGRESS = 4;
const MOST_NAMES = 6;
const WORTH_A_TIME_MS = 2000;
/** The spinner and a blank. */
const MARK_WIDTH = 2;

/**
 * The rows of the live area: one a running task, with who is at work and for how long, and under it the latest word
 * of each host; at most `limit` rows, the last one counting the tasks that have none.
 */
export function liveRows(
  tasks: readonly TaskView[],
  limit: number,
  now: number,
  settings: ViewSettings,
): readonly string[] {
  if (tasks.length <= limit) return tasks.map((task) => liveRow(task, now, settings));
  const shown = tasks.slice(0, limit - 1);
  return [
    ...shown.map((task) => liveRow(task, now, settings)),
    `and ${tasks.length - shown.length} more tasks`,
  ];
}

function liveRow(task: TaskView, now: number, settings: ViewSettings): string {
  const columns = settings.columns() - MARK_WIDTH;
  const name = oneLine(task.ref.name) + (task.handler ? ' (handler)' : '');
  const tail = `${whoIsAtWork(task)}${elapsed(task, now)}`;
  const head =
    name.length + 2 + tail.length <= columns
      ? `${name}  ${settings.paint.quiet(tail)}`
      : `${truncate(name, Math.max(10, columns - 2 - tail.length))}  ${settings.paint.quiet(tail)}`;
  const { hosts } = task;
  const words = [...task.progress].slice(0, MOST_PROGRESS).map(([host, text]) => {
    const who = hosts.length === 1 ? '' : `${host}: `;
    return `${settings.marks.under} ${truncate(who + oneLine(text), columns - 4)}`;
  });
  const hidden = task.progress.size - words.length;
  if (hidden > 0) words.push(`${settings.marks.under} and ${hidden} more`);
  return [head, ...words].join('\n');
}

function whoIsAtWork(task: TaskView): string {
  const busy = [...task.running.keys()];
  const done = task.results.size;
  const counted = done > 0 ? `${done}/${task.hosts.length} done, ` : '';
  if (busy.length === 0) return done === 0 ? '' : `${done}/${task.hosts.length} done`;
  return counted + (busy.length > MOST_NAMES ? `${busy.length} hosts` : busy.join(' '));
}

function elapsed(task: TaskView, now: number): string {
  const since = now - task.startedAt;
  return since < WORTH_A_TIME_MS ? '' : `  ${duration(Math.floor(since / 1000) * 1000)}`;
}
