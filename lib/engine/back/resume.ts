import { PitrError } from '../../base/errors/pitr-error.ts';
import type { Play, Step, Task } from '../../language/playbook/model.ts';
import { pastOf } from '../journal/past.ts';
import type { JournalledRun } from '../journal/read.ts';
import { runStatus } from '../journal/status.ts';
import type { RunRequest } from '../run/run-request.ts';
import { refuseWhileAtWork } from './refuse-at-work.ts';
import { variablesAgain } from './variables-again.ts';

export interface ResumeWish {
  /** Where the hosts are; empty means where the run found them. */
  readonly inventories: readonly string[];
  /** `-e`: over the variables of the run; what the journal masked has to be given again. */
  readonly extraVars: Readonly<Record<string, unknown>>;
  readonly mode: 'run' | 'check';
  readonly forks: number;
  /** The command, to be named in errors. */
  readonly again: string;
}

/**
 * What is asked of the engine to go on with a run. Throws kind `refused` where there is nothing to go on with or the
 * run is still at work, `usage` for secrets that have to be given again.
 */
export function resumeRequest(run: JournalledRun, wish: ResumeWish): RunRequest {
  refuseWhileAtWork(run, wish.again);
  const { started } = run;
  if (runStatus(run) === 'ok') {
    throw new PitrError({
      kind: 'refused',
      code: 'nothing-to-resume',
      message: `run ${started.runId} has ended well: there is nothing to go on with`,
      next: [`pitr runs ${started.runId}`],
    });
  }
  return {
    playbook: started.playbook,
    inventories: wish.inventories.length > 0 ? wish.inventories : run.inventories,
    extraVars: variablesAgain(run, wish.extraVars, 'all'),
    mode: wish.mode,
    limit: started.limit,
    tags: started.tags ?? [],
    skipTags: started.skipTags ?? [],
    forks: wish.forks,
    forceHandlers: started.forceHandlers,
    resumes: run,
  };
}

/**
 * Holds what was done against the playbook as it is now. Throws kind `refused` where a task that was done is not
 * there any more or is another one: what came after it can then not be told. Tasks that were not done may differ.
 */
export function refuseOtherPlaybook(run: JournalledRun, plays: readonly Play[]): void {
  const tasks = new Map(
    plays.flatMap((play) =>
      [...play.tasks.flatMap(tasksOf), ...play.handlers].map((task) => [task.id, task]),
    ),
  );
  for (const { task: id, module } of pastOf(run.records).results()) {
    const now = tasks.get(id);
    if (now?.module === module) continue;
    const name = nameOf(run, id);
    throw new PitrError({
      kind: 'refused',
      code: 'playbook-changed',
      message: `the playbook has changed since: task ${id}${name === undefined ? '' : `, "${name}"`}, was ${module} and is ${now?.module ?? 'not there any more'}`,
      ...(now === undefined ? {} : { at: now.at }),
      details: ['What is written after the last task that was done may differ; what was done may not.'],
      next: [
        `Take the run back: pitr undo ${run.started.runId}`,
        'Or put the playbook back as it was, and resume.',
      ],
    });
  }
}

function nameOf(run: JournalledRun, id: string): string | undefined {
  const begun = run.records.find((record) => record.type === 'task.started' && record.task === id);
  return begun?.type === 'task.started' ? begun.name : undefined;
}

function tasksOf(step: Step): readonly Task[] {
  if (step.kind === 'task') return [step];
  return [...step.block, ...step.rescue, ...step.always].flatMap(tasksOf);
}
