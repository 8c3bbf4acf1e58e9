import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { asPitrError } from '../../lib/base/errors/pitr-error.ts';
import { productPlaybooks } from '../../lib/language/playbook/assets.ts';
import { loadPlaybook } from '../../lib/language/playbook/load.ts';
import { flatTasks } from '../../lib/language/playbook/load-steps.ts';
import { newDirectory, play } from '../engine/support.ts';

/** A member of the cluster that no host of the run is: what the product's own condition tells to do about it. */

const INVENTORY = `
all:
  vars: { ansible_connection: local }
  children:
    patroni: { hosts: { one: {}, two: {} } }
    others: { hosts: { beside: {} } }
`;

async function refusalOf(members: readonly string[], limit?: string) {
  const { plays } = await loadPlaybook(join(productPlaybooks(), 'cutover.yml'));
  const task = plays
    .flatMap(({ tasks }) => flatTasks(tasks))
    .find(({ args }) => args.value.refuse === 'member-not-in-inventory');
  const directory = await newDirectory();
  const inventory = join(directory, 'hosts.yml');
  await writeFile(inventory, INVENTORY);
  const cluster = { members: Object.fromEntries(members.map((name) => [name, { state: 'running' }])) };
  const yaml = `- hosts: patroni
  vars: ${JSON.stringify({ cluster })}
  tasks:
    - core.assert: ${JSON.stringify(task?.args.value)}
      loop: ${JSON.stringify(task?.loop?.value)}
      run_once: true
`;
  const request = { directory, inventories: [inventory], ...(limit === undefined ? {} : { limit }) };
  return play(yaml, request).then(
    ({ outcome }) => outcome.error,
    (thrown: unknown) => asPitrError(thrown),
  );
}

const PUT_INTO = 'Put it into the group patroni of the inventory, by its name in Patroni.';
const STOP_IT = expect.stringContaining('Or stop its Patroni for good');

it.each([
  ['has its inventory, which has no such host', ['one', 'two', 'three'], undefined, PUT_INTO],
  ['has its inventory, where it is in another group', ['one', 'two', 'beside'], undefined, PUT_INTO],
  ['is limited to others', ['one', 'two'], 'one', expect.stringMatching(/--limit leaves it out/)],
  ['is limited, and the inventory has no such host', ['one', 'three'], 'one', PUT_INTO],
])('a member that nobody would stop is told of truly where the run %s', async (_, members, limit, next) => {
  const refused = await refusalOf(members, limit);
  expect(refused?.code).toBe('member-not-in-inventory');
  expect(refused?.next).toEqual([next, STOP_IT]);
});

it('a run whose hosts are all members goes on', async () => {
  expect(await refusalOf(['one', 'two'])).toBeUndefined();
});
