import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { didYouMean } from '../errors/nearest.ts';
import { PitrError } from '../errors/pitr-error.ts';
import { journalPath, stateDirectory } from './place.ts';
import { JOURNAL_VERSION, type JournalRecord } from './records.ts';

type Of<T extends JournalRecord['type']> = Extract<JournalRecord, { readonly type: T }>;

/** A change of a run, with how it ended: `open` when the run died before it could say. */
export interface JournalledChange {
  readonly intent: Of<'change.intended'>;
  readonly ended: 'done' | 'failed' | 'open';
  /** Taken back by `pitr undo`. */
  readonly undone: boolean;
}

/** A run as its journal tells it. */
export interface JournalledRun {
  readonly started: Of<'run.started'>;
  readonly finished: Of<'run.finished'> | undefined;
  readonly changes: readonly JournalledChange[];
  /** The last task that began. */
  readonly lastTask: string | undefined;
}

/** The ids of the runs that are kept, oldest first. */
export async function listRuns(directory: string = stateDirectory()): Promise<readonly string[]> {
  const entries = await readdir(join(directory, 'runs')).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  return entries.toSorted();
}

/** Reads a run's journal. Throws kind `usage` for an unknown run, `validation` for a journal that cannot be read. */
export async function readRun(runId: string, directory: string = stateDirectory()): Promise<JournalledRun> {
  const path = journalPath(runId, directory);
  const text = await readFile(path, 'utf8').catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
    throw new PitrError({
      kind: 'usage',
      code: 'run-unknown',
      message: `there is no run "${runId}"${didYouMean(runId, await listRuns(directory))}`,
      next: ['See the runs that are kept: pitr runs'],
    });
  });
  return parseJournal(text, path);
}

/**
 * Reads a journal's text. A last line that was cut off while it was written is left out: what it would have said did
 * not happen yet, or is told by an intent without an end.
 */
export function parseJournal(text: string, path: string): JournalledRun {
  const lines = text.split('\n').filter((line) => line !== '');
  const records: JournalRecord[] = [];
  for (const [index, line] of lines.entries()) {
    try {
      records.push(JSON.parse(line) as JournalRecord);
    } catch (cause) {
      if (index === lines.length - 1) break;
      throw unreadable(path, `line ${index + 1} is no JSON`, cause);
    }
  }
  const started = records.find((record) => record.type === 'run.started');
  if (started === undefined) throw unreadable(path, 'it does not say how the run started');
  if (started.version > JOURNAL_VERSION) throw unreadable(path, 'it was written by a newer pitr');
  return {
    started,
    finished: records.find((record) => record.type === 'run.finished'),
    changes: changesOf(records),
    lastTask: records.findLast((record) => record.type === 'task.started')?.name,
  };
}

function changesOf(records: readonly JournalRecord[]): readonly JournalledChange[] {
  const ends = new Map<number, 'done' | 'failed'>();
  const undone = new Set<number>();
  for (const record of records) {
    if (record.type === 'change.done') ends.set(record.number, 'done');
    if (record.type === 'change.failed') ends.set(record.number, 'failed');
    if (record.type === 'change.undone') undone.add(record.number);
  }
  return records.flatMap((record) =>
    record.type === 'change.intended'
      ? [{ intent: record, ended: ends.get(record.number) ?? 'open', undone: undone.has(record.number) }]
      : [],
  );
}

function unreadable(path: string, why: string, cause?: unknown): PitrError {
  return new PitrError({
    kind: 'validation',
    code: 'journal-unreadable',
    message: `the journal cannot be read: ${why}`,
    details: [path],
    cause,
  });
}
