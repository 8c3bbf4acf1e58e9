import { PitrError } from '../../base/errors/pitr-error.ts';
import { flatTasks } from '../../language/playbook/load-steps.ts';
import type { Play, Task } from '../../language/playbook/model.ts';
import { loadModule } from '../../modules/registry.ts';
import { type Past, pastOf } from '../journal/past.ts';
import type { JournalledRun } from '../journal/read.ts';
import { canGoOn } from '../journal/status.ts';
import type { RunRequest } from '../run/run-request.ts';
import { goneId, knownAgain } from './known-again.ts';
import { type MachinesWish, machinesAgain } from './machines-again.ts';
import { playbookAgain } from './playbook-again.ts';
import { refuseWhileAtWork } from './refuse-at-work.ts';
import { variablesAgain } from './variables-again.ts';

export interface ResumeWish extends MachinesWish {
  /** Where the hosts are; empty means where the run found them. */
  readonly inventories: readonly string[];
  /** `-e`: over the variables of the run; what the journal masked has to be given again. */
  readonly extraVars: Readonly<Record<string, unknown>>;
  readonly mode: 'run' | 'check';
  readonly forks: number;
  readonly withoutLock?: boolean | undefined;
}

/**
 * What is asked of the engine to go on with a run. Throws kind `refused` where there is nothing to go on with or the
 * run is still at work, `usage` for secrets that have to be given again.
 */
export function resumeRequest(run: JournalledRun, wish: ResumeWish): RunRequest {
  refuseWhileAtWork(run, wish.again);
  const { started } = run;
  if (!canGoOn(run)) {
    throw new PitrError({
      kind: 'refused',
      code: 'nothing-to-resume',
      message: `run ${started.runId} has ended well: there is nothing to go on with`,
      next: [`pitr runs ${started.runId}`],
    });
  }
  return {
    playbook: playbookAgain(started),
    inventories: wish.inventories.length > 0 ? wish.inventories : run.inventories,
    extraVars: variablesAgain(run, wish.extraVars, 'all'),
    mode: wish.mode,
    limit: started.limit,
    tags: started.tags ?? [],
    skipTags: started.skipTags ?? [],
    forks: wish.forks,
    forceHandlers: started.forceHandlers,
    resumes: run,
    known: machinesAgain([run], wish),
    givenBefore: Object.keys(run.extraVars).filter((name) => !Object.hasOwn(wish.extraVars, name)),
    withoutLock: wish.withoutLock,
  };
}

/**
 * What a run has done, in the words of the playbook as it is now. Throws kind `refused` where a task that was done is not
 * there any more or is another one: what came after it can then not be told. Tasks that were not done may differ.
 */
export async function pastIn(run: JournalledRun, plays: readonly Play[]): Promise<Past> {
  const changing = await changingIn(plays);
  const past = pastOf(knownAgain(run.records, plays, (module) => changing.has(module)));
  const changes = [...past.changes()].map(({ turn: { task }, intent: { module } }) => ({ task, module }));
  // What was only looked at and is looked at no more is missed by nobody.
  const results = [...past.results()].filter(({ status }) => status === 'changed');
  for (const { task, module } of [...results, ...changes]) {
    const id = goneId(task);
    if (id === undefined) continue;
    const now = plays
      .flatMap((play) => flatTasks([...play.tasks, ...play.handlers]))
      .find((one) => one.id === id);
    const name = nameOf(run, id);
    throw new PitrError({
      kind: 'refused',
      code: 'playbook-changed',
      message: `the playbook has changed since: task ${id}${name === undefined ? '' : `, "${name}"`}, was ${module} and is ${nowIs(module, now)}`,
      ...(now === undefined ? {} : { at: now.at }),
      details: ['What is written after the last task that was done may differ; what was done may not.'],
      next: [
        `Take the run back: pitr undo ${run.started.runId}`,
        playbookAgain(run.started) === run.started.playbook
          ? `Or put the playbook back as it was, and go on: pitr resume ${run.started.runId}`
          : `Or go on with the pitr that began it: its playbook was ${run.started.playbook}`,
      ],
    });
  }
  return past;
}

/** The modules in plays that may change something. */
async function changingIn(plays: readonly Play[]): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  for (const { directory, tasks, handlers } of plays) {
    for (const { module } of flatTasks([...tasks, ...handlers]))
      if (module !== 'meta' && (await loadModule(module, [directory])).kind === 'change') found.add(module);
  }
  return found;
}

function nowIs(module: string, now: Task | undefined): string {
  if (now === undefined) return 'not there any more';
  return now.module === module ? `"${now.name.value}" now` : now.module;
}

function nameOf(run: JournalledRun, id: string): string | undefined {
  const begun = run.records.find((record) => record.type === 'task.started' && record.task === id);
  return begun?.type === 'task.started' ? begun.name : undefined;
}
