import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { asPitrError, type PitrError } from '../../lib/base/errors/pitr-error.ts';
import { productPlaybooks } from '../../lib/language/playbook/assets.ts';
import { loadPlaybook } from '../../lib/language/playbook/load.ts';
import { flatTasks } from '../../lib/language/playbook/load-steps.ts';
import type { Task } from '../../lib/language/playbook/model.ts';
import { newDirectory, play } from '../engine/support.ts';

/** What a run announces, and tells at its end, is what it does: with `restore` and `auto_start`, and with WAL that waits. */

async function taskOf(file: string, meant: (task: Task) => boolean): Promise<Task | undefined> {
  const { plays } = await loadPlaybook(join(productPlaybooks(), file));
  return plays.flatMap(({ tasks }) => flatTasks(tasks)).find(meant);
}

const named =
  (name: string) =>
  (task: Task): boolean =>
    task.name.value === name;

async function said(yaml: string): Promise<{ readonly messages: string; readonly code: string | undefined }> {
  return await play(yaml).then(
    ({ messages, outcome }) => ({ messages: messages.join('\n'), code: outcome.error?.code }),
    (thrown: unknown) => ({ messages: '', code: asPitrError(thrown).code }),
  );
}

describe.each([
  [true, true, /^Then the whole cluster follows db2/],
  [true, false, /goes on serving\. db2 stays isolated/],
  [false, true, /goes on serving\. PostgreSQL is not started on db2/],
  [false, false, /goes on serving\. PostgreSQL is not started on db2/],
])('with restore=%s and auto_start=%s', (restore, auto_start, last) => {
  it('the plan names a take-over only where one is made', async () => {
    const plan = await taskOf('recover.yml', named('The plan'));
    const lines: unknown = plan?.args.value.msg;
    const line: unknown = Array.isArray(lines) ? lines.at(-1) : undefined;
    const { messages } = await said(`- hosts: one
  vars: ${JSON.stringify({ restore, auto_start, target: 'db2' })}
  tasks:
    - core.debug: ${JSON.stringify(line)}
`);
    expect(messages).toMatch(last);
  });

  it('tablespaces refuse only where a take-over is made', async () => {
    const proof = await taskOf('recover.yml', ({ args }) => args.value.refuse === 'tablespaces-and-cutover');
    const { code } = await said(`- hosts: one
  vars: ${JSON.stringify({ restore, auto_start, target: 'db2', pg_user: 'p', base: { id: 'b', tablespaces: ['t'] } })}
  tasks:
    - core.assert: ${JSON.stringify(proof?.args.value)}
`);
    expect(code).toBe(restore && auto_start ? 'tablespaces-and-cutover' : undefined);
  });
});

describe('of a leader from which nobody takes over', () => {
  it.each([
    [true, true],
    [true, false],
    [false, false],
  ])(
    'the plan says that nobody writes meanwhile (restore=%s, auto_start=%s)',
    async (restore, auto_start) => {
      const plan = await taskOf('recover.yml', named('The plan'));
      const lines: unknown = plan?.args.value.msg;
      const line: unknown = Array.isArray(lines) ? lines.at(-1) : undefined;
      const { messages } = await said(`- hosts: one
  vars: ${JSON.stringify({ restore, auto_start, target: 'db2', nobody_leads: true })}
  tasks:
    - core.debug: ${JSON.stringify(line)}
`);
      expect(messages).toMatch(/until it leads again no client can write/);
      expect(messages).not.toMatch(/goes on serving|some seconds/);
    },
  );

  it.each([
    [{ nobody_leads: true }, true],
    [{ recovery: { run: 'r', nobody_leads: true } }, true],
    [{ recovery: { run: 'r', nobody_leads: false } }, false],
    [{ recovery: { run: 'r' } }, false],
    [{}, false],
  ])('the command that goes back works as it is printed: %j', async (vars, alone) => {
    const { messages, code } = await said(`- hosts: one
  defaults_files: [${join(productPlaybooks(), 'vars/recovery.yml')}]
  vars: ${JSON.stringify({ pgdata: '/data', ...vars })}
  tasks:
    - core.debug: "{{ join ways_on ' and ' }}"
`);
    expect(code).toBeUndefined();
    expect(messages).toMatch(
      alone ? /rollback\.yml.* -e target=one -e without_leader=true$/ : /rollback\.yml.* -e target=one$/,
    );
  });

  it.each([
    [{ leader: 'db1' }, /^The leader now is db1; clients cannot write for some seconds\.$/],
    [{ members: {} }, /^Nobody leads now: clients cannot write until one leads\.$/],
  ])('the question before the cut-over knows who leads: %j', async (cluster, words) => {
    const task = await taskOf('cutover.yml', named('Confirm the cut-over'));
    const lines: unknown = task?.args.value.details;
    const line: unknown = Array.isArray(lines)
      ? lines.find((one) => String(one).includes('clients cannot write'))
      : undefined;
    const { messages } = await said(`- hosts: one
  vars: ${JSON.stringify({ cluster, settings: {} })}
  tasks:
    - core.debug: ${JSON.stringify(line)}
`);
    expect(messages).toMatch(words);
  });
});

