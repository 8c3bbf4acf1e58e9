import { readdirSync, readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { asPitrError, type PitrErrorJson } from '../../lib/base/errors/pitr-error.ts';
import { productPlaybooks } from '../../lib/language/playbook/assets.ts';
import { loadPlaybook } from '../../lib/language/playbook/load.ts';
import { flatTasks } from '../../lib/language/playbook/load-steps.ts';
import type { Task } from '../../lib/language/playbook/model.ts';
import { newDirectory, play } from '../engine/support.ts';

/** The command that takes a recovery back works as it is printed: with who was down already, and where nobody leads. */

const DEFAULTS = join(productPlaybooks(), 'vars/recovery.yml');

async function tasksOf(file: string): Promise<readonly Task[]> {
  const { plays } = await loadPlaybook(join(productPlaybooks(), file));
  return plays.flatMap(({ tasks }) => flatTasks(tasks));
}

/** What tasks say on these members, each with its own variables; the error that ends them. */
async function on(
  tasks: string,
  vars: Readonly<Record<string, unknown>>,
  { hosts = 'one', members = {}, limit }: { hosts?: string; members?: object; limit?: string } = {},
): Promise<{ readonly messages: readonly string[]; readonly error: PitrErrorJson | undefined }> {
  const directory = await newDirectory();
  const inventory = join(directory, 'hosts.yml');
  const all = { one: {}, two: {}, three: {}, four: {}, ...members };
  const patroni = { vars: { ansible_connection: 'local', pgdata: `${directory}/data` }, hosts: all };
  await writeFile(inventory, JSON.stringify({ patroni }));
  const yaml = `- hosts: ${hosts}
  defaults_files: [${DEFAULTS}]
  vars: ${JSON.stringify({ target: 'one', ...vars })}
  tasks:
${tasks}`;
  const request = { directory, inventories: [inventory], ...(limit === undefined ? {} : { limit }) };
  return play(yaml, request).then(
    ({ messages, outcome }) => ({ messages, error: outcome.error?.toJSON() }),
    (thrown: unknown) => ({ messages: [], error: asPitrError(thrown).toJSON() }),
  );
}

it('each playbook prints it with all that it must be told', () => {
  const files = ['.', 'tasks', 'vars'].flatMap((folder) =>
    readdirSync(join(productPlaybooks(), folder))
      .filter((name) => name.endsWith('.yml'))
      .map((name) => join(folder, name)),
  );
  const command = /rollback\.yml\{\{ inventory_options \}\} -e target=\{\{ \w+ \}\}(.*)/g;
  const printed = files.flatMap((file) => [
    ...readFileSync(join(productPlaybooks(), file), 'utf8').matchAll(command),
  ]);
  expect(printed.length).toBeGreaterThan(20);
  // A check does not know all of it where a module takes it: can-serve.yml.
  const whole = /^\{\{ (back_options|ternary check_mode '' back_options) \}\}\{\{ limit_options \}\}/;
  expect(printed.map(([line, rest]) => [line, whole.test(rest ?? '')])).toEqual(
    printed.map(([line]) => [line, true]),
  );
});

describe('its options', () => {
  const ALONE = '-e without_leader=true';
  it.each<readonly [string, Readonly<Record<string, unknown>>, string]>([
    ['none, as a rule', { already_down: [] }, ''],
    ['none of an older version', { recovery: { run: 'r' } }, ''],
    [
      'while the recovery is made',
      { nobody_leads: true, already_down: ['two'] },
      `${ALONE} -e members_down=two`,
    ],
    [
      'by the note of it',
      { recovery: { nobody_leads: true, members_down: ['three', 'two'] } },
      `${ALONE} -e members_down=two,three`,
    ],
    [
      'with what was said',
      { without_leader: true, members_down: 'four', recovery: { members_down: ['two'] } },
      `${ALONE} -e members_down=two,four`,
    ],
    [
      'none of those that a cut-over has had',
      { recovery: { members_down: ['two'] }, covered: ['one', 'two'] },
      '',
    ],
    ['of members that the inventory has', { recovery: { members_down: ['gone', '; id', 7] } }, ''],
    ['where the target itself leads', { cluster: { leader: 'one' }, nobody_leads: true }, ALONE],
    ['where another one leads by now', { cluster: { leader: 'two' }, recovery: { nobody_leads: true } }, ''],
  ])('%s', async (_, vars, options) => {
    const { messages, error } = await on('    - core.debug: "back{{ back_options }}"\n', vars);
    expect([error, messages.join()]).toEqual([undefined, options === '' ? 'back' : `back ${options}`]);
  });
});

describe('who is down already', () => {
  const runs = { system_id: '7', running: true };
  const down = { system_id: '7', running: false };
  const unseen = { msg: 'no connection' };
  const up = { state: 'streaming' };
  it.each<readonly [string, unknown, object, string]>([
    ['nobody', runs, { two: up }, ''],
    ['one that is stopped', down, { two: { state: 'stopped' } }, 'two'],
    ['one whose Patroni is gone', down, {}, 'two'],
    ['one that has just gone', down, { two: up }, 'two'],
    ['one whose host does not answer', unseen, {}, 'two'],
    ['not one that does not answer, and that the cluster lists as up', unseen, { two: up }, ''],
    ['not one that its Patroni copies', down, { two: { state: 'creating replica' } }, ''],
    ['not one that runs without Patroni', runs, {}, ''],
  ])('%s', async (_, tail, listed, names) => {
    const cluster = { members: { one: up, three: up, four: up, ...listed } };
    const { messages, error } = await on(
      `    - import_tasks: ${join(productPlaybooks(), 'tasks/note-down.yml')}
    - { core.debug: "down: {{ join already_down ',' }}", run_once: true }
`,
      { cluster },
      {
        hosts: 'patroni',
        members: { one: { tail: runs }, two: { tail }, three: { tail: runs }, four: { tail: runs } },
      },
    );
    expect([error, messages.join()]).toEqual([undefined, `down: ${names}`]);
  });

  it('whom --limit left out counts where the cluster does not list it', async () => {
    const cluster = { members: { one: up, two: up, three: up } };
    const { messages } = await on(
      `    - import_tasks: ${join(productPlaybooks(), 'tasks/note-down.yml')}
    - { core.debug: "down: {{ join already_down ',' }}", run_once: true }
`,
      { cluster, tail: runs },
      { hosts: 'patroni', limit: 'all:!three:!four' },
    );
    expect(messages.join()).toBe('down: four');
  });

  it('is noted for the way back, and stays so until a cut-over stops whoever answers it', async () => {
    const wal = { target_time: 't', words: 'w', timeline: 1, holds: [], unheld: [] };
    const aimed = { aim: {}, target: {}, words: 'w', prepared: [], holds: [], unheld: [] };
    const recovery = {
      ...{
        run: 'r',
        backup: 'b',
        server: 's',
        target_time: 't',
        target: {},
        aim: {},
        words: 'w',
        timeline: 1,
      },
      ...{ holds: [], unheld: [], old_data: '/old', prepared: [], nobody_leads: true, members_down: ['two'] },
    };
    const made = {
      ...{ base: { id: 'b', server: 's' }, old_data: '/old', aim: {}, open: [] },
      ...{ nobody_leads: true, already_down: ['two'] },
    };
    const known = {
      ...made,
      covered: ['one', 'two'],
      wal,
      wal_now: wal,
      aimed,
      nothing: [],
      promoted_history: { timeline: 2 },
    };
    for (const file of ['recover.yml', 'forward.yml', 'cutover.yml']) {
      const note = (await tasksOf(file)).find(({ args }) => String(args.value.content).includes('old_data='));
      const { messages } = await on('    - core.debug: "{{ json (dict text=text) }}"\n', {
        ...known,
        ...(file === 'recover.yml' ? {} : { recovery }),
        text: note?.args.value.content,
      });
      const { text } = Object(JSON.parse(messages.at(-1) ?? ''));
      const members_down = file === 'cutover.yml' ? [] : ['two'];
      expect([file, JSON.parse(text)]).toMatchObject([file, { nobody_leads: true, members_down }]);
    }
  });
});

it.each([
  [{}, /^Let another member lead first/],
  [{ nobody_leads: true, members_down: ['two'] }, /^one led when it left/],
])('where nobody leads, rollback.yml names the whole command: %j', async (noted, words) => {
  const task = (await tasksOf('rollback.yml')).find(({ args }) => args.value.refuse === 'nobody-leads');
  const vars = Object.fromEntries(
    (task?.vars ?? []).flatMap((some) => Object.entries(some)).map(([name, { value }]) => [name, value]),
  );
  const { error } = await on(
    `    - core.assert: ${JSON.stringify(task?.args.value)}\n      vars: ${JSON.stringify(vars)}\n`,
    { recovery: { run: 'r', ...noted }, cluster: { members: {} }, members_down: 'three' },
  );
  expect(error).toMatchObject({ kind: 'refused', code: 'nobody-leads' });
  const [, last = ''] = error?.next ?? [];
  expect(last).toMatch(words);
  const down = 'members_down' in noted ? 'two,three' : 'three';
  expect(last).toMatch(new RegExp(` -e target=one -e without_leader=true -e members_down=${down}$`));
});

it.each([
  [
    '{"run":"r","nobody_leads":true,"members_down":["two"]}',
    / -e target=one -e without_leader=true -e members_down=two$/,
  ],
  ['{"run":"r"}', / -e target=one$/],
  ['no JSON', / -e target=one$/],
])('a recovery that waits already is taken back by what it noted: %s', async (note, command) => {
  const tasks = (await readTasks('may-begin.yml')).split(/^(?=- name: )/m);
  const mine = tasks.slice(tasks.findIndex((task) => task.startsWith('- name: No earlier recovery')));
  const inPlay = mine.join('').replaceAll(/^/gm, '    ');
  const place = await newDirectory();
  await mkdir(join(place, 'data'));
  await writeFile(join(place, 'data.pitr.json'), note);
  const { error } = await on(inPlay, {}, { members: { one: { pgdata: join(place, 'data') } } });
  expect(error).toMatchObject({ kind: 'refused', code: 'recovery-waiting' });
  expect(error?.next?.at(-1)).toMatch(command);
});

async function readTasks(file: string): Promise<string> {
  return readFileSync(join(productPlaybooks(), 'tasks', file), 'utf8');
}
