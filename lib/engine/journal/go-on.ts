import { randomUUID } from 'node:crypto';
import { PitrError } from '../../base/errors/pitr-error.ts';
import { type JournalledRun, readRun } from './read.ts';
import { JOURNAL_VERSION, type JournalRecord } from './records.ts';
import { JournalWriter } from './writer.ts';

type Going<T> = T extends { readonly token?: string | undefined }
  ? Omit<T, 'after' | 'token' | 'version'>
  : never;

/** The first record of a process that goes on with a run: `run.resumed`, `undo.started`, `commit.started`. */
export type Start = Going<JournalRecord>;

/**
 * Opens the journal of a run that was read some time ago, and writes down who goes on with it. Two processes can be here
 * at once, on two machines even, and a question may have waited for an hour: the file system puts appended records in
 * one order, and whose record comes directly after what it had read has the run. Throws kind `refused`
 * (`run-moved-on`) for everybody else, whose records are left out by whoever reads.
 */
export async function goOn(run: JournalledRun, start: Start, again?: string): Promise<JournalWriter> {
  // A journal that is not ours stays one: our lines would prove nothing of those before them.
  const { origin } = run;
  const writer = await JournalWriter.reopen(run.path, {
    again,
    chain: origin.own ? origin.chain.copy() : undefined,
  });
  try {
    const token = randomUUID();
    await writer.durable({ ...start, version: JOURNAL_VERSION, after: run.length, token });
    const now = await readRun(run.path);
    if (!now.records.some((record) => 'token' in record && record.token === token)) throw movedOn(run);
    return writer;
  } catch (thrown) {
    await writer.close().catch(() => undefined);
    throw thrown;
  }
}

function movedOn({ started: { runId } }: JournalledRun): PitrError {
  return new PitrError({
    kind: 'refused',
    code: 'run-moved-on',
    message: `somebody else has gone on with run ${runId} meanwhile: it is not any more as it was when this began`,
    state: 'nothing was done here',
    next: [`Look how it stands now: pitr runs ${runId}`],
  });
}
