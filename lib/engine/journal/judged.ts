import { isDeepStrictEqual } from 'node:util';
import { holdsMask } from '../../base/values/secret.ts';
import type { Result } from '../../contract/module.ts';
import type { JournalRecord, JudgedItem, TaskTurn } from './records.ts';

type TaskResult = Extract<JournalRecord, { readonly type: 'task.result' }>;

/** What the conditions of a task (`failed_when`, `until`) make of a change that was made: these codes no module gives. */
const JUDGED: readonly unknown[] = ['failed-when', 'until-never-true'];

/** The items of a loop that the conditions of their task judged as failed; none where the result is not one of a loop. */
export function judgedItems({ results }: Result, loopVar?: string): readonly JudgedItem[] {
  if (!Array.isArray(results)) return [];
  return results.flatMap((one: unknown, item) => {
    if (!JUDGED.includes(part(part(one, 'error'), 'code'))) return [];
    return [{ item, ...(loopVar === undefined ? {} : { value: part(one, loopVar) }) }];
  });
}

/** The turns of a task, of those that made changes, that its conditions judged as failed. */
export function judgedTurns(
  { error, result, judged }: TaskResult,
  turns: readonly TaskTurn[],
): readonly TaskTurn[] {
  const whole = JUDGED.includes(error?.code) ? turns.filter(({ item }) => item === undefined) : [];
  // Journals that do not say it have the results of all items, unless of a `no_log` task.
  const items = (judged ?? judgedItems(result)).flatMap((one) => {
    const isValue = ({ value }: TaskTurn): boolean => isDeepStrictEqual(value, one.value);
    const here = turns.filter((turn) => turn.item === one.item && (one.value === undefined || isValue(turn)));
    // An item that an earlier process did may have stood elsewhere in the list.
    if (here.length > 0 || one.value === undefined || holdsMask(one.value)) return here;
    return turns.filter((turn) => turn.item !== undefined && isValue(turn));
  });
  return [...whole, ...items];
}

/** How a task has judged an item of its loop that it took for good. */
export interface JudgedWell {
  readonly changed: boolean;
}

/** What a result says of an item that its task took for good; nothing where it did not, or does not say so. */
export function judgedWell({ results }: Result, item: number | undefined): JudgedWell | undefined {
  const one: unknown = Array.isArray(results) && item !== undefined ? results[item] : undefined;
  return part(one, 'failed') === false ? { changed: part(one, 'changed') === true } : undefined;
}

function part(value: unknown, name: string): unknown {
  return (Object(value) as Readonly<Record<string, unknown>>)[name];
}
