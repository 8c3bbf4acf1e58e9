import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { productPlaybooks } from '../../lib/language/playbook/assets.ts';
import { loadPlaybook } from '../../lib/language/playbook/load.ts';
import { flatTasks } from '../../lib/language/playbook/load-steps.ts';
import { newDirectory, play } from '../engine/support.ts';
import { fakePrograms } from '../support/fake-programs.ts';

/** Where it is not proved that WAL is archived, the run ends in the middle: it says who serves, who is stopped, and what leads on. */

const DEFAULTS = join(productPlaybooks(), 'vars/recovery.yml');

/** What archived.yml fails with, in the words of a playbook that imports it. */
async function failing(playbook: string, vars: Readonly<Record<string, unknown>>) {
  const { plays } = await loadPlaybook(join(productPlaybooks(), playbook));
  const [words] = plays
    .flatMap(({ tasks }) => flatTasks(tasks))
    .filter(({ module }) => module === 'barman.switch_wal')
    .filter(({ args }) => 'ways' in args.value)
    .map((task) => Object.assign({}, ...task.vars));
  const { stands, ways, others } = words;
  const directory = await newDirectory();
  const inventory = join(directory, 'hosts.yml');
  await writeFile(
    inventory,
    'all: { vars: { ansible_connection: local }, children: { patroni: { hosts: { one: {}, two: {}, three: {} } } } }',
  );
  await using _programs = await fakePrograms({ barman: 'echo "it is broken" >&2; exit 3' });
  const yaml = `- hosts: one
  defaults_files: [${DEFAULTS}]
  vars: ${JSON.stringify({ leader: 'one', barman_server: 'db1', barman_host: 'one', pgdata: '/none', ...vars })}
  tasks:
    - import_tasks: ${join(productPlaybooks(), 'tasks/archived.yml')}
      vars: ${JSON.stringify({ others: others?.value, stands: stands.value, ways: ways.value, promoted: { timeline: 7 } })}
`;
  const { outcome } = await play(yaml, { directory, inventories: [inventory] });
  return { ...outcome.error, runId: outcome.runId };
}

describe('WAL of the new leader that is not proved to be archived', () => {
  it.each([
    ['', 'Stopped, with the old data: two, three. Leave them stopped'],
    ['two', 'Stopped, with the old data: three. Leave them stopped'],
    ['two,three', /archived\.$/],
  ])('ends a cut-over with who serves and who is stopped; gone are: %j', async (members_gone, words) => {
    const { runId, ...error } = await failing('cutover.yml', { members_gone });
    expect(error.state).toMatch(/^one leads and serves the recovered data; it is not proved/);
    expect(error.state).toMatch(words);
    expect(error.next?.slice(-2)).toEqual([
      `When that is mended, go on: pitr resume ${runId}`,
      expect.stringContaining(`pitr runs ${runId}`),
    ]);
    // what the failure itself says stands before that
    expect(error.next?.length).toBeGreaterThan(2);
  });

  it.each([
    ['revert.yml', 'one leads again with the data from before the recovery, and the other members follow it'],
    ['rejoin.yml', 'one leads with the recovered data, and the members of this run follow it'],
  ])('ends %s likewise', async (playbook, words) => {
    const { runId, ...error } = await failing(playbook, {});
    expect(error.state).toContain(words);
    expect(error.next?.at(-1)).toBe(`When that is mended, go on: pitr resume ${runId}`);
  });

  it.each(['cutover.yml', 'revert.yml', 'rejoin.yml', 'backup.yml', 'recover.yml', 'spare.yml'])(
    'and that of whoever leads before: each place in %s says how things stand',
    async (playbook) => {
      const { plays } = await loadPlaybook(join(productPlaybooks(), playbook));
      const proofs = plays
        .flatMap(({ tasks }) => flatTasks(tasks))
        .filter(({ module }) => module === 'barman.switch_wal');
      expect(proofs.length).toBeGreaterThan(0);
      expect(proofs.filter(({ args }) => !('stands' in Object(args.value)))).toEqual([]);
    },
  );
});
