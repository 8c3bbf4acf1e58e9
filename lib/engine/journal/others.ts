import { lstat, stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import type { PitrError } from '../../base/errors/pitr-error.ts';
import { commandLine } from '../../transport/quote.ts';
import { inParallel } from '../run/pool.ts';
import { runsNamedBy } from './effects-of.ts';
import { fileHolds, linesOfFile } from './journal-file.ts';
import { unreadable } from './lines.ts';
import { findJournal, journalPath, stateDirectory } from './place.ts';
import { type JournalledRun, listRuns, READ_AT_ONCE, type ReadRun, readRuns } from './read.ts';

/**
 * The other runs that are kept where this one is, and on this controller, oldest first, as far as they may tell something
 * of it. One whose journal is damaged is left out, unless it names this run. Throws kind `validation` then, and where a
 * journal cannot be looked at: what came after this run could not be told.
 */
export async function readOthers(
  run: JournalledRun,
  directory: string = stateDirectory(),
): Promise<readonly JournalledRun[]> {
  const id = run.started.runId;
  const others: JournalledRun[] = [];
  const beside = await journalsBeside(run.path, directory);
  for (const other of await readTelling(beside, { about: run, directory })) {
    if (other.error !== undefined) await refuseUnread(other.reference, other.error, id);
    else if (other.run.started.runId !== id) others.push(other.run);
  }
  return others;
}

async function refuseUnread(path: string, error: PitrError, id: string): Promise<void> {
  if (error.code === 'run-unknown') {
    const [link, there] = await Promise.all([
      lstat(dirname(path)),
      stat(dirname(path)).catch(() => undefined),
    ]);
    // A directory without a journal, of a run that came to nothing.
    if (!link.isSymbolicLink() || there !== undefined) return;
    return refuseUnread(path, unreadable(path, `${dirname(path)} is a link that leads nowhere`), id);
  }
  const named = await fileHolds(path, id).catch(() => undefined);
  if (named === false) return;
  const state = `nothing was done: what came after run ${id} cannot be told without it`;
  throw error.with({
    state,
    next: [`See who may read it, and do it as that user: ${commandLine(['ls', '-ld', dirname(path), path])}`],
  });
}

async function journalsBeside(path: string, directory: string): Promise<readonly string[]> {
  const runs = dirname(dirname(path));
  const places = new Set([directory, ...(basename(runs) === 'runs' ? [dirname(runs)] : [])]);
  const paths = await Promise.all(
    [...places].map(async (place) => (await listRuns(place)).map((id) => journalPath(id, place))),
  );
  return [...new Set(paths.flat())].filter((one) => one !== path).sort();
}

/** The run that others are read for: absent where all are looked at alike. */
interface Asked {
  readonly about?: JournalledRun | undefined;
  readonly directory?: string | undefined;
}

/**
 * Of many runs those that may tell something of others: a controller keeps thousands that have only changed files and run
 * commands, and to take them apart would cost seconds and gigabytes. One that cannot be looked at so is read like the rest.
 */
export async function readTelling(
  references: readonly string[],
  { about, directory }: Asked = {},
): Promise<readonly ReadRun[]> {
  const silent = new Map<string, string>();
  const looked = await inParallel(references, READ_AT_ONCE, async (reference) => {
    const id = await silentRun(findJournal(reference, directory), about?.started.runId);
    if (id !== undefined) silent.set(id, reference);
    return { reference, isSilent: id !== undefined };
  });
  const telling = looked.filter(({ isSilent }) => !isSilent).map(({ reference }) => reference);
  const read = [...(await readRuns(telling, directory))];
  // One that another is about belongs to its recovery, whatever it has done.
  for (;;) {
    const runs = [about, ...read.map(({ run }) => run)].filter((run) => run !== undefined);
    const named = runs.flatMap(runsNamedBy).flatMap((id) => silent.get(id) ?? []);
    if (named.length === 0) break;
    for (const [id, reference] of silent) if (named.includes(reference)) silent.delete(id);
    read.push(...(await readRuns([...new Set(named)], directory)));
  }
  const place = new Map(references.map((reference, index) => [reference, index]));
  return read.sort((a, b) => (place.get(a.reference) ?? 0) - (place.get(b.reference) ?? 0));
}

/** What stands in the line of a change that may mean something to other runs. Quotes within values are escaped there. */
const TELLS = /"(?:cluster|about|movedTo|leaves)":|"lasts":"(?!for good")/;

/**
 * The id of a run that tells nothing of others, nor of the run that is asked about: none of its changes has taken part in a
 * recovery, keeps old data or is held. Nothing where that cannot be told so simply, as of a journal of 0.1.0.
 */
async function silentRun(path: string, asked: string | undefined): Promise<string | undefined> {
  let id: string | undefined;
  try {
    for await (const line of linesOfFile(path)) {
      id ??= idIn(line);
      if (asked !== undefined && line.includes(asked)) return undefined;
      if (!line.includes('"type":"change.intended"')) continue;
      if (!line.includes('"effects":[') || TELLS.test(line)) return undefined;
    }
  } catch {
    // It is told by whoever reads it.
    return undefined;
  }
  return id;
}

function idIn(line: string): string | undefined {
  const record: unknown = JSON.parse(line);
  const isBegun = typeof record === 'object' && record !== null && 'runId' in record;
  return isBegun && typeof record.runId === 'string' ? record.runId : undefined;
}
