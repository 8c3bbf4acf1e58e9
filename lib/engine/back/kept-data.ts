import type { Effect } from '../../contract/effects.ts';
import { postgresResource } from '../../recovery/postgres/instance-resource.ts';
import { depthOf } from '../../system/fs/paths.ts';
import { effectsOf } from '../journal/effects-of.ts';
import type { JournalledChange, JournalledRun } from '../journal/read.ts';
import { runStatus, undoStatus } from '../journal/status.ts';
import { stands } from './standing-changes.ts';
import { cutOversOf, hasDoneSomething } from './story.ts';

/** Something that a run left on a host on purpose, as its journal knows it. */
export interface Kept {
  readonly host: string;
  readonly path: string;
  /**
   * `old data`: a data directory that was moved aside; `note`, `log`: small things beside it. `old file`: what a file was
   * before, where the journal could not hold it; never a directory.
   */
  readonly kind: 'old data' | 'note' | 'log' | 'old file';
  /** Device and inode of what was moved there: anything else at the path is not ours. */
  readonly identity: string | undefined;
  /** The rename failed, and may have happened all the same (a lost connection): only what `identity` says is kept. */
  readonly unsure?: true;
  /** The id of the run that has left it. */
  readonly run: string;
}

/** What is renamed tells as a path, and as what lies there. */
const PATH = 'path';

/** Too near to the root to be anybody's data directory: never removed, whatever a journal says. */
const SHALLOWEST = 3;

/**
 * What the runs of one recovery keep on hosts, from their journals alone: what the effects say was left or moved to be
 * kept, and is not moved away again by a later change.
 */
export function keptBy(runs: readonly JournalledRun[]): readonly Kept[] {
  const ids = runs.map((run) => run.started.runId);
  const kept = new Map<string, Kept>();
  for (const run of runs) {
    for (const change of run.changes.filter(stands)) {
      for (const entry of keptByChange(change, ids, run.started.runId)) {
        if (entry.gone) kept.delete(`${entry.host} ${entry.path}`);
        else if (depthOf(entry.path) >= shallowest(entry)) kept.set(`${entry.host} ${entry.path}`, entry);
      }
    }
  }
  return [...kept.values()];
}

/** A file beside the one in /etc is nobody's directory. */
function shallowest({ kind }: Kept): number {
  return kind === 'old file' ? SHALLOWEST - 1 : SHALLOWEST;
}

type KeptOrGone = Kept & { readonly gone: boolean };

function keptByChange(
  { intent, ended }: JournalledChange,
  ids: readonly string[],
  run: string,
): readonly KeptOrGone[] {
  const { host } = intent;
  const failed = ended === 'failed';
  return effectsOf(intent).flatMap(({ kind, id, movedTo, leaves }): KeptOrGone[] => {
    if (leaves !== undefined && !failed)
      return [{ host, path: leaves.path, kind: leaves.as, identity: undefined, run, gone: false }];
    if (kind !== PATH || movedTo === undefined || (failed && movedTo.identity === undefined)) return [];
    const { id: path, identity } = movedTo;
    const from = { host, path: id, kind: 'old data', identity: undefined, run, gone: true } as const;
    const away = failed ? [] : [from];
    const unsure = failed ? ({ unsure: true } as const) : {};
    const as = movedTo.as ?? (intent.modules === undefined ? keptByName(path, ids) : undefined);
    if (as === undefined) return away;
    return [...away, { host, path, kind: as, identity, ...unsure, run, gone: false }];
  });
}

/**
 * What something is that was moved there, where its effect does not say it: those of pitr's own modules did not for long. A
 * module of somebody else may give what it moves any name.
 */
function keptByName(path: string, ids: readonly string[]): 'old data' | 'note' | undefined {
  if (ids.some((one) => path.endsWith(`.${one}`))) return 'old data';
  if (ids.some((one) => path.endsWith(`.${one}.json`))) return 'note';
  return undefined;
}

/** Whether the runs have left every cluster alone, so that no old data rests on what becomes of one. */
export function standsBeside(runs: readonly JournalledRun[]): boolean {
  const effects = runs.flatMap(({ changes }) => changes.flatMap(({ intent }) => effectsOf(intent)));
  return (
    // A member that was down already is stopped by no change; but its old data is kept, under a lock.
    effects.every(
      ({ cluster, lasts }) =>
        (cluster ?? 'begins a history') === 'begins a history' && lasts !== 'while pitr holds it',
    ) && keptBy(runs).every(({ kind }) => kind !== 'old data')
  );
}

