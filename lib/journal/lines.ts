import { PitrError } from '../errors/pitr-error.ts';
import type { JournalRecord } from './records.ts';

/** The first record of a process that goes on with a run. */
const GOING_ON: readonly JournalRecord['type'][] = ['run.resumed', 'undo.started', 'commit.started'];

/**
 * The records in a journal's text. A line that was cut off while it was written is left out, where it is the last one or
 * the last one before somebody went on: what it would have said did not happen yet, or is told by an intent without an
 * end. Throws kind `validation`.
 */
export function recordsOf(text: string, path: string): readonly JournalRecord[] {
  const records: JournalRecord[] = [];
  let torn: { readonly line: number; readonly cause: unknown } | undefined;
  for (const [index, line] of text.split('\n').entries()) {
    if (line === '') continue;
    let record: unknown;
    try {
      record = JSON.parse(line);
    } catch (cause) {
      if (torn !== undefined) throw noJson(path, torn);
      torn = { line: index + 1, cause };
      continue;
    }
    if (!isRecord(record)) throw unreadable(path, `line ${index + 1} is no record of a run`);
    if (torn !== undefined && !GOING_ON.includes(record.type)) throw noJson(path, torn);
    torn = undefined;
    records.push(record);
  }
  return records;
}

export function unreadable(path: string, why: string, cause?: unknown): PitrError {
  return new PitrError({
    kind: 'validation',
    code: 'journal-unreadable',
    message: `the journal cannot be read: ${why}`,
    details: [path],
    cause,
  });
}

function noJson(
  path: string,
  { line, cause }: { readonly line: number; readonly cause: unknown },
): PitrError {
  return unreadable(path, `line ${line} is no JSON`, cause);
}

function isRecord(value: unknown): value is JournalRecord {
  return typeof value === 'object' && value !== null && 'type' in value;
}
