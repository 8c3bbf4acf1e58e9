import { flatTasks } from '../../language/playbook/load-steps.ts';
import type { Past } from '../journal/past.ts';
import type { LoadedRun } from '../run/load-run.ts';
import { hostsOfPlay } from '../run/play-hosts.ts';
import type { RunRequest } from '../run/run-request.ts';

/** A host that a run has changed, and that its play does not have any more: the inventory was edited since. */
export interface HostLeft {
  readonly host: string;
  readonly play: string;
}

/** The hosts that a resumed run leaves as its earlier processes left them. */
export function hostsLeft(
  { inventory, plays }: LoadedRun,
  { extraVars, limit }: RunRequest,
  past: Past,
): readonly HostLeft[] {
  const made = [...past.changes()].map(({ turn }) => turn);
  const changed = [...past.results()].filter(({ status }) => status === 'changed');
  return plays.flatMap((files) => {
    const { name, tasks, handlers } = files.play;
    const ids = new Set(flatTasks([...tasks, ...handlers]).map(({ id }) => id));
    const worked = new Set([...made, ...changed].filter(({ task }) => ids.has(task)).map(({ host }) => host));
    if (worked.size === 0) return [];
    const now = hostsOfPlay({ inventory, extraVars }, files, limit);
    return [...worked].filter((host) => !now.includes(host)).map((host) => ({ host, play: name }));
  });
}
