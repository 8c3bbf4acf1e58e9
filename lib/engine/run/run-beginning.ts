import { resolve } from 'node:path';
import type { Masker } from '../../base/values/masker.ts';
import { beginningHere } from '../journal/beginning.ts';
import { goOn } from '../journal/go-on.ts';
import { journalPath } from '../journal/place.ts';
import { JOURNAL_VERSION } from '../journal/records.ts';
import { JournalWriter } from '../journal/writer.ts';
import type { RunRequest } from './run-request.ts';

/**
 * The journal of a new run, or that of the run that is resumed, with the first record of this process in it. Throws kind
 * `refused` where somebody else has gone on with that run meanwhile.
 */
export async function beginJournal(
  request: RunRequest,
  runId: string,
  masker: Masker,
): Promise<JournalWriter> {
  const again = `pitr resume ${runId}`;
  const common = {
    ...beginningHere(),
    inventories: request.inventories.map((path) => resolve(path)),
    extraVars: masker.data(request.extraVars),
  };
  if (request.resumes !== undefined) return goOn(request.resumes, { type: 'run.resumed', ...common }, again);
  const journal = await JournalWriter.create(journalPath(runId), again);
  await journal.durable({
    type: 'run.started',
    version: JOURNAL_VERSION,
    ...common,
    runId,
    playbook: resolve(request.playbook),
    limit: request.limit,
    tags: request.tags,
    skipTags: request.skipTags,
    forceHandlers: request.forceHandlers,
  });
  return journal;
}
