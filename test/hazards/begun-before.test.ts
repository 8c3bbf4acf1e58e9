import { join } from 'node:path';
import { expect, it } from 'vitest';
import { asPitrError } from '../../lib/base/errors/pitr-error.ts';
import { productPlaybooks } from '../../lib/language/playbook/assets.ts';
import { loadPlaybook } from '../../lib/language/playbook/load.ts';
import { flatTasks } from '../../lib/language/playbook/load-steps.ts';
import type { Task } from '../../lib/language/playbook/model.ts';
import { play } from '../engine/support.ts';

/** A run that an older pitr has begun is gone on with: what its looks did not tell yet is in no journal. */

async function taskOf(file: string, meant: (task: Task) => boolean): Promise<Task> {
  const { plays } = await loadPlaybook(join(productPlaybooks(), file));
  const found = plays.flatMap((one) => flatTasks(one.tasks)).find(meant);
  if (found === undefined) throw new Error(`${file} has no such task`);
  return found;
}

/** What it comes to with these variables: the code of its refusal, or the result of the task. */
async function outcomeOf({ module, args }: Task, vars: Readonly<Record<string, unknown>>): Promise<unknown> {
  const yaml = `- hosts: one
  vars: ${JSON.stringify(vars)}
  tasks:
    - ${module}: ${JSON.stringify(args.value)}
`;
  try {
    const { outcome, events } = await play(yaml);
    const results = events.flatMap((event) => (event.type === 'host.result' ? [event.result] : []));
    return outcome.error?.code ?? results.at(-1);
  } catch (thrown) {
    return asPitrError(thrown).code;
  }
}

it('recover.yml goes on where the numbers of the tablespaces were not told', async () => {
  const task = await taskOf('recover.yml', ({ args }) => args.value.refuse === 'tablespace-since-backup');
  const vars = { target: 'one', accept_new_tablespaces: false, base: { id: 'b', tablespaces: [] } };
  const there = { ...vars, layout: { tablespaces: ['/srv/fast'] } };
  expect(await outcomeOf(task, there)).toBeTypeOf('object');
});

it('prepare.yml goes on where it was not told what was raised', async () => {
  const task = await taskOf('prepare.yml', ({ stage }) => stage === 'prepared');
  const whole = {
    ...{ prepare_on: 'one', files: '/srv/f', owner: 'x', configured_files: {} },
    ...{ wal: { target_time: 't', words: 'w', timeline: 1 }, aimed: { aim: {} } },
    base: { server: 's', id: 'b', system_id: '7', postgresql_major: 15 },
  };
  expect(await outcomeOf(task, whole)).toMatchObject({ facts: { prepared: { raised: {} } } });
});
