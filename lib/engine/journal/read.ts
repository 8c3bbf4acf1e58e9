import { readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { didYouMean } from '../../base/errors/nearest.ts';
import { asPitrError, PitrError } from '../../base/errors/pitr-error.ts';
import { inParallel } from '../run/pool.ts';
import type { Beginning } from './beginning.ts';
import { begunBackIn } from './begun-back.ts';
import { linesOfFile } from './journal-file.ts';
import { type JournalLines, LineReader, unreadable } from './lines.ts';
import { makesWhole } from './made-whole.ts';
import { type Origin, OriginLook } from './origin.ts';
import { findJournal, stateDirectory } from './place.ts';
import type { JournalRecord } from './records.ts';

type Of<T extends JournalRecord['type']> = Extract<JournalRecord, { readonly type: T }>;

/** A change of a run, with how it ended: `open` when the run died before it could say. */
export interface JournalledChange {
  readonly intent: Of<'change.intended'>;
  readonly ended: 'done' | 'failed' | 'open';
  /** Why it failed. */
  readonly error: Of<'change.failed'>['error'] | undefined;
  /** It was only intended: the host was not touched. */
  readonly notBegun: boolean;
  /** Taken back by `pitr undo`. */
  readonly undone: boolean;
  /** `pitr undo` began to take it back, and did not say that it is: it may stand, or not, or in part. */
  readonly halfUndone: boolean;
  /** It failed or is open, and this later change has made it whole: the undo of that one takes back both. */
  readonly madeWholeBy: number | undefined;
}

/** A run as its journal tells it. */
export interface JournalledRun {
  /** The journal's file. */
  readonly path: string;
  readonly started: Of<'run.started'>;
  /** The last process that was at work on it: the first one, or that of the last `pitr resume`. */
  readonly begun: Beginning;
  /** Where its hosts are, and the `-e` of the run, as the last process of it had them. */
  readonly inventories: readonly string[];
  /** What the journal masked is to be given again, also where an older process had another value. */
  readonly extraVars: Readonly<Record<string, unknown>>;
  /** How often it was resumed. */
  readonly resumed: number;
  /** Whose journal it is. */
  readonly origin: Origin;
  /** What it says may be done: it is this controller's own, or a person has said so. */
  readonly believed: boolean;
  /** Everything, in order. */
  readonly records: readonly JournalRecord[];
  /** How many records were read: who goes on with the run says so (see `goOn`). */
  readonly length: number;
  /** How the last of these processes ended. */
  readonly finished: Of<'run.finished'> | undefined;
  readonly changes: readonly JournalledChange[];
  /** The last task that began. */
  readonly lastTask: string | undefined;
  /** Handlers that were notified and did not run. */
  readonly notRun: readonly Of<'handlers.notified'>[];
  /** `pitr commit` has let its old data go, or has begun to. */
  readonly committed: Of<'commit.started'> | undefined;
  /** The last `pitr undo`, and how it ended. */
  readonly undo:
    | { readonly started: Of<'undo.started'>; readonly finished: Of<'undo.finished'> | undefined }
    | undefined;
}

/** The ids of the runs that are kept, oldest first. */
export async function listRuns(directory: string = stateDirectory()): Promise<readonly string[]> {
  const entries = await readdir(join(directory, 'runs'), { withFileTypes: true }).catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return [];
      throw unreadable(join(directory, 'runs'), error.message, error);
    },
  );
  return (
    entries
      // A link, too: runs may have been moved to another disk.
      .filter((entry) => entry.isDirectory() || entry.isSymbolicLink())
      .map((entry) => entry.name)
      .sort()
  );
}

/**
 * Reads the journal of a run, named by its id or by a path. Throws kind `usage` for an unknown run, `validation` for a
 * journal that cannot be read.
 */
export async function readRun(
  reference: string,
  directory: string = stateDirectory(),
): Promise<JournalledRun> {
  const path = findJournal(reference, directory);
  const look = await OriginLook.begin(path);
  const lines = new LineReader(path, (line, number) => look.take(line, number));
  try {
    for await (const line of linesOfFile(path)) lines.take(line);
  } catch (thrown) {
    if (thrown instanceof PitrError) throw thrown;
    const { code, message } = asFileError(thrown);
    if (code !== 'ENOENT' && code !== 'ENOTDIR') throw unreadable(path, message, thrown);
    throw unknownRun(reference, path, await listRuns(directory));
  }
  const run = runOf(lines, path);
  const origin = await look.origin();
  return { ...run, origin, believed: origin.own };
}

function asFileError(thrown: unknown): { readonly code: unknown; readonly message: string } {
  if (!(thrown instanceof Error)) return { code: undefined, message: String(thrown) };
  return { code: 'code' in thrown ? thrown.code : undefined, message: thrown.message };
}

