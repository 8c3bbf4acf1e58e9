import type { PitrErrorJson } from '../../lib/base/errors/pitr-error.ts';
import type { PitrEvent, Recap, RunMode } from '../../lib/engine/events/events.ts';
import { type Column, table } from '../table.ts';
import { duration, oneLine, plural, wrapWords } from '../text.ts';
import { errorText } from './error-text.ts';
import { areMany, type ViewSettings } from './settings.ts';
import type { HostResult } from './words.ts';

type RunFinished = Extract<PitrEvent, { type: 'run.finished' }>;

/** What the end of a run is told with: its mode, and the failures on the way. */
export interface RunStory {
  readonly mode: RunMode;
  readonly playbook: string;
  readonly failures: readonly HostResult[];
}

/** The recap, what was not run, and on failure the error last, in full. */
export function endingLines(event: RunFinished, story: RunStory, settings: ViewSettings): string[] {
  const recap = recapLines(event, story, settings);
  const lines = recap.length === 0 ? [] : ['', ...recap];
  const notRun = Object.entries(event.notRun).filter(([, handlers]) => handlers.length > 0);
  if (notRun.length > 0) {
    lines.push('', settings.paint.changed('Not run, although notified:'));
    for (const [host, handlers] of notRun) lines.push(`  ${host}: ${handlers.map(oneLine).join(', ')}`);
  }
  if (event.error !== undefined) {
    const { error } = event;
    lines.push(...otherFailures(error, story.failures, settings));
    lines.push(
      '',
      ...errorText(error, { paint: settings.paint, columns: settings.columns(), frameOf: settings.frameOf }),
    );
  } else {
    const { text, paint } = lastWord(event, story, settings);
    lines.push('', ...wrapWords(text, settings.columns()).map(paint));
  }
  return lines;
}

/** What failed on the way to the error that ended the run; its own host is not told twice. */
function otherFailures(
  error: PitrErrorJson,
  failures: readonly HostResult[],
  { columns }: ViewSettings,
): string[] {
  // a delegated task fails on the host that it was done on
  const others = failures.filter(
    (failure) =>
      (failure.error?.host ?? failure.host) !== error.host || failure.error?.message !== error.message,
  );
  const stopped = others.filter((other) => other.error?.kind === 'interrupted').map(({ host }) => host);
  const failed = others.filter((other) => other.error?.kind !== 'interrupted');
  return [
    ...(stopped.length === 0 ? [] : ['', `Interrupted as well: ${stopped.sort().join(' ')}`]),
    ...(failed.length === 0 ? [] : ['', 'Failed before or beside it:']),
    ...failed.flatMap(({ host, task, error: own }) =>
      wrapWords(`${host}: ${oneLine(task.name)}: ${oneLine(own?.message ?? '')}`, columns(), '  '),
    ),
  ];
}

type Count = keyof Recap;

const ALWAYS: readonly Count[] = ['ok', 'changed', 'failed'];
const COUNTS: readonly Count[] = [
  'ok',
  'changed',
  'unknown',
  'skipped',
  'failed',
  'unreachable',
  'rescued',
  'ignored',
];

function recapLines(event: RunFinished, story: RunStory, settings: ViewSettings): string[] {
  const all = story.mode === 'dry-run' ? [] : Object.entries(event.recap);
  if (all.length === 0) return [];
  const rows = areMany(all.length, settings) ? withoutTheWell(all) : all;
  const shown = COUNTS.filter(
    (count) => ALWAYS.includes(count) || rows.some(([, recap]) => recap[count] > 0),
  );
  const title = (count: Count): string =>
    count === 'changed' && story.mode !== 'run' ? 'would change' : count === 'unknown' ? 'not known' : count;
  const columns: Column<[string, Recap]>[] = [
    { title: 'RECAP', value: ([host]) => host },
    ...shown.map(
      (count): Column<[string, Recap]> => ({
        title: title(count),
        value: ([, recap]) => String(recap[count]),
        align: 'right',
      }),
    ),
  ];
  const [heading = '', ...body] = table(columns, rows);
  return [
    settings.paint.strong(heading),
    ...body.map((line, index) => rowPaint(rows[index]?.[1], settings)(line)),
  ];
}

/** The hosts on which nothing failed, in one row. */
function withoutTheWell(rows: readonly [string, Recap][]): [string, Recap][] {
  const bad = rows.filter(
    ([, { failed, unreachable, rescued, ignored }]) => failed + unreachable + rescued + ignored > 0,
  );
  const well = rows.filter((row) => !bad.includes(row));
  const sum = (count: Count): number => well.reduce((total, [, recap]) => total + recap[count], 0);
  const counts = Object.fromEntries(COUNTS.map((count) => [count, sum(count)])) as Record<Count, number>;
  return [...bad, ...(well.length === 0 ? [] : [[`${well.length} hosts`, counts] as [string, Recap]])];
}

function rowPaint(recap: Recap | undefined, { paint }: ViewSettings): (line: string) => string {
  if (recap === undefined) return (line) => line;
  if (recap.failed + recap.unreachable > 0) return paint.failed;
  return recap.changed > 0 ? paint.changed : paint.ok;
}

interface LastWord {
  readonly text: string;
  readonly paint: (text: string) => string;
}

function lastWord(event: RunFinished, story: RunStory, { paint }: ViewSettings): LastWord {
  const all = Object.values(event.recap);
  const sum = (count: Count): number => all.reduce((total, recap) => total + recap[count], 0);
  const took = duration(event.durationMs);
  if (event.status === 'interrupted') return { text: `Interrupted after ${took}.`, paint: paint.failed };
  if (event.status === 'failed') return { text: `Failed after ${took}.`, paint: paint.failed };
  if (story.mode === 'dry-run') {
    return { text: 'Dry run: everything was loaded and checked, no host was contacted.', paint: paint.ok };
  }
  if (story.mode === 'run') {
    return { text: `Done in ${took}: ${plural(sum('changed'), 'change')}.`, paint: paint.ok };
  }
  const unknown = sum('unknown');
  const foreseen = `Checked in ${took}; nothing was changed. ${plural(sum('changed'), 'change')} would be made`;
  const rest = unknown === 0 ? '' : `; ${plural(unknown, 'result')} cannot be known before the run`;
  return { text: `${foreseen}${rest}.`, paint: paint.ok };
}
