import { resolve } from 'node:path';
import { beginningHere } from '../journal/beginning.ts';
import { journalPath } from '../journal/place.ts';
import type { JournalledRun } from '../journal/read.ts';
import { JOURNAL_VERSION, type JournalRecord } from '../journal/records.ts';
import { JournalWriter } from '../journal/writer.ts';
import { withoutSecrets } from '../values/secret.ts';
import type { RunRequest } from './run-request.ts';

/** The journal of a new run, or that of the run that is resumed. */
export function journalOf(runId: string, resumes: JournalledRun | undefined): Promise<JournalWriter> {
  const again = `pitr resume ${runId}`;
  return resumes === undefined
    ? JournalWriter.create(journalPath(runId), again)
    : JournalWriter.reopen(resumes.path, again);
}

/** The first record of a process that is at work on a run. */
export function beginning(request: RunRequest, runId: string): JournalRecord {
  const common = {
    ...beginningHere(),
    inventories: request.inventories.map((path) => resolve(path)),
    extraVars: withoutSecrets(request.extraVars),
  };
  if (request.resumes !== undefined) return { type: 'run.resumed', ...common };
  return {
    type: 'run.started',
    version: JOURNAL_VERSION,
    ...common,
    runId,
    playbook: resolve(request.playbook),
    limit: request.limit,
    tags: request.tags,
    skipTags: request.skipTags,
    forceHandlers: request.forceHandlers,
  };
}
