import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { asPitrError } from '../../lib/base/errors/pitr-error.ts';
import { productPlaybooks } from '../../lib/language/playbook/assets.ts';
import { loadPlaybook } from '../../lib/language/playbook/load.ts';
import { flatTasks } from '../../lib/language/playbook/load-steps.ts';
import { newDirectory, play } from '../engine/support.ts';

/** Where a host and its member have different names: what the product's playbooks refuse, by their own conditions. */

const INVENTORY = `
all:
  vars: { ansible_connection: local }
  children:
    patroni: { hosts: { one: {}, two: {}, three: {} } }
`;
const up = { state: 'running' };

/** The asserts of a playbook that refuse so, as they are written, on these hosts. Gives the code of the first that refuses. */
async function refusal(
  file: string,
  codes: readonly string[],
  vars: Readonly<Record<string, unknown>>,
): Promise<string | undefined> {
  const tasks = (await loadPlaybook(join(productPlaybooks(), file))).plays
    .filter(({ when }) => when.length === 0)
    .flatMap(({ tasks }) => flatTasks(tasks))
    .filter(({ args }) => codes.includes(String(args.value.refuse)));
  expect(tasks.length).toBeGreaterThan(0);
  const written = tasks.map(
    ({ args, when, loop, loopControl }) => `
    - core.assert: ${JSON.stringify(args.value)}
      when: ${JSON.stringify(when.map(({ value }) => String(value).replaceAll('run_resumed', 'goes_on')))}
      loop: ${JSON.stringify(loop?.value ?? ['once'])}
      loop_control: { loop_var: ${loopControl.loopVar} }`,
  );
  const directory = await newDirectory();
  const inventory = join(directory, 'hosts.yml');
  await writeFile(inventory, INVENTORY);
  const yaml = `- hosts: one:two
  any_errors_fatal: true
  defaults_files: [${join(productPlaybooks(), 'vars/recovery.yml')}]
  vars: ${JSON.stringify({ goes_on: false, pgdata: '/data', ...vars })}
  tasks:${written.join('')}
`;
  return play(yaml, { directory, inventories: [inventory] }).then(
    ({ outcome }) => outcome.error?.code,
    (thrown: unknown) => asPitrError(thrown).code,
  );
}

const RUNS = { data: 'present', running: true, mode: 'open', role: 'recovering' };
const LEADS = { ...RUNS, role: 'primary' };
const DOWN = { data: 'present', running: false, mode: 'open', role: 'primary' };
const ISOLATED = { ...LEADS, mode: 'isolated' };
const { role: _, ...UNTOLD } = RUNS;
const EMPTY = { data: 'absent', running: false, mode: 'open' };
const all = { one: up, two: up, three: up };
const otherwise = { one: up, 'pg-b': up, three: up };
const without = { one: up, three: up };

describe('a target leaves its cluster', () => {
  const named = 'members-named-otherwise';
  const told = (source: string) => (members: unknown, leader?: string) => ({ source, members, leader });
  const itself = told('node');
  const another = told('member');
  const list = told('patronictl');
  it.each([
    ['a replica by its own name', itself(all, 'one'), RUNS, false, undefined],
    ['not a replica under another name', itself(otherwise, 'one'), RUNS, false, named],
    ['not the leader under another name', itself(otherwise, 'pg-b'), LEADS, false, named],
    ['nor where that is meant: it could not be given back', itself(otherwise, 'pg-b'), LEADS, true, named],
    ['nor where its Patroni is silent', another(otherwise, 'pg-b'), LEADS, false, named],
    ['nor where its data lies elsewhere', itself(otherwise, 'pg-b'), DOWN, false, named],
    ['not where no member has the name of a host', another({ 'pg-a': up }, 'pg-a'), DOWN, false, named],
    ['one that is down and not listed', another(without, 'one'), DOWN, false, undefined],
    ['one that has no data and is not listed', another(without, 'one'), EMPTY, false, undefined],
    ['one that is down, and another is named otherwise', another(otherwise, 'one'), DOWN, false, undefined],
    ['an isolated one that is not listed', another(without, 'one'), ISOLATED, false, undefined],
    ['not one that runs and is not listed', another(without, 'one'), RUNS, false, named],
    ['one that is down where nobody is listed', list({}), DOWN, false, undefined],
    ['not the leader', itself(all, 'two'), LEADS, false, 'target-is-leader'],
    ['the leader that is meant', itself(all, 'two'), LEADS, true, undefined],
    ['not a primary that is not said to lead', itself(all, 'one'), LEADS, false, 'target-is-leader'],
    ['nor one where nobody leads', itself(all), LEADS, false, 'target-is-leader'],
    ['one that is meant where nobody leads', itself(all), LEADS, true, undefined],
    ['not one that does not tell its role', itself(all, 'one'), UNTOLD, false, 'target-is-leader'],
    ['a primary that is isolated', itself(all, 'one'), ISOLATED, false, undefined],
    ['a leader that has crashed, before another leads', another(all), DOWN, false, undefined],
  ])('%s', async (_words, cluster, instance_there, allow_leader, code) => {
    const vars = { target: 'two', cluster, instance_there, allow_leader };
    expect(await refusal('recover.yml', ['target-is-leader', named], vars)).toBe(code);
  });
});

