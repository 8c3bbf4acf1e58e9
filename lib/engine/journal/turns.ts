import type { JournalRecord, TaskTurn } from './records.ts';
import { isUnmasked, sameAsJournalled } from './same-value.ts';

type Intent = Extract<JournalRecord, { readonly type: 'change.intended' }>;

/** What a module makes a change from, beside what it reads: where it works, as whom and how. */
export type MadeFrom = Pick<Intent, 'host' | 'params' | 'user' | 'env'>;

/** A change with the turn of its task: what the intent has as `step`. */
export interface ChangeOfTurn {
  readonly intent: Intent;
  readonly turn: TaskTurn;
}

/**
 * The change of a turn among those of a journal. In a loop it is that of the same item, wherever it stands in the list by
 * now, or at the same place one that was made from the very same: an item that was read from a host may differ in what its
 * task has no use for. One with a secret in it is known by its place alone: all such items look the same in a journal.
 */
export function changeOfTurn<T extends ChangeOfTurn>(
  all: readonly T[],
  turn: TaskTurn,
  madeFrom: MadeFrom | undefined,
): T | undefined {
  const ofTask = all.filter((one) => taskKey(one.turn) === taskKey(turn));
  if (turn.item === undefined) return ofTask.find((one) => one.turn.item === undefined);
  const ofItems = ofTask.filter((one) => one.turn.item !== undefined);
  const isPlace = (one: T): boolean => one.turn.item === turn.item;
  const inOrder = [...ofItems.filter(isPlace), ...ofItems.filter((one) => !isPlace(one))];
  // Older journals have the index alone, and so has a task whose items are in no journal.
  if (turn.value === undefined) return inOrder.find(isPlace);
  return (
    inOrder.find((one) => {
      const { value } = one.turn;
      if (value === undefined || !(isPlace(one) || isUnmasked(value))) return false;
      return sameAsJournalled(value, turn.value);
    }) ??
    inOrder.find((one) => isPlace(one) && (one.turn.value === undefined || isMadeFrom(one.intent, madeFrom)))
  );
}

function isMadeFrom(intent: Intent, madeFrom: MadeFrom | undefined): boolean {
  if (madeFrom === undefined) return false;
  const { host, user, params, env } = madeFrom;
  return (
    intent.host === host &&
    intent.user === user &&
    sameAsJournalled(intent.params, params) &&
    sameAsJournalled(intent.env, env)
  );
}

/** Items may have stood at the same place one after the other, in a list that was edited between two processes. */
export function changeKey(turn: TaskTurn): string {
  return `${keyOf(turn)} ${JSON.stringify(turn.value) ?? ''}`;
}

export function keyOf({ host, task, turn, item }: TaskTurn): string {
  return [host, task, turn, item ?? ''].join(' ');
}

export function taskKey({ host, task, turn }: Omit<TaskTurn, 'item' | 'value'>): string {
  return keyOf({ host, task, turn });
}
