import type { RunMode, TaskStatus } from '../../lib/engine/events/events.ts';
import { duration, oneLine } from '../text.ts';
import { detailLines } from './details.ts';
import type { TaskView } from './run-view.ts';
import type { ViewSettings } from './settings.ts';
import { type HostResult, hostWord, statusPaint, statusWord } from './words.ts';

/** Up to here hosts are named. */
const MOST_NAMES = 6;
const WORTH_A_TIME_MS = 1000;

/** What needs nobody's attention on a single host. */
const WELL: readonly TaskStatus[] = ['changed', 'unknown', 'ok', 'skipped'];

export function wentWell({ status, ignored }: Pick<HostResult, 'status' | 'ignored'>): boolean {
  return WELL.includes(status) && ignored !== true;
}

/** A task that went through many hosts: one line a status, with what all hosts of it say alike. */
export function summedLines(task: TaskView, mode: RunMode, settings: ViewSettings): string[] {
  const all = [...task.results.values()];
  return WELL.flatMap((status) => {
    const results = all.filter((result) => result.status === status && wentWell(result));
    const [first] = results;
    if (first === undefined) return [];
    const longest = Math.max(...results.map(({ durationMs }) => durationMs));
    const took = longest >= WORTH_A_TIME_MS ? ` (${duration(longest)})` : '';
    const who =
      results.length <= MOST_NAMES
        ? results.map(hostWord).join(' ')
        : `${results.length} of ${task.hosts.length} hosts`;
    const word = statusPaint(status, settings.paint)(statusWord(status, mode));
    const details = detailLines(first, settings);
    const alike = results.every((result) => detailLines(result, settings).join('\n') === details.join('\n'));
    return [`${word}: [${who}] ${oneLine(task.ref.name)}${took}`, ...(alike ? details : [])];
  });
}
