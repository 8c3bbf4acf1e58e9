import { z } from 'zod';
import { PitrError } from '../../base/errors/pitr-error.ts';
import { effectsSchema } from '../../contract/effects.ts';
import { type ChainedLine, chainedLine } from './chain.ts';
import { JOURNAL_VERSION, type JournalRecord } from './records.ts';

/** The first record of a process that goes on with a run. */
const GOING_ON = ['run.resumed', 'undo.started', 'commit.started'] as const;

type GoingOnRecord = Extract<JournalRecord, { readonly type: (typeof GOING_ON)[number] }>;

const beginning = { time: z.number(), operator: z.string(), pid: z.number() };
const word = z.string().optional();
const given = { inventories: z.array(z.string()), extraVars: z.record(z.string(), z.unknown()) };

/** What everything else is read by: a record without it would be met with deep inside a command. */
const NEEDED: Readonly<Record<JournalRecord['type'], z.ZodType>> = {
  'run.started': z.looseObject({
    ...beginning,
    ...given,
    version: z.number(),
    runId: z.string().min(1),
    playbook: z.string().min(1),
  }),
  'run.resumed': z.looseObject({ ...beginning, ...given }),
  'undo.started': z.looseObject(beginning),
  'commit.started': z.looseObject(beginning),
  'change.intended': z.looseObject({
    number: z.number(),
    host: z.string(),
    module: z.string(),
    change: z.looseObject({ summary: z.string() }),
    effects: effectsSchema.optional(),
    elsewhere: z.array(z.string()).optional(),
  }),
  'task.started': z.looseObject({}),
  'task.result': z.looseObject({}),
  'host.met': z.looseObject({
    host: z.string(),
    machine: z.looseObject({ name: word, boot: word, machine: word }),
  }),
  'host.rescued': z.looseObject({}),
  'host.left': z.looseObject({}),
  'change.done': z.looseObject({}),
  'change.failed': z.looseObject({}),
  'change.undoing': z.looseObject({}),
  'change.undo-refused': z.looseObject({}),
  'change.undone': z.looseObject({}),
  'undo.finished': z.looseObject({}),
  'commit.finished': z.looseObject({}),
  'handlers.notified': z.looseObject({}),
  'run.finished': z.looseObject({}),
};

/** What the text of a journal holds. */
export interface JournalLines {
  /** Everything that counts, in order. */
  readonly records: readonly JournalRecord[];
  /** How many records there are, those of processes that were refused included. */
  readonly length: number;
}

/**
 * Reads the lines of a journal, one after the other. A line that was cut off while it was written is left out, where it is
 * the last one or the last one before somebody went on, who may have been cut off in the first line, too: what it would have
 * said did not happen yet, or is told by an intent without an end.
 */
export class LineReader implements JournalLines {
  readonly records: JournalRecord[] = [];
  length = 0;
  readonly #path: string;
  readonly #counts: (line: ChainedLine, number: number) => void;
  #number = 0;
  #torn: { readonly line: number; readonly cause: unknown } | undefined;

  /** `counts` is told of the line of each record that counts, and of its number from 1. */
  constructor(path: string, counts: (line: ChainedLine, number: number) => void = () => {}) {
    this.#path = path;
    this.#counts = counts;
  }

  /** The next line, without its end. Throws kind `validation`. */
  take(line: string): void {
    this.#number += 1;
    if (line === '') return;
    const path = this.#path;
    const number = this.#number;
    const torn = this.#torn;
    let record: unknown;
    const chained = chainedLine(line);
    try {
      record = JSON.parse(chained.json);
    } catch (cause) {
      if (torn !== undefined && !mayGoOn(line)) throw noJson(path, torn);
      this.#torn = { line: number, cause };
      return;
    }
    if (!isRecord(record)) throw unreadable(path, `line ${number} is no record of a run`);
    if (torn !== undefined && !goesOn(record)) throw noJson(path, torn);
    this.#torn = undefined;
    refuseOdd(record, path, number);
    const counts = hasTheRun(record, this.length);
    this.length += 1;
    if (!counts) return;
    this.records.push(record);
    this.#counts(chained, number);
  }
}

/** Whether somebody else had gone on with the run before: that process was refused, and has done nothing. */
function hasTheRun(record: JournalRecord, index: number): boolean {
  return !goesOn(record) || record.after === undefined || record.after === index;
}

/** Whether it is the first record of a process that goes on with a run. */
export function goesOn(record: JournalRecord): record is GoingOnRecord {
  return GOING_ON.some((type) => type === record.type);
}

/** Whether a line that was cut off is the beginning of one of those who go on. */
function mayGoOn(line: string): boolean {
  return GOING_ON.some((type) => {
    const head = `{"type":"${type}"`;
    return head.startsWith(line.slice(0, head.length));
  });
}

function refuseOdd(record: JournalRecord, path: string, line: number): void {
  const { version = 0 } = record.type === 'run.started' || goesOn(record) ? record : {};
  if (version > JOURNAL_VERSION)
    throw newer(
      path,
      `line ${line} was written by a newer pitr (format ${version}; this one knows ${JOURNAL_VERSION})`,
    );
  if (!Object.hasOwn(NEEDED, record.type))
    throw newer(path, `line ${line} was written by a newer pitr: this one knows no ${record.type}`);
  const issue = NEEDED[record.type].safeParse(record).error?.issues[0];
  if (issue === undefined) return;
  throw unreadable(path, `line ${line}, ${record.type}: ${issue.path.join('.')}: ${issue.message}`);
}

function newer(path: string, why: string): PitrError {
  return unreadable(path, why).with({ next: ['Use the newest pitr that has gone on with the run.'] });
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
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string';
}
