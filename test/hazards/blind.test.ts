import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { asPitrError } from '../../lib/base/errors/pitr-error.ts';
import { productPlaybooks } from '../../lib/language/playbook/assets.ts';
import { loadPlaybook } from '../../lib/language/playbook/load.ts';
import { flatTasks } from '../../lib/language/playbook/load-steps.ts';
import { play } from '../engine/support.ts';
import { localPlayground } from '../modules/playground.ts';
import { fakePrograms } from '../support/fake-programs.ts';

/** The code with which the product's own tasks refuse, given what `patroni.cluster` and `postgres.instance` have told. */
function refusal(file: string, cluster: unknown, there: unknown = {}): Promise<string | undefined> {
  const yaml = `- hosts: one
  vars: ${JSON.stringify({ cluster, instance_there: there })}
  tasks:
    - import_tasks: ${join(productPlaybooks(), 'tasks', file)}
`;
  return codeOf(yaml);
}

/** The code of the error that ends a play; nothing where it ends well. */
function codeOf(yaml: string): Promise<string | undefined> {
  return play(yaml).then(
    ({ outcome }) => outcome.error?.code,
    (thrown: unknown) => asPitrError(thrown).code,
  );
}

it.each([
  ['pause-unknown', {}],
  ['cluster-paused', { paused: true }],
  [undefined, { paused: false }],
])('a pause that nobody tells of refuses like one that is there: %s', async (code, cluster) => {
  expect(await refusal('not-paused.yml', cluster)).toBe(code);
});

it.each([
  ['members-unknown', {}, { running: true, mode: 'open' }],
  [undefined, {}, { running: true, mode: 'isolated' }],
  [undefined, {}, { running: false, mode: 'open' }],
  [undefined, { db1: {} }, { running: true, mode: 'open' }],
])('a list without members is believed only where no PostgreSQL is up: %s', async (code, members, there) => {
  expect(await refusal('members-known.yml', { members }, there)).toBe(code);
});

const open = { running: true, mode: 'open' };
it.each([
  ['leader-named-otherwise', 'one', { ...open, role: 'recovering' }],
  ['leader-named-otherwise', 'two', { ...open, role: 'primary' }],
  ['leader-named-otherwise', 'two', open],
  [undefined, 'one', { ...open, role: 'primary' }],
  [undefined, 'two', { ...open, role: 'recovering' }],
  [undefined, 'two', { ...open, running: false, role: 'primary' }],
  [undefined, 'two', { ...open, mode: 'isolated', role: 'primary' }],
  [undefined, undefined, { ...open, role: 'primary' }],
])(
  'a host is the member of its name only where its PostgreSQL fits: %s, %s leads',
  async (code, leader, there) => {
    const vars = { target: 'three', cluster: leader === undefined ? {} : { leader }, instance_there: there };
    const tasks = join(productPlaybooks(), 'tasks', 'leader-as-listed.yml');
    expect(
      await codeOf(`- hosts: one
  vars: ${JSON.stringify(vars)}
  tasks:
    - import_tasks: ${tasks}
`),
    ).toBe(code);
  },
);

it.each([
  ['restored-size-unknown', {}, null],
  ['restored-size-unknown', {}, ''],
  ['restored-size-unknown', {}, 'much'],
  [undefined, { restored_bytes: 7 }, null],
  [undefined, {}, '250000000000'],
])('a packed backup whose size nobody tells is refused: %s', async (code, base, told) => {
  const packed = { id: 'b', server: 's', packed: true, compression: 'zstd', staging_path: '/srv/x', ...base };
  expect(
    await codeOf(`- hosts: one
  vars: ${JSON.stringify({ base: packed, restored_bytes: told, staging_path: null })}
  tasks:
    - import_tasks: ${join(productPlaybooks(), 'tasks', 'packed.yml')}
`),
  ).toBe(code);
});

it.each([
  ['all tools for it fail', 'exit 1'],
  ['they are killed', 'kill -9 $$'],
  ['they say nothing of a refusal', 'echo "no route to host" >&2; exit 1'],
])('a port of which nobody can tell is one that is in use: %s', async (_, ends) => {
  await using _programs = await fakePrograms({ nc: ends, bash: ends, curl: ends });
  expect(
    await codeOf(`- hosts: one
  vars: { pg_port: 1, port_timeout: 300 ms }
  tasks:
    - import_tasks: ${join(productPlaybooks(), 'tasks', 'port-free.yml')}
`),
  ).toBe('port-in-use');
});