function unknownRun(reference: string, path: string, runs: readonly string[]): PitrError {
  const isId = basename(dirname(path)) === reference;
  return new PitrError({
    kind: 'usage',
    code: 'run-unknown',
    message: isId
      ? `there is no run "${reference}"${didYouMean(reference, runs)}`
      : `there is no journal at ${reference}`,
    details: [`looked for ${path}`],
    next: ['See the runs that are kept: pitr runs'],
  });
}

/** The run whose journal a person has believed. */
export function believed(run: JournalledRun): JournalledRun {
  return { ...run, believed: true };
}

/** One run of many: what its journal says, or why that cannot be read. */
export type ReadRun = { readonly reference: string } & (
  | { readonly run: JournalledRun; readonly error?: undefined }
  | { readonly run?: undefined; readonly error: PitrError }
);

/** All of them at once would want more open files than a process may have, and those beyond could not be read. */
export const READ_AT_ONCE = 16;

export function readRuns(references: readonly string[], directory?: string): Promise<readonly ReadRun[]> {
  return inParallel(references, READ_AT_ONCE, async (reference): Promise<ReadRun> => {
    try {
      return { reference, run: await readRun(reference, directory) };
    } catch (thrown) {
      return { reference, error: asPitrError(thrown) };
    }
  });
}

/** Reads a journal's text, which says nothing of whose it is. Throws kind `validation`. */
export function parseJournal(text: string, path: string): JournalledRun {
  const lines = new LineReader(path);
  for (const line of text.split('\n')) lines.take(line);
  return runOf(lines, path);
}

function runOf({ records, length }: JournalLines, path: string): JournalledRun {
  const started = records.find((record) => record.type === 'run.started');
  if (started === undefined) throw unreadable(path, 'it does not say how the run started');
  const undo = records.findLast((record) => record.type === 'undo.started');
  const resumptions = records.filter((record) => record.type === 'run.resumed');
  const begun = resumptions.at(-1) ?? started;
  return {
    path,
    started,
    begun,
    inventories: [started, ...resumptions].findLast((one) => one.inventories.length > 0)?.inventories ?? [],
    extraVars: Object.assign({}, started.extraVars, ...resumptions.map(({ extraVars }) => extraVars)),
    resumed: resumptions.length,
    origin: { own: false, why: 'nobody has looked where it comes from' },
    believed: false,
    records,
    length,
    finished: records.slice(records.indexOf(begun)).find((record) => record.type === 'run.finished'),
    changes: changesOf(records),
    lastTask: records.findLast((record) => record.type === 'task.started')?.name,
    notRun: records.slice(records.indexOf(begun)).filter((record) => record.type === 'handlers.notified'),
    committed: committedBy(records),
    undo:
      undo === undefined
        ? undefined
        : {
            started: undo,
            finished: records.slice(records.indexOf(undo)).find((record) => record.type === 'undo.finished'),
          },
  };
}

const COMMIT = ['commit.started', 'commit.finished'] as const;

/** The first commit that began to remove. */
function committedBy(records: readonly JournalRecord[]): Of<'commit.started'> | undefined {
  return records.find((record, index): record is Of<'commit.started'> => {
    if (record.type !== 'commit.started') return false;
    // One that died has no end of its own: that of the next one says nothing of it.
    const end = records.slice(index + 1).find(({ type }) => COMMIT.some((one) => one === type));
    return end?.type !== 'commit.finished' || end.notBegun !== true;
  });
}

/** What became of each change of a run. */
export function changesOf(records: readonly JournalRecord[]): readonly JournalledChange[] {
  const ends = new Map<number, Of<'change.done'> | Of<'change.failed'>>();
  const begunBack = begunBackIn(records);
  const undone = new Set<number>();
  for (const record of records) {
    if (record.type === 'change.done' || record.type === 'change.failed') ends.set(record.number, record);
    if (record.type === 'change.undone') undone.add(record.number);
  }
  const intents = records.filter((record) => record.type === 'change.intended');
  const made = intents.filter(({ number }) => ends.get(number)?.type === 'change.done');
  return intents.map((record): JournalledChange => {
    const end = ends.get(record.number);
    const notBegun = end?.type === 'change.failed' && end.notBegun === true;
    const whole =
      notBegun || end?.type === 'change.done'
        ? undefined
        : made.find((later) => makesWhole(later, record))?.number;
    return {
      intent: record,
      ended: end === undefined ? 'open' : end.type === 'change.done' ? 'done' : 'failed',
      error: end?.type === 'change.failed' ? end.error : undefined,
      notBegun,
      undone: undone.has(record.number) || (whole !== undefined && undone.has(whole)),
      halfUndone: begunBack.has(record.number) && !undone.has(record.number) && whole === undefined,
      madeWholeBy: whole,
    };
  });
}
