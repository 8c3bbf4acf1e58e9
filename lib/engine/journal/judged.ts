import type { Result } from '../../contract/module.ts';
import type { JournalRecord, JudgedItem } from './records.ts';

type TaskResult = Extract<JournalRecord, { readonly type: 'task.result' }>;

/** What the conditions of a task (`failed_when`, `until`) make of a change that was made: these codes no module gives. */
const JUDGED: readonly unknown[] = ['failed-when', 'until-never-true'];

/** The items of a loop that the conditions of their task judged as failed; none where the result is not one of a loop. */
export function judgedItems({ results }: Result): readonly JudgedItem[] {
  if (!Array.isArray(results)) return [];
  return results.flatMap((one: unknown, item) => (JUDGED.includes(codeOf(one)) ? [{ item }] : []));
}

/** Whether a task that failed did so because its conditions judged the change as failed that it had made for this item. */
export function isJudged({ error, result, judged }: TaskResult, item: number | undefined): boolean {
  if (item === undefined) return JUDGED.includes(error?.code);
  // Journals that do not say it have the results of all items, unless of a `no_log` task.
  return (judged ?? judgedItems(result)).some((one) => one.item === item);
}

function codeOf(result: unknown): unknown {
  const { error } = Object(result) as { readonly error?: unknown };
  return (Object(error) as { readonly code?: unknown }).code;
}
