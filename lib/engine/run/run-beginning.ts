import { resolve } from 'node:path';
import { PitrError } from '../../base/errors/pitr-error.ts';
import type { Masker } from '../../base/values/masker.ts';
import { ownPlaybook } from '../../language/playbook/assets.ts';
import { quote } from '../../transport/quote.ts';
import { readStory, refuseGoingOn } from '../back/story.ts';
import { beginningHere } from '../journal/beginning.ts';
import { Chain } from '../journal/chain.ts';
import { goOn } from '../journal/go-on.ts';
import { ownKey } from '../journal/key.ts';
import { notBegun } from '../journal/not-written.ts';
import { journalPath, stateDirectory } from '../journal/place.ts';
import { JOURNAL_VERSION } from '../journal/records.ts';
import { JournalWriter } from '../journal/writer.ts';
import type { RunRequest } from './run-request.ts';

/** The chain of a new journal. Throws kind `failed` where the key of this controller cannot be made, or cannot be used. */
async function newChain(path: string): Promise<Chain> {
  const key = await ownKey().catch((thrown: unknown) => {
    throw notBegun(thrown, path);
  });
  if ('key' in key) return new Chain(key.key);
  throw new PitrError({
    kind: 'failed',
    code: 'journal-key',
    message: `the journal of the run cannot be sealed: ${key.flaw}`,
    details: ['Without that nobody could tell later whether it is as pitr has written it.'],
    state: 'nothing was changed',
    next: [`Put the key in order, then type the same command again: ls -l ${quote(stateDirectory())}`],
  });
}

/**
 * The journal of a new run, or that of the run that is resumed, with the first record of this process in it. Throws kind
 * `refused` where somebody else has gone on with that run meanwhile, or another run has settled it.
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
  if (request.resumes !== undefined) {
    // Questions may have waited since its story was read, and somebody may have taken it back meanwhile.
    refuseGoingOn(await readStory(request.resumes.path));
    return goOn(request.resumes, { type: 'run.resumed', ...common }, again);
  }
  const path = journalPath(runId);
  const journal = await JournalWriter.create(path, { again, chain: await newChain(path) });
  await journal.durable({
    type: 'run.started',
    version: JOURNAL_VERSION,
    ...common,
    runId,
    playbook: resolve(request.playbook),
    own: ownPlaybook(request.playbook),
    limit: request.limit,
    tags: request.tags,
    skipTags: request.skipTags,
    forceHandlers: request.forceHandlers,
  });
  return journal;
}
