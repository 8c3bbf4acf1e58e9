import type { RunMode, TaskStatus } from '../../lib/engine/events/events.ts';
import { duration, oneLine, truncate, wrapWords } from '../text.ts';
import { detailLines } from './details.ts';
import type { TaskView } from './run-view.ts';
import type { ViewSettings } from './settings.ts';
import { type HostResult, hostWord, statusPaint, statusWord } from './words.ts';

/** The order in which statuses are told: what needs attention first. */
const STATUSES: readonly TaskStatus[] = ['failed', 'unreachable', 'changed', 'unknown', 'ok', 'skipped'];
/** More hosts than this under one status are counted, not named. */
const MOST_NAMES = 6;
const WORTH_A_TIME_MS = 1000;

/** What stays on the terminal of a task that all its hosts are through with: one line, and what changed or failed. */
export function finishedTaskLines(task: TaskView, mode: RunMode, settings: ViewSettings): string[] {
  const results = task.hosts.flatMap((host) => task.results.get(host) ?? []);
  const worst = STATUSES.find((status) => results.some((result) => result.status === status)) ?? 'skipped';
  const longest = Math.max(0, ...results.map((result) => result.durationMs));
  const groups = STATUSES.flatMap((status) => groupOf(status, results, mode));
  if (longest >= WORTH_A_TIME_MS) groups.push({ text: duration(longest), status: 'skipped' });
  return [...head(task, worst, groups, settings), ...details(results, settings)];
}

interface Group {
  readonly text: string;
  readonly status: TaskStatus;
}

function groupOf(status: TaskStatus, results: readonly HostResult[], mode: RunMode): Group[] {
  const hosts = results.filter((result) => result.status === status).map(hostWord);
  if (hosts.length === 0) return [];
  const who = hosts.length > MOST_NAMES ? `${hosts.length} hosts` : hosts.join(' ');
  const word = status === 'unknown' ? 'not known yet' : statusWord(status, mode);
  return [{ text: `${word} ${who}`, status }];
}

function head(task: TaskView, worst: TaskStatus, groups: readonly Group[], settings: ViewSettings): string[] {
  const { marks, paint } = settings;
  const mark = worst === 'unreachable' ? marks.failed : marks[worst];
  const name = oneLine(task.ref.name) + (task.handler ? ' (handler)' : '');
  const color = statusPaint(worst, paint);
  const right = groups.map((group) => statusPaint(group.status, paint)(group.text)).join('  ');
  const length = groups.reduce((sum, group) => sum + group.text.length + 2, 0);
  const title = worst === 'skipped' ? paint.quiet : (text: string): string => text;
  if (2 + name.length + length <= settings.columns()) return [`${color(mark)} ${title(name)}  ${right}`];
  return [
    `${color(mark)} ${title(truncate(name, settings.columns() - 2))}`,
    ...packed(groups, settings.columns() - 4).map(
      (line) =>
        `    ${line.map((group) => statusPaint(group.status, paint)(truncate(group.text, settings.columns() - 4))).join('  ')}`,
    ),
  ];
}

/** Groups in as few lines as they fit into. */
function packed(groups: readonly Group[], columns: number): Group[][] {
  const lines: Group[][] = [];
  let length = columns;
  for (const group of groups) {
    length += 2 + group.text.length;
    if (length > columns) {
      lines.push([]);
      length = group.text.length;
    }
    lines.at(-1)?.push(group);
  }
  return lines;
}

/** Details host by host; hosts that say the same say it together. */
function details(results: readonly HostResult[], settings: ViewSettings): string[] {
  const byText = new Map<string, { readonly hosts: string[]; readonly lines: readonly string[] }>();
  for (const result of results) {
    const lines = detailLines(result, settings);
    if (lines.length === 0) continue;
    const same = byText.get(lines.join('\n'));
    if (same === undefined) byText.set(lines.join('\n'), { hosts: [result.host], lines });
    else same.hosts.push(result.host);
  }
  const only = results.length === 1;
  return [...byText.values()].flatMap(({ hosts, lines }) => {
    const [first = '', ...rest] = lines;
    const who = only ? '' : `${hosts.length > MOST_NAMES ? `${hosts.length} hosts` : hosts.join(' ')}: `;
    return [
      ...wrapWords(who + first.trim(), settings.columns(), '    '),
      ...rest.map((line) => (only ? line : `  ${line}`)),
    ];
  });
}
