import { asPitrError, type PitrError } from '../../base/errors/pitr-error.ts';
import { allTrue } from '../task/conditions.ts';
import { type PlayBatch, type PlayFiles, playScope } from '../task/variables.ts';
import type { LoadedRun } from './load-run.ts';
import { hostsOfPlay, serialBatches } from './play-hosts.ts';
import { type PlayOutcome, PlayRun } from './play-run.ts';
import { type RunState, tagsSelect } from './run-state.ts';

/**
 * Runs the plays in order, each on its hosts, batch by batch. Gives the first error; what happened on hosts is in the
 * events. A host that is lost takes no part in later plays.
 */
export async function runPlays(
  run: RunState,
  loaded: LoadedRun,
  limit: string | undefined,
): Promise<PitrError | undefined> {
  let firstError: PitrError | undefined;
  for (const files of loaded.plays) {
    const { play } = files;
    if (!play.tasks.some((step) => step.kind === 'block' || tagsSelect(step.tags, run.tags))) {
      run.emit({
        type: 'play.skipped',
        time: Date.now(),
        play: play.name,
        why: play.tasks.length === 0 ? 'it has no tasks' : 'no task has a selected tag',
      });
      continue;
    }
    try {
      const matched = hostsOfPlay(run, files, limit).filter((host) => !run.lost.has(host));
      const hosts = matched.filter((host) => wanted(run, files, host, matched));
      if (hosts.length === 0) {
        run.emit({
          type: 'play.skipped',
          time: Date.now(),
          play: play.name,
          why:
            play.when.length > 0 && matched.length > 0 ? 'its condition is false' : 'no host is left for it',
        });
        continue;
      }
      for (const batch of serialBatches(hosts, play.serial)) {
        const outcome = await runBatch(run, { ...files, hosts: batch });
        firstError ??= outcome.error;
        if (outcome.stopRun) return firstError;
        if (outcome.ended) break;
      }
    } catch (thrown) {
      return firstError ?? asPitrError(run.signal.aborted ? run.signal.reason : thrown);
    }
  }
  return firstError;
}

/** Whether the condition of an imported play holds for the host; one that check mode cannot know counts as yes. */
function wanted(run: RunState, files: PlayFiles, host: string, hosts: readonly string[]): boolean {
  return allTrue(files.play.when, playScope(run, { ...files, hosts }, host)) !== false;
}

async function runBatch(run: RunState, vars: PlayBatch): Promise<PlayOutcome> {
  for (const host of vars.hosts) run.recap.enter(host);
  run.emit({
    type: 'play.started',
    time: Date.now(),
    play: vars.play.name,
    hosts: vars.hosts,
    at: vars.play.at,
  });
  const outcome = await new PlayRun(run, vars).play();
  run.emit({ type: 'play.finished', time: Date.now(), play: vars.play.name });
  return outcome;
}
