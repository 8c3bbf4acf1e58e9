import { didYouMean } from '../lib/base/errors/nearest.ts';
import type { PitrError } from '../lib/base/errors/pitr-error.ts';
import type { JournalledChange, JournalledRun } from '../lib/engine/journal/read.ts';
import { usageError } from './usage-error.ts';
import { changeNumber } from './values.ts';

/** The change that `--from` or `--to` names. Throws kind `usage`. */
export function firstChange(
  run: JournalledRun,
  from: string | undefined,
  task: string | undefined,
): number | undefined {
  if (from !== undefined && task !== undefined)
    throw usageError('from-and-to', '--from and --to exclude each other', {
      details: ['both say how far to go back: by the number of a change, or by the name of its task'],
    });
  if (task === undefined) return from === undefined ? undefined : changeNumber('--from', from);
  const names = taskNames(run);
  const nameOf = ({ intent }: JournalledChange): string => names.get(intent.step?.task ?? '') ?? '';
  const named = run.changes.filter((change) => nameOf(change) === task);
  const [first] = named;
  const firsts = named.filter(({ intent: { step } }, index) =>
    named.slice(0, index).every((earlier) => earlier.intent.step?.task !== step?.task),
  );
  if (firsts.length > 1) throw severalOfThatName(run, task, firsts);
  if (first !== undefined) return first.intent.number;
  const changing = [...new Set(run.changes.map(nameOf))].filter((name) => name !== '');
  throw usageError(
    'task-unknown',
    `the run changed nothing in a task "${task}"${didYouMean(task, changing)}`,
    {
      details: ['tasks that changed something:', ...changing.map((name) => `  ${name}`)],
      next: [`pitr runs ${run.started.runId}`],
    },
  );
}

/** How far back is for the operator to say: from the first of them much more would be taken back than from the last. */
function severalOfThatName(
  { started: { runId } }: JournalledRun,
  task: string,
  firsts: readonly JournalledChange[],
): PitrError {
  return usageError('task-ambiguous', `the run has ${firsts.length} tasks "${task}" that changed something`, {
    details: firsts.map(
      ({ intent: { number, host, change } }) => `change ${number}, ${host}: ${change.summary}`,
    ),
    next: firsts.map(({ intent: { number } }) => `pitr undo ${runId} --from ${number} --check`),
  });
}

function taskNames(run: JournalledRun): ReadonlyMap<string, string> {
  return new Map(
    run.records.flatMap((record) =>
      record.type === 'task.started' ? [[record.task, record.name] as const] : [],
    ),
  );
}
