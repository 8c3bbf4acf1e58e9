import { z } from 'zod';
import { runFiles } from '../../recovery/postgres/isolation.ts';
import { depthOf } from '../../system/fs/paths.ts';
import type { JournalledChange, JournalledRun } from '../journal/read.ts';
import { runStatus, undoStatus } from '../journal/status.ts';
import { stands } from './stands.ts';
import { cutOversOf, hasDoneSomething } from './story.ts';

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

/** Why the old data of these runs must not go yet; nothing where it may. */
export function whyNotYet(runs: readonly JournalledRun[]): string | undefined {
  const last = runs.findLast(hasDoneSomething);
  for (const run of runs) {
    if (['running', 'unknown'].includes(runStatus(run))) return `run ${run.started.runId} has not ended`;
    if (['running', 'unknown'].includes(undoStatus(run) ?? ''))
      return `run ${run.started.runId} is being taken back`;
    if (run.changes.some(stands) && run.changes.some(({ undone, halfUndone }) => undone || halfUndone))
      return `run ${run.started.runId} was only partly taken back`;
  }
  if (cutOversOf(runs).length === 0) return 'its recovery has not been cut over: no node was promoted';
  if (last !== undefined && runStatus(last) !== 'ok')
    return `the last run of this recovery, ${last.started.runId}, did not end well`;
  return undefined;
}
