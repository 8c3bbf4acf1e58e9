import type { Masker } from '../../base/values/masker.ts';
import type { Step } from '../../language/playbook/model.ts';
import { loadRun } from './load-run.ts';
import { hostsOfPlay } from './play-hosts.ts';
import type { RunRequest } from './run-request.ts';
import { tagsSelect } from './run-state.ts';

export interface ListedTask {
  readonly id: string;
  readonly name: string;
  readonly module: string;
  readonly tags: readonly string[];
}

export interface ListedPlay {
  readonly play: string;
  readonly hosts: readonly string[];
  readonly tasks: readonly ListedTask[];
  readonly tags: readonly string[];
}

/** What a playbook would do, as far as no host is needed to tell: `--list-tasks`, `--list-hosts`, `--list-tags`. */
export async function listPlaybook(request: RunRequest, masker: Masker): Promise<readonly ListedPlay[]> {
  const loaded = await loadRun(request, masker);
  const filter = { only: request.tags, skip: request.skipTags };
  return loaded.plays.map((files) => {
    const tasks = flat(files.play.tasks).filter((task) => tagsSelect(task.tags, filter));
    return {
      play: files.play.name,
      hosts: hostsOfPlay({ inventory: loaded.inventory, extraVars: request.extraVars }, files, request.limit),
      tasks,
      tags: [...new Set(tasks.flatMap((task) => task.tags))].sort(),
    };
  });
}

function flat(steps: readonly Step[]): readonly ListedTask[] {
  return steps.flatMap((step): readonly ListedTask[] =>
    step.kind === 'block'
      ? [...flat(step.block), ...flat(step.rescue), ...flat(step.always)]
      : [{ id: step.id, name: step.name.value, module: step.module, tags: step.tags }],
  );
}
