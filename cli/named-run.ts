import { PitrError } from '../lib/base/errors/pitr-error.ts';
import type { PitrEvent } from '../lib/engine/events/events.ts';
import type { JournalledRun } from '../lib/engine/journal/read.ts';
import { commandLine } from '../lib/transport/quote.ts';

/** A run, and how the operator named it: by its id, or by the path of its journal. */
export interface NamedRun {
  readonly run: JournalledRun;
  readonly reference: string;
}

// An id with a path behind it is none: it is the directory of a run.
const NAMES_A_RUN = /\bpitr (resume|undo|runs|commit) (\d{8}T\d{6}-[0-9a-f]{4})\b(?!\/)/g;

/** A text in which commands name the run as the operator did: only where its journal is kept its id is known. */
export function namedSo(text: string, { run, reference }: NamedRun): string {
  return text.replaceAll(NAMES_A_RUN, (command: string, verb: string, id: string) =>
    id === run.started.runId ? commandLine(['pitr', verb, reference]) : command,
  );
}

/** What the engine says itself, with the run named so. Errors of tasks are advised on before they are told. */
export function namedInEvent(event: PitrEvent, named: NamedRun): PitrEvent {
  if (event.type === 'warning') return { ...event, text: namedSo(event.text, named) };
  if (event.type !== 'run.finished' || event.error?.next === undefined) return event;
  const next = event.error.next.map((line) => namedSo(line, named));
  return { ...event, error: { ...event.error, next } };
}

/** Work of which an error names the run so. */
export async function underName<T>(named: NamedRun, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    if (!(thrown instanceof PitrError)) throw thrown;
    const next = thrown.next.map((line) => namedSo(line, named));
    throw withNext(thrown, next);
  }
}

/** The error with other words of what comes next; the same one where they are no others. */
export function withNext(error: PitrError, next: readonly string[]): PitrError {
  if (next.every((line, index) => line === error.next[index])) return error;
  return new PitrError({ ...error, message: error.message, cause: error.cause, next });
}
