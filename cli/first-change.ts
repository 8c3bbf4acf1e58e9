import { didYouMean } from '../lib/base/errors/nearest.ts';
import type { PitrError } from '../lib/base/errors/pitr-error.ts';
import type { JournalledChange, JournalledRun } from '../lib/engine/journal/read.ts';
import { commandLine } from '../lib/transport/quote.ts';
import { usageError } from './usage-error.ts';
import { changeNumber } from './values.ts';

/** How far back is to be gone, as it was typed. */
interface HowFar {
  readonly from: string | undefined;
  /** The name of a task. */
  readonly to: string | undefined;
  /** How the operator named the run. */
  readonly reference: string;
  /** The command that goes back to a change, with all that was typed. */
  readonly again: (from: number) => string;
}

/** The change that `--from` or `--to` names. Throws kind `usage`. */
export function firstChange(
  run: JournalledRun,
  { from, to: task, reference, again }: HowFar,
): number | undefined {
  if (from !== undefined && task !== undefined)
    throw usageError('from-and-to', '--from and --to exclude each other', {
      details: ['both say how far to go back: by the number of a change, or by the name of its task'],
    });
  if (task === undefined) return from === undefined ? undefined : changeNumber('--from', from);
  const names = taskNames(run);
  const nameOf = ({ intent }: JournalledChange): string => names.get(intent.number) ?? '';
  const named = run.changes.filter((change) => nameOf(change) === task);
  const [first] = named;
  const firsts = named.filter(({ intent: { step } }, index) =>
    named.slice(0, index).every((earlier) => earlier.intent.step?.task !== step?.task),
  );
  if (firsts.length > 1) throw severalOfThatName(task, firsts, again);
  if (first !== undefined) return first.intent.number;
  const changing = [...new Set(run.changes.map(nameOf))].filter((name) => name !== '');
  throw usageError(
    'task-unknown',
    `the run changed nothing in a task "${task}"${didYouMean(task, changing)}`,
    {
      details: ['tasks that changed something:', ...changing.map((name) => `  ${name}`)],
      next: [commandLine(['pitr', 'runs', reference])],
    },
  );
}

/** How far back is for the operator to say: from the first of them much more would be taken back than from the last. */
function severalOfThatName(
  task: string,
  firsts: readonly JournalledChange[],
  again: HowFar['again'],
): PitrError {
  return usageError('task-ambiguous', `the run has ${firsts.length} tasks "${task}" that changed something`, {
    details: firsts.map(
      ({ intent: { number, host, change } }) => `change ${number}, ${host}: ${change.summary}`,
    ),
    next: firsts.map(({ intent: { number } }) => {
      const undo = again(number);
      return `See what would go from change ${number} on: ${undo} --check`;
    }),
  });
}

/**
 * The names of the tasks that made the changes, as they were shown then: a task is known by its place, where another one may
 * stand when the run is gone on with.
 */
function taskNames({ records }: JournalledRun): ReadonlyMap<number, string> {
  const shown = new Map<string, string>();
  const names = new Map<number, string>();
  for (const record of records) {
    if (record.type === 'task.started') shown.set(record.task, record.name);
    if (record.type === 'change.intended') names.set(record.number, shown.get(record.step?.task ?? '') ?? '');
  }
  return names;
}