describe.each([
  ['recover.yml', false],
  ['replay.yml', true],
  ['forward.yml', true],
  ['spare.yml', true],
])('%s with auto_start=true in the inventory', (file, shown) => {
  it(`${shown ? 'tells' : 'leaves it to the cut-over to tell'} what can be done now`, async () => {
    const task = await taskOf(file, named('Show what you can do now'));
    const needed = ['cut_over_follows', 'told_later'];
    const told = (task?.vars ?? [])
      .flatMap((one) => Object.entries(one))
      .filter(([name]) => needed.includes(name));
    const vars = JSON.stringify(Object.fromEntries(told.map(([name, { value }]) => [name, value])));
    const when = JSON.stringify(task?.when.map(({ value }) => value));
    const { messages, code } = await said(`- hosts: one
  vars: { auto_start: true, restore: true }
  tasks:
    - core.debug: shown
      vars: ${vars}
      when: ${when}
`);
    expect({ messages, code }).toEqual({ messages: shown ? 'shown' : '', code: undefined });
  });
});

it('spare.yml has nothing that is only prepared: restore=false is refused', async () => {
  const directory = await newDirectory();
  const common = {
    ansible_connection: 'local',
    pgdata: `${directory}/data`,
    pg_bin: '/none',
    pg_port: 1,
    restore_ssh: 'x',
  };
  const cluster = { pg_user: 'none', patroni_cluster: 'shop', barman_host: 'one', barman_servers: ['db1'] };
  const inventory = join(directory, 'site.yml');
  const children = { patroni: { hosts: { one: {} } }, spares: { hosts: { spare1: {} } } };
  await writeFile(inventory, JSON.stringify({ all: { vars: { ...common, ...cluster }, children } }));
  const refusal = (restore: boolean): Promise<PitrError | undefined> =>
    play(`- import_playbook: ${join(productPlaybooks(), 'spare.yml')}\n`, {
      directory,
      inventories: [inventory],
      extraVars: { target: 'spare1', restore },
    }).then(
      ({ outcome }) => outcome.error,
      (thrown: unknown) => asPitrError(thrown),
    );
  expect(await refusal(false)).toMatchObject({ kind: 'refused', code: 'spare-is-replayed' });
  expect((await refusal(true))?.code).not.toBe('spare-is-replayed');
});

it.each([
  ['nothing: all of it was archived already.', { waiting: 0 }, {}],
  ['nothing: all of it was archived already.', {}, {}],
  [
    'nothing: all of it was archived already, but for those that wait: run this again in a minute.',
    { waiting: 3 },
    {},
  ],
  ['X.', { waiting: 3 }, { changed: true, files: ['X'] }],
])(
  'save-wal.yml says that all was archived only where nothing waits beside it: %s %j',
  async (end, more, done) => {
    const task = await taskOf('save-wal.yml', named('Say what was archived'));
    const tail = { role: 'primary', running: true, archiver: 'working', segments: 0, ...more };
    const { messages, code } = await said(`- hosts: one
  vars: ${JSON.stringify({ tail, saved: { changed: false, files: [], ...done } })}
  tasks:
    - core.debug: ${JSON.stringify(task?.args.value)}
`);
    expect(code).toBeUndefined();
    expect(messages).toMatch(new RegExp(`Archived by this run: ${end}$`));
    expect(messages.includes('working, 3 more segments wait')).toBe('waiting' in more && more.waiting > 0);
  },
);
