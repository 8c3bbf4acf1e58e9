import { z } from 'zod';
import { runFiles } from '../../recovery/postgres/isolation.ts';
import { depthOf } from '../../system/fs/paths.ts';
import type { JournalledChange, JournalledRun } from '../journal/read.ts';
import { runStatus } from '../journal/status.ts';
import { stands } from './undo-plan.ts';

/** Something that a run left on a host on purpose, as its journal knows it. */
export interface Kept {
  readonly host: string;
  readonly path: string;
  /** `old data`: a data directory that was moved aside; `note`, `log`: small things beside it. */
  readonly kind: 'old data' | 'note' | 'log';
  /** Device and inode of what was moved there: anything else at the path is not ours. */
  readonly identity: string | undefined;
  /** The rename failed, and may have happened all the same (a lost connection): only what `identity` says is kept. */
  readonly unsure?: true;
  /** The OS user that the task had become. */
  readonly run: string;
}

const moved = z.object({ src: z.string(), dest: z.string(), identity: z.string().optional() });
const started = z.object({ pgdata: z.string(), mode: z.string() });
const lock = z.object({ run: z.string(), allow: z.array(z.string()) });

/** Too near to the root to be anybody's data directory: never removed, whatever a journal says. */
const SHALLOWEST = 3;

/**
 * What the runs of one recovery keep on hosts, from their journals alone: what was moved to a name that ends with the
 * id of one of them, and is not moved away again by a later change.
 */
export function keptBy(runs: readonly JournalledRun[]): readonly Kept[] {
  const ids = runs.map((run) => run.started.runId);
  const kept = new Map<string, Kept>();
  for (const run of runs) {
    for (const change of run.changes.filter(stands)) {
      for (const entry of keptByChange(change, ids, run.started.runId)) {
        if (entry.gone) kept.delete(`${entry.host} ${entry.path}`);
        else if (depthOf(entry.path) >= SHALLOWEST) kept.set(`${entry.host} ${entry.path}`, entry);
      }
    }
  }
  return [...kept.values()];
}

function keptByChange(
  { intent, ended }: JournalledChange,
  ids: readonly string[],
  run: string,
): readonly (Kept & { readonly gone: boolean })[] {
  const { host, module, change } = intent;
  if (module === 'postgres.start') {
    if (ended === 'failed') return [];
    const { data } = started.safeParse(change);
    if (data === undefined || data.mode === 'open') return [];
    const path = runFiles(data.pgdata).directory;
    return [{ host, path, kind: 'log', identity: undefined, run, gone: false }];
  }
  if (module !== 'fs.move') return [];
  const { data } = moved.safeParse(change);
  if (data === undefined || (ended === 'failed' && data.identity === undefined)) return [];
  const unsure = ended === 'failed' ? ({ unsure: true } as const) : {};
  const from = { host, path: data.src, kind: 'old data', identity: undefined, run, gone: true } as const;
  const away = ended === 'failed' ? [] : [from];
  const to = { host, path: data.dest, identity: data.identity, ...unsure, run, gone: false } as const;
  if (ids.some((id) => data.dest.endsWith(`.${id}`))) return [...away, { ...to, kind: 'old data' }];
  if (ids.some((id) => data.dest.endsWith(`.${id}.json`))) return [...away, { ...to, kind: 'note' }];
  return away;
}

/** The runs that this run's lock says it is about: a cut-over is about the run that recovered. */
export function runsAbout(run: JournalledRun): readonly string[] {
  return run.changes.flatMap(({ intent }) => {
    const data = intent.module === 'core.lock' ? lock.safeParse(intent.change).data : undefined;
    return data?.allow.filter((one) => one !== '' && one !== run.started.runId) ?? [];
  });
}

/** All runs of the recovery that the run belongs to, oldest first. */
export function familyOf(run: JournalledRun, all: readonly JournalledRun[]): readonly JournalledRun[] {
  const family = new Set([run.started.runId]);
  for (let size = 0; size !== family.size; ) {
    size = family.size;
    for (const one of all) {
      const about = runsAbout(one);
      const id = one.started.runId;
      if (family.has(id)) for (const other of about) family.add(other);
      else if (about.some((other) => family.has(other))) family.add(id);
    }
    for (const other of runsAbout(run)) family.add(other);
  }
  const members = all.filter(({ started: { runId } }) => family.has(runId) && runId !== run.started.runId);
  return [...members, run].sort((a, b) => a.started.time - b.started.time);
}

/** The host that was promoted in the cut-over of these runs; nothing where there was none. */
export function promotedIn(runs: readonly JournalledRun[]): string | undefined {
  const promotions = runs.flatMap((run) =>
    run.changes.filter(
      ({ intent, ended, undone }) => intent.module === 'postgres.promote' && ended === 'done' && !undone,
    ),
  );
  return promotions.at(-1)?.intent.host;
}

/** A run that was answered with no at its question has locked the cluster and let it go again: nothing hangs on it. */
function hasDoneSomething({ changes }: JournalledRun): boolean {
  return changes.some((change) => stands(change) && change.intent.module !== 'core.lock');
}

/** Why the old data of these runs must not go yet; nothing where it may. */
export function whyNotYet(runs: readonly JournalledRun[]): string | undefined {
  const last = runs.findLast(hasDoneSomething);
  for (const run of runs) {
    if (['running', 'unknown'].includes(runStatus(run))) return `run ${run.started.runId} has not ended`;
    if (run.undo !== undefined && run.undo.finished?.status !== 'ok' && run.changes.some(stands))
      return `run ${run.started.runId} was only partly taken back`;
  }
  if (promotedIn(runs) === undefined) return 'its recovery has not been cut over: no node was promoted';
  if (last !== undefined && runStatus(last) !== 'ok')
    return `the last run of this recovery, ${last.started.runId}, did not end well`;
  return undefined;
}
