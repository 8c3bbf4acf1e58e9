import { join } from 'node:path';
import { expect, it } from 'vitest';
import { productPlaybooks } from '../../lib/language/playbook/assets.ts';
import { loadPlaybook } from '../../lib/language/playbook/load.ts';
import type { Task } from '../../lib/language/playbook/model.ts';
import { play } from '../engine/support.ts';

/** What the plan of recover.yml says of what is prepared at the moment, given what the looks before it have told. */
async function planWith(aimed: unknown, cluster: unknown): Promise<string> {
  const plan = (await loadPlaybook(join(productPlaybooks(), 'recover.yml'))).plays
    .flatMap(({ tasks }) => tasks)
    .find((step): step is Task => step.kind === 'task' && step.name.value === 'The plan');
  const lines: unknown = plan?.args.value.msg;
  const line = Array.isArray(lines) ? lines.find((one) => String(one).includes('named.lines')) : undefined;
  const { messages } = await play(`- hosts: one
  vars: ${JSON.stringify({ aimed, cluster, pgdata: '/nonexistent/data' })}
  tasks:
    - import_tasks: ${join(productPlaybooks(), 'tasks', 'name-prepared.yml')}
    - core.debug: { msg: ${JSON.stringify(['plan:', line])} }
`);
  return messages.at(-1) ?? '';
}

const ONE = { gid: 'g', xid: 740, time: '2026-11-22 09:34:43+00', database: 5, owner: 10, locks: [] };

it.each([
  ['nothing is prepared', { prepared: [] }, { leader: 'one' }, /^plan:\s*$/],
  ['nobody leads', { prepared: [ONE] }, {}, /names of what is prepared there are told after the replay/],
  ['the leader cannot be asked', { prepared: [ONE] }, { leader: 'one' }, /are told after the replay/],
])(
  'a recovery is planned without the names of what is prepared where %s',
  async (_, aimed, cluster, said) => {
    expect(await planWith(aimed, cluster)).toMatch(said);
  },
);