describe('a recovery is taken back', () => {
  it.each([
    ['one that waits isolated', 'one', ISOLATED, undefined],
    ['one that is down', 'one', DOWN, undefined],
    ['one on which Patroni was started', 'one', RUNS, undefined],
    ['one whose cut-over broke off when it was closed', 'one', { ...LEADS, mode: 'closed' }, undefined],
    ['the same, where nobody leads', undefined, { ...LEADS, mode: 'closed' }, undefined],
    ['not one that leads under another name', 'pg-b', LEADS, 'target-serves'],
    ['nor while it is closed still', 'pg-b', { ...LEADS, mode: 'closed' }, 'target-serves'],
    ['not a primary that clients reach, whoever is said to lead', 'one', LEADS, 'target-serves'],
    ['not one that does not tell its role', 'one', UNTOLD, 'target-serves'],
    ['nor a closed one', 'one', { ...UNTOLD, mode: 'closed' }, 'target-serves'],
  ])('%s', async (_words, leader, own, code) => {
    const cluster = { members: all, ...(leader === undefined ? {} : { leader }) };
    const vars = { target: 'two', cluster, own, old_waits: { exists: true } };
    expect(await refusal('rollback.yml', ['target-serves'], vars)).toBe(code);
  });
});

describe('a recovery is taken back while another member', () => {
  it.each([
    ['runs', { three: up }, RUNS, undefined],
    ['has no data', {}, { data: 'absent', running: false }, undefined],
    ['is started by its Patroni', { three: { state: 'starting' } }, DOWN, undefined],
    ['could not be started by it', { three: { state: 'start failed' } }, DOWN, undefined],
    ['but not while it is stopped', {}, DOWN, 'member-stopped'],
    ['nor while that is listed', { three: { state: 'stopped' } }, DOWN, 'member-stopped'],
    ['nor while the list is of before', { three: { state: 'streaming' } }, DOWN, 'member-stopped'],
    ['however it was listed', { three: { state: 'in archive recovery' } }, DOWN, 'member-stopped'],
  ])('%s', async (_words, more, instance, code) => {
    const others = {
      results: [
        { item: 'one', ...RUNS },
        { item: 'three', ...instance },
      ],
    };
    const cluster = { members: { one: up, ...more }, leader: 'one' };
    const vars = { target: 'two', cluster, others, old_waits: { exists: true } };
    expect(await refusal('rollback.yml', ['member-stopped'], vars)).toBe(code);
    // A run that goes on after it has put the old data back is not held up.
    const back = { ...vars, old_waits: { exists: false }, goes_on: true };
    if (code !== undefined) expect(await refusal('rollback.yml', ['member-stopped'], back)).toBeUndefined();
  });
});

describe('a member is rebuilt', () => {
  const named = 'members-named-otherwise';
  it.each([
    ['one that is listed', { one: up, two: up, 'pg-c': up }, RUNS, undefined],
    ['one that is down and not listed', { one: up, 'pg-c': up }, DOWN, undefined],
    ['one whose Patroni alone is gone', { one: up }, RUNS, undefined],
    ['not one that may be listed under another name', { one: up, 'pg-c': up }, RUNS, named],
  ])('%s', async (_words, members, member_there, code) => {
    const followers = { members, leader: 'one' };
    const vars = { target: 'one', followers, member_there };
    expect(await refusal('rejoin-members.yml', [named], vars)).toBe(code);
  });
});

