import { isUntilCommit } from '../journal/effects-of.ts';
import type { JournalledChange, JournalledRun } from '../journal/read.ts';
import type { JournalRecord } from '../journal/records.ts';
import { type Kept, keptBy } from './kept-data.ts';
import { stands } from './standing-changes.ts';

type Finished = Extract<JournalRecord, { readonly type: 'commit.finished' }>;

/** A change that holds something until the recovery is accepted. */
export interface HeldChange {
  readonly run: JournalledRun;
  readonly change: JournalledChange;
}

/** What the commits of a recovery have left to be done, as far as its journals tell. */
export interface LeftByCommit {
  /** Old data of which no commit says that it was removed, or was gone. */
  readonly kept: readonly Kept[];
  readonly held: readonly HeldChange[];
  /** How the last one ended; nothing where it did not say so. */
  readonly ended: 'ok' | 'failed' | undefined;
}

export function leftByCommit(runs: readonly JournalledRun[]): LeftByCommit {
  const gone = new Set(
    finishedIn(runs)
      .flatMap(({ removed, gone: found = [] }) => [...removed, ...found])
      .map(({ host, path }) => `${host} ${path}`),
  );
  const ends = runs.map(lastEnd);
  return {
    kept: keptBy(runs).filter(({ kind, host, path }) => kind === 'old data' && !gone.has(`${host} ${path}`)),
    held: heldUntilCommit(runs),
    ended: ends.includes(undefined) ? undefined : ends.includes('failed') ? 'failed' : 'ok',
  };
}

/** Whether there is something that the same commit, once more, would do. */
export function leavesSomething({ kept, held, ended }: LeftByCommit): boolean {
  return kept.length > 0 || held.length > 0 || ended !== 'ok';
}

/** What the runs hold, newest first, without what a commit has let go of. */
export function heldUntilCommit(runs: readonly JournalledRun[]): readonly HeldChange[] {
  const done = new Set(
    finishedIn(runs)
      .flatMap(({ letGo = [] }) => letGo)
      .map(({ run, number }) => `${run} ${number}`),
  );
  return runs
    .flatMap((run) => run.changes.map((change) => ({ run, change })))
    .filter(
      ({ run, change }) =>
        stands(change) &&
        isUntilCommit(change.intent) &&
        !done.has(`${run.started.runId} ${change.intent.number}`),
    )
    .reverse();
}

/** How all commits ended that began to remove. */
function finishedIn(runs: readonly JournalledRun[]): readonly Finished[] {
  return runs.flatMap(({ records }) =>
    records.filter((record) => record.type === 'commit.finished').filter(({ notBegun }) => notBegun !== true),
  );
}

/** A commit that was refused before it began says nothing of the one before it. */
function lastEnd({ records }: JournalledRun): LeftByCommit['ended'] {
  let ended: LeftByCommit['ended'] = 'ok';
  let before: LeftByCommit['ended'] = ended;
  for (const record of records) {
    if (record.type === 'commit.started') {
      before = ended;
      ended = undefined;
    } else if (record.type === 'commit.finished') {
      ended = record.notBegun === true ? before : record.error === undefined ? 'ok' : 'failed';
    }
  }
  return ended;
}
