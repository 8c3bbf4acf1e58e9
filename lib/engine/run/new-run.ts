import { dirname } from 'node:path';
import { Predictions } from '../check/predictions.ts';
import { TaskTurns } from '../task/task-turns.ts';
import type { LoadedRun } from './load-run.ts';
import type { RunRequest } from './run-request.ts';
import { RecapBook, type RunState } from './run-state.ts';

/** What ties a run to who asked for it, to its hosts and to its journal. */
type RunTies = Pick<
  RunState,
  | 'runId'
  | 'emit'
  | 'ask'
  | 'advise'
  | 'answerable'
  | 'signal'
  | 'masker'
  | 'connection'
  | 'atWork'
  | 'journal'
  | 'past'
  | 'held'
>;

/** A run in which nothing has happened yet. */
export function newRun(request: RunRequest, loaded: LoadedRun, ties: RunTies): RunState {
  return {
    ...ties,
    mode: request.mode,
    statedMode: request.mode,
    inventory: loaded.inventory,
    limit: request.limit,
    extraVars: request.extraVars,
    forks: request.forks,
    tags: { only: request.tags, skip: request.skipTags },
    facts: new Map(),
    predictions: request.mode === 'run' ? undefined : new Predictions(),
    recap: new RecapBook(),
    turns: new TaskTurns(),
    warnedOf: new Set(),
    lost: new Set(),
    notified: new Map(),
    maybeNotified: new Map(),
    forceHandlers: request.forceHandlers ?? false,
    withoutLock: request.withoutLock ?? false,
    givenBefore: new Set(request.givenBefore),
    playbookDirectory: dirname(request.playbook),
  };
}
