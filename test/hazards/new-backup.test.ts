import { join } from 'node:path';
import { expect, it } from 'vitest';
import { resumeRequest } from '../../lib/engine/back/resume.ts';
import { readRun } from '../../lib/engine/journal/read.ts';
import { productPlaybooks } from '../../lib/language/playbook/assets.ts';
import { loadPlaybook } from '../../lib/language/playbook/load.ts';
import { flatTasks } from '../../lib/language/playbook/load-steps.ts';
import { newDirectory, play } from '../engine/support.ts';

/** The question before the new base backup, at the end of cutover.yml, as it is written. */
async function asIsWritten(): Promise<string> {
  const tasks = (await loadPlaybook(join(productPlaybooks(), 'cutover.yml'))).plays.flatMap((one) =>
    flatTasks(one.tasks),
  );
  const takes = tasks.findIndex(({ module }) => module === 'barman.create_backup');
  const [asks, backup] = [tasks[takes - 1], tasks[takes]];
  expect(asks?.module).toBe('core.confirm');
  const conditions = (task: typeof asks) => JSON.stringify(task?.when.map(({ value }) => value));
  return `- hosts: one
  vars: { new_backup: true, barman_server: main, recovery: { unheld: [main] } }
  tasks:
    - core.confirm: ${JSON.stringify(asks?.args.value)}
      when: ${conditions(asks)}
    - core.debug: takes it
      when: ${conditions(backup)}
    - core.debug: is finished
`;
}

it('a recovery whose new base backup is not wanted is finished by the command that the question names', async () => {
  const directory = await newDirectory();
  const yaml = await asIsWritten();
  let said: readonly string[] = [];
  const asked = (question: { readonly details?: readonly string[] }): void => {
    said = question.details ?? [];
  };
  const { outcome } = await play(yaml, { directory, answer: false, asked });
  const way = `pitr resume ${outcome.runId} -e new_backup=false`;
  expect(said.join()).toContain(way);
  expect(outcome.error?.toJSON()).toMatchObject({ kind: 'interrupted', code: 'declined' });
  expect(outcome.error?.next[0]).toContain(way);
  const wish = {
    inventories: [],
    extraVars: { new_backup: false },
    mode: 'run',
    forks: 3,
    again: '',
  } as const;
  const request = { ...resumeRequest(await readRun(outcome.runId), wish), directory, answer: false };
  const { outcome: ended, messages } = await play(yaml, request);
  expect(ended.error?.toJSON()).toBeUndefined();
  expect(messages).toEqual(['is finished']);
});
