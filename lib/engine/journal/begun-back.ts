import type { JournalRecord } from './records.ts';

/**
 * The changes that `pitr undo` has begun to take back, whether or not it came to the end of them. A refusal leaves a change
 * as it stood before that undo began with it: one in which an undo has broken off before stays half taken back.
 */
export function begunBackIn(records: readonly JournalRecord[]): ReadonlySet<number> {
  const begun = new Set<number>();
  let first: number | undefined;
  for (const record of records) {
    switch (record.type) {
      case 'undo.started':
        first = undefined;
        break;
      case 'change.undoing':
        first = begun.has(record.number) ? undefined : record.number;
        begun.add(record.number);
        break;
      case 'change.undo-refused':
        if (first === record.number) begun.delete(record.number);
        first = undefined;
        break;
      default:
        break;
    }
  }
  return begun;
}
