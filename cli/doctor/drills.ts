import { basename } from 'node:path';
import { listRuns, readRun } from '../../lib/engine/journal/read.ts';
import type { Drill } from '../../lib/recovery/doctor/facts.ts';

/** Playbooks that restore a backup and replay WAL. */
const RECOVERIES: ReadonlySet<string> = new Set(['recover.yml', 'replay.yml']);

/** How many of the newest runs are looked through. */
const MOST = 200;

/**
 * The recoveries on these nodes that this controller has carried out, by one of these inventories (absolute paths), and
 * that ended well; the newest first. Nodes of other clusters often have the same names.
 */
export async function drillsOn(
  nodes: readonly string[],
  inventories: readonly string[],
): Promise<readonly Drill[]> {
  const ids = [...(await listRuns())].reverse().slice(0, MOST);
  const found: Drill[] = [];
  for (const id of ids) {
    const run = await readRun(id).catch(() => undefined);
    if (run === undefined || run.finished?.status !== 'ok') continue;
    const playbook = basename(run.started.playbook);
    if (!run.inventories.some((path) => inventories.includes(path))) continue;
    if (!RECOVERIES.has(playbook) || !run.changes.some(({ intent }) => nodes.includes(intent.host))) continue;
    found.push({ run: id, playbook, ended: run.finished.time });
  }
  return found;
}