it('a PostgreSQL that does not say its version has none', async () => {
  await using ground = await localPlayground();
  const { play: here, dir } = ground;
  const saying = async (script: string) => {
    await writeFile(join(dir, 'postgres'), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    return (await here.run('postgres.version', { bin: dir })).result;
  };
  const blind = { code: 'postgres-version-unknown' };
  await expect(saying('')).rejects.toMatchObject(blind);
  await expect(saying('echo "postgres (PostgreSQL) 17.2"; exit 1')).rejects.toMatchObject(blind);
  expect(await saying('echo "postgres (PostgreSQL) 17.2"')).toEqual({ version: '17.2', major: 17 });
});

describe.each(['cutover.yml', 'revert.yml'])('in %s, a timeline number is free', (file) => {
  const there = (timeline?: number) => ({ data: 'present', ...(timeline === undefined ? {} : { timeline }) });
  const conditions = async () =>
    (await loadPlaybook(join(productPlaybooks(), file))).plays
      .flatMap(({ tasks }) => flatTasks(tasks))
      .filter(({ args }) => args.value.refuse === 'timeline-taken')
      // Only of one who leads, right before it is stopped: test/hazards/going-on.test.ts.
      .filter(({ name }) => name.value !== 'No other history has taken its timeline meanwhile')
      .map(({ args }) => String(args.value.that));

  it.each([
    ['where the cluster tells a lower one', { timeline: 4 }, there(9), undefined],
    ['not where the cluster has it', { timeline: 5 }, there(1), 'timeline-taken'],
    ['where the data of each member tells a lower one', {}, there(4), undefined],
    ['where a member has no data', {}, { data: 'absent' }, undefined],
    ['not where the data of a member has it', {}, there(5), 'timeline-taken'],
    ['not where nobody can tell', {}, there(), 'timeline-taken'],
  ])('%s', async (_, cluster, other, code) => {
    const all = await conditions();
    expect(all.length).toBe(file === 'cutover.yml' ? 4 : 3);
    for (const condition of all) {
      const looped = condition.includes('[item]');
      expect([
        condition,
        await codeOf(`- hosts: pair
  vars: ${JSON.stringify({ cluster, old: cluster, again: 'timeline' in cluster ? { ...cluster, leader: 'two' } : cluster, promoted: { timeline: 5 }, new_timeline: 5, looked_at: file === 'cutover.yml' ? ['two'] : ['one', 'two'], data_of: { results: [other] } })}
  tasks:
    # The recovered node itself is not asked, wherever it is in the list.
    - core.set_fact: { instance_there: ${JSON.stringify(looped && file === 'revert.yml' ? there(1) : looped ? there() : other)} }
      when: inventory_hostname == "one"
    - core.set_fact: { instance_there: ${JSON.stringify(other)} }
      when: inventory_hostname == "two"
    - core.assert: { that: ${JSON.stringify(condition)}, refuse: timeline-taken }
      loop: ${looped ? '[one, two]' : '[once]'}
      when: inventory_hostname == "one"
`),
      ]).toEqual([condition, code]);
    }
  });
});

it('a node that leads already is not in its own way when a run goes on', async () => {
  expect(
    await codeOf(`- hosts: one
  vars: ${JSON.stringify({ promoted: { timeline: 5 }, members: [], look_at_members: true, members_gone: '', ways: ['a', 'b'] })}
  tasks:
    - core.set_fact: { again: { leader: one, timeline: 5 } }
    - import_tasks: ${join(productPlaybooks(), 'tasks', 'nobody-leads-again.yml')}
`),
  ).toBeUndefined();
  expect(
    await codeOf(`- hosts: one
  vars: ${JSON.stringify({ promoted: { timeline: 6 }, members: [], look_at_members: true, members_gone: '', ways: ['a', 'b'] })}
  tasks:
    - core.set_fact: { again: { leader: two, timeline: 5 } }
    - import_tasks: ${join(productPlaybooks(), 'tasks', 'nobody-leads-again.yml')}
`),
  ).toBe('leads-again');
  expect(
    await codeOf(`- hosts: one
  vars: ${JSON.stringify({ promoted: { timeline: 6 }, members: [], look_at_members: true, members_gone: '', ways: ['a', 'b'] })}
  tasks:
    - core.set_fact: { again: { members: {} } }
    - import_tasks: ${join(productPlaybooks(), 'tasks', 'nobody-leads-again.yml')}
`),
  ).toBeUndefined();
});

it('data of a stopped member that cannot be looked at refuses a run that goes on', async () => {
  const { outcome } = await play(`- hosts: pair
  vars: ${JSON.stringify({ promoted: { timeline: 6 }, members: ['two'], look_at_members: true, members_gone: '', ways: ['a', 'b'] })}
  tasks:
    - core.set_fact: { again: { members: {} }, pgdata: /${'x'.repeat(300)} }
    - import_tasks: ${join(productPlaybooks(), 'tasks', 'nobody-leads-again.yml')}
      when: inventory_hostname == "one"
      vars: { members: [two] }
`);
  expect(outcome.error).toMatchObject({ kind: 'refused', code: 'member-data-unknown' });
});

it.each([
  ['place-not-formed', { pgdata: '/data/' }],
  ['place-not-formed', { kept: '/kept/' }],
  [undefined, {}],
])('what would lie in the data directory instead of beside it is refused: %s, %j', async (code, given) => {
  const file = join(productPlaybooks(), 'tasks', 'places-formed.yml');
  const vars = { pgdata: '/data', staging: '{{ pgdata }}.pitr', kept: '{{ pgdata }}.pre-pitr', ...given };
  expect(
    await codeOf(`- hosts: one\n  vars: ${JSON.stringify(vars)}\n  tasks:\n    - import_tasks: ${file}\n`),
  ).toBe(code);
});

it.each([
  ['check-not-formed', [{ sql: 'select 1', expect: null }]],
  ['check-not-formed', [{ sql: 'select 1', expects: 1 }]],
  ['check-not-formed', [{ name: 'orders' }]],
  ['check-not-formed', ['select 1']],
  ['check-not-formed', { sql: 'select 1' }],
  [undefined, []],
  [undefined, [{ sql: 'select 1' }, { name: 'one', sql: 'select 1', database: 'shop', expect: 0 }]],
])('a check of the data that cannot fail is no check: %s, %j', async (code, verify) => {
  const file = join(productPlaybooks(), 'tasks', 'checks-formed.yml');
  expect(
    await codeOf(`- hosts: one
  vars: ${JSON.stringify({ verify })}
  tasks:
    - import_tasks: ${file}
`),
  ).toBe(code);
});