/**
 * Whether the runs have done something to a PostgreSQL: started, stopped or promoted one, or handed one over. Whether the
 * old data may go then rests on the health of its cluster. That something was renamed tells nothing: it is said of every
 * directory that is moved that it would take its instance along.
 */
export function concernsPostgres(runs: readonly JournalledRun[]): boolean {
  return runs.some(({ changes }) =>
    changes.some(({ intent }) =>
      effectsOf(intent).some(({ kind, movedTo }) => kind === postgresResource.kind && movedTo === undefined),
    ),
  );
}

/** Whether a server that the runs have started was made a server of its own by none of all runs. */
function waitsToBeLookedAt(runs: readonly JournalledRun[], all: readonly JournalledRun[]): boolean {
  const resources = (of: readonly JournalledRun[], are: (effect: Effect) => boolean): readonly string[] =>
    of.flatMap(({ changes }) =>
      changes
        .filter(stands)
        .flatMap(({ intent }) => effectsOf(intent).map((effect) => ({ ...effect, host: intent.host })))
        .filter(are)
        .map(({ kind, id, host }) => `${host} ${kind} ${id}`),
    );
  const promoted = new Set(resources(all, ({ cluster }) => cluster === 'begins a history'));
  return resources(runs, ({ lasts }) => lasts === 'until it ends').some((one) => !promoted.has(one));
}

/**
 * Whether a server that the runs have started still waits for what is to become of it, or a member that left is not back.
 * Members that were rebuilt, and a recovery that was taken back by another run, wait for no cut-over.
 */
function waitsForCutOver(runs: readonly JournalledRun[]): boolean {
  const waiting = new Set<string>();
  const out = new Set<string>();
  for (const { intent } of runs.flatMap(({ changes }) => changes.filter(stands))) {
    for (const { kind, id, lasts, supersedes, cluster } of effectsOf(intent)) {
      const what = `${intent.host} ${kind} ${id}`;
      if (supersedes) waiting.delete(what);
      if (lasts === 'until it ends') waiting.add(what);
      if (cluster === 'joins') out.delete(what);
      if (cluster === 'leaves' || cluster === 'leaves as leader') out.add(what);
    }
  }
  return waiting.size > 0 || out.size > 0;
}

/** Its undo began to take the change back, whether or not it has come to the end of that. */
function wasTakenBack({ undone, halfUndone }: JournalledChange): boolean {
  return undone || halfUndone;
}

/** Whether the run was gone on with since its last undo, to its good end: what was taken back is made again, under new numbers. */
function isWholeAgain(run: JournalledRun): boolean {
  const last = (type: string): number => run.records.findLastIndex((record) => record.type === type);
  return last('run.resumed') > last('undo.started') && runStatus(run) === 'ok';
}

/**
 * Why the old data of these runs must not go yet; nothing where it may. `all`: what else is known to have been run. What may
 * be at work on another machine, of which nobody here can tell, is for a person to say (`atWorkElsewhere`); the last run has
 * to have ended in any case.
 */
export function whyNotYet(
  runs: readonly JournalledRun[],
  all: readonly JournalledRun[] = runs,
): string | undefined {
  const last = runs.findLast(hasDoneSomething);
  for (const run of runs) {
    const status = runStatus(run);
    if (status === 'running' || (status === 'unknown' && run === last))
      return `run ${run.started.runId} has not ended`;
    if (undoStatus(run) === 'running') return `run ${run.started.runId} is being taken back`;
    if (!isWholeAgain(run) && run.changes.some(stands) && run.changes.some(wasTakenBack))
      return `run ${run.started.runId} was only partly taken back`;
  }
  if (!standsBeside(runs) && cutOversOf(runs).length === 0 && waitsForCutOver(runs))
    return 'its recovery has not been cut over: no node was promoted';
  if (standsBeside(runs) && waitsToBeLookedAt(runs, all))
    return `what it has started waits to be looked at, and rests on what is held: pitr undo ${last?.started.runId ?? ''} removes both`;
  if (last !== undefined && runStatus(last) !== 'ok')
    return `the last run of this recovery, ${last.started.runId}, did not end well`;
  return undefined;
}