it.each([
  ['one', undefined],
  ['pg-a', 'leader-not-in-run'],
  ['three', 'leader-not-in-run'],
])('a backup is taken by a leader that is a host of the run: %s', async (leader, code) => {
  const vars = { cluster: { leader, members: all } };
  expect(await refusal('backup.yml', ['leader-not-in-run'], vars)).toBe(code);
});

describe('rollback.yml looks at every other member before its first change', () => {
  /** The data of the three is in directories of this machine; nothing runs. */
  async function taken(three: string, vars: Readonly<Record<string, unknown>> = {}, limit?: string) {
    const directory = await newDirectory();
    for (const name of ['one', 'two', 'three']) {
      await mkdir(join(directory, name));
      if (name !== 'two') await writeFile(join(directory, name, 'PG_VERSION'), '15\n');
    }
    const inventory = join(directory, 'hosts.yml');
    const place = (name: string, path: string) => `${name}: { pgdata: ${join(directory, path)} }`;
    const hosts = [place('one', 'one'), place('two', 'two'), place('three', three)].join(', ');
    await writeFile(inventory, INVENTORY.replace(/hosts: .*/, `hosts: { ${hosts} } }`));
    const cluster = { members: { one: { state: 'starting' } }, leader: 'one' };
    const yaml = `- hosts: two
  any_errors_fatal: true
  defaults_files: [${join(productPlaybooks(), 'vars/recovery.yml')}]
  vars: ${JSON.stringify({ target: 'two', cluster, ...vars })}
  tasks:
    - import_tasks: ${join(productPlaybooks(), 'tasks/not-serving.yml')}
`;
    const request = { directory, inventories: [inventory], ...(limit === undefined ? {} : { limit }) };
    const { outcome } = await play(yaml, request);
    return outcome.error;
  }

  it('one that is stopped refuses it, by its name', async () => {
    const error = await taken('three');
    expect(error).toMatchObject({ kind: 'refused', code: 'member-stopped' });
    expect(error?.message).toContain('three is stopped');
    expect(error?.next[1]).toBe('Or start Patroni on three, and run this again.');
    expect(error?.next[2]).toMatch(/rollback\.yml -i \S+ -e target=two -e members_down=three$/);
  });

  /** It led when it left, and nobody took over: its old data is the newest. */
  const ALONE = {
    cluster: { members: { one: { state: 'starting' } } },
    ...{ without_leader: true, recovery: { nobody_leads: true, members_down: ['one'] } },
  };

  it('where nobody leads, none is to be started before it, and the command takes all that is known along', async () => {
    const error = await taken('three', ALONE, 'two');
    expect(error).toMatchObject({ kind: 'refused', code: 'member-stopped' });
    expect(error?.next[1]).toMatch(/^Leave Patroni down on three until two leads again/);
    expect(error?.next[2]).toMatch(
      / -e target=two -e without_leader=true -e members_down=one,three --limit two$/,
    );
    const unseen = await taken('x'.repeat(300), ALONE);
    expect(unseen?.next[0]).toMatch(/^Bring it back, with Patroni stopped/);
    expect(unseen?.next[1]).toMatch(/ -e target=two -e without_leader=true -e members_down=one,three$/);
  });

  it('one that cannot be looked at refuses it', async () => {
    const error = await taken('x'.repeat(300));
    expect(error).toMatchObject({ kind: 'refused', code: 'member-data-unknown' });
    expect(error?.message).toMatch(/cannot be seen: three: cannot look into/);
    expect(error?.next[0]).toMatch(/^Bring it back, and run this again/);
    expect(error?.next[1]).toMatch(/ -e target=two -e members_down=three$/);
  });

  it.each(['three', 'x'.repeat(300)])('neither does where it may stay as it is', async (path) => {
    expect(await taken(path, { members_down: 'three' })).toBeUndefined();
  });

  it('one without data does not', async () => {
    expect(await taken('nowhere')).toBeUndefined();
  });
});
