import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { asPitrError } from '../../lib/base/errors/pitr-error.ts';
import { productPlaybooks } from '../../lib/language/playbook/assets.ts';
import { loadPlaybook } from '../../lib/language/playbook/load.ts';
import { flatTasks } from '../../lib/language/playbook/load-steps.ts';
import { loadModule } from '../../lib/modules/registry.ts';
import { newDirectory, play } from '../engine/support.ts';
import { programAt } from '../modules/program-at.ts';
import { FakePatroni } from '../support/fake-patroni.ts';

/** What is handed over, opened and copied is the data that the run has promoted: by its content, at that moment. */

interface Data {
  readonly systemId?: string;
  readonly timeline?: number;
  /** Its history file; `undefined`: there is none. */
  readonly history?: string | undefined;
  /** What Patroni says of the data that it works with. */
  readonly patroni?: object;
  /** Who is listed; by default the node alone, which leads. */
  readonly cluster?: readonly object[];
}

const OURS = '1\t0/3000000\tno recovery target specified\n4\t0/5000060\tbefore 2026-11-22 09:34:43+00\n';
const PROMOTED = {
  system_id: '7300000000000000001',
  timeline: 6,
  ancestors: [
    { timeline: 1, until: '0/3000000' },
    { timeline: 4, until: '0/5000060' },
  ],
};

const tasks = (file: string) => join(productPlaybooks(), 'tasks', file);

/** Plays tasks on this machine as a node whose PostgreSQL runs, as a primary, on that data. */
async function on(data: Data, file: string, vars: Readonly<Record<string, unknown>> = {}) {
  const { systemId = PROMOTED.system_id, timeline = 6, patroni = {} } = data;
  const history = 'history' in data ? data.history : OURS;
  const directory = await newDirectory();
  const [pgdata, bin] = [join(directory, 'data'), join(directory, 'bin')];
  await mkdir(join(pgdata, 'pg_wal'), { recursive: true });
  await mkdir(bin);
  const number = timeline.toString(16).toUpperCase().padStart(8, '0');
  const files: Readonly<Record<string, string | undefined>> = {
    PG_VERSION: '15\n',
    'postmaster.opts': `${bin}/postgres "-D" "${pgdata}"\n`,
    [`pg_wal/${number}.history`]: history,
  };
  for (const [name, text] of Object.entries(files))
    if (text !== undefined) await writeFile(join(pgdata, name), text);
  await using postgres = await programAt(directory, 'postgres', pgdata);
  await writeFile(join(pgdata, 'postmaster.pid'), `${postgres.pid}\n${pgdata}\n0\n5432\n/tmp\n\n\nready\n`);
  const script = (name: string, text: string) =>
    writeFile(join(bin, name), `#!/bin/sh\ncat <<'END'\n${text}\nEND\n`, { mode: 0o755 });
  // As it was before the checkpoint that a promotion ends with.
  await script('pg_controldata', controlData(systemId, 4));
  await script('psql', `${number}0000000000000007`);
  await using rest = await FakePatroni.listening();
  const node = { state: 'running', role: 'primary', patroni: { scope: 'c' }, xlog: { location: 100 } };
  const leads = { name: 'one', role: 'leader', state: 'running', timeline, api_url: `${rest.url}/patroni` };
  const members = data.cluster ?? [leads];
  Object.assign(rest.told, {
    '/cluster': { scope: 'c', members },
    '/patroni': { ...node, database_system_identifier: systemId, timeline, ...patroni },
    '/leader': {},
  });
  const all = {
    ...{ pgdata, pg_user: userInfo().username, patroni_port: rest.port, service_manager: 'supervisor' },
    ...{ patroni_config: join(directory, 'patroni.yml'), leadership_timeout: 2 },
    ...{
      promoted_history: PROMOTED,
      settings: { synchronous: false },
      ways: ['the way', 'the other'],
      target: 'one',
    },
    ...vars,
  };
  const yaml = `- hosts: one\n  vars: ${JSON.stringify(all)}\n  tasks:\n    - import_tasks: ${tasks(file)}\n`;
  // Awaited here: the programs go at the end of this block.
  return await play(yaml, { directory }).then(
    ({ outcome, results }) => ({ error: outcome.error?.toJSON(), results }),
    (thrown: unknown) => ({ error: asPitrError(thrown).toJSON(), results: [] }),
  );
}

function controlData(systemId: string, timeline: number): string {
  const lines = {
    'Database system identifier': systemId,
    'Database cluster state': 'in production',
    "Latest checkpoint's TimeLineID": `${timeline}`,
    'Latest checkpoint location': '0/3000060',
    "Latest checkpoint's REDO location": '0/3000028',
    'Minimum recovery ending location': '0/0',
    'Bytes per WAL segment': '16777216',
  };
  return Object.entries(lines)
    .map(([name, value]) => `${name}: ${value}`)
    .join('\n');
}

const OPENED = 'one: Open it to clients: ok';

describe('a node that leads is opened', () => {
  it.each<readonly [string, Data]>([
    ['with the data that was promoted', {}],
    [
      'also where Patroni has promoted it anew',
      { timeline: 7, history: `${OURS}6\t0/7000000\tno recovery target specified\n` },
    ],
  ])('%s', async (_, data) => {
    const { error, results } = await on(data, 'open-to-clients.yml');
    expect(error).toBeUndefined();
    expect(results.at(-1)).toBe(OPENED);
  });

  const PROMOTED_ELSEWHERE = OURS.replace('0/5000060', '0/9000000');
  it.each<readonly [string, Data, string]>([
    ['that Patroni has begun anew', { systemId: '8', timeline: 1, history: undefined }, 'promoted-data-gone'],
    [
      'that was copied from another member',
      { timeline: 4, history: OURS.split('4\t')[0] },
      'promoted-data-gone',
    ],
    ['of another history with the same number', { history: PROMOTED_ELSEWHERE }, 'promoted-data-gone'],
    ['of which the history file is gone', { history: undefined }, 'data-history-unknown'],
    ['of which the history file is empty', { history: '' }, 'data-history-unknown'],
    ['that Patroni does not lead with', { patroni: { timeline: 7 } }, 'leads-with-other-data'],
    [
      'of which Patroni does not tell',
      { patroni: { database_system_identifier: null } },
      'leads-with-other-data',
    ],
    ['of a node that does not lead any more', { patroni: { role: 'replica' } }, 'not-the-leader'],
  ])('but not with data %s', async (_, data, code) => {
    const { error, results } = await on(data, 'open-to-clients.yml');
    expect(error?.code).toBe(code);
    expect(results.filter((line) => line.includes('Open it to clients'))).toEqual([]);
    if (code === 'promoted-data-gone') {
      expect(error).toMatchObject({
        kind: 'refused',
        next: [expect.stringMatching(/put it back to .*: pitr resume \S+-/), 'the way', 'the other'],
      });
    }
  });

  it.each(['cutover.yml', 'revert.yml'])(
    '%s: by looks that a run which goes on makes again, and before the hand-over, too',
    async (file) => {
      const { plays } = await loadPlaybook(join(productPlaybooks(), file));
      const all = plays.flatMap((one) => flatTasks(one.tasks));
      const kinds = await Promise.all(
        all.map(async ({ module }) => module !== 'meta' && (await loadModule(module)).kind),
      );
      const looksUpTo = (place: number): readonly string[] => {
        const from = kinds.slice(0, place).lastIndexOf('change') + 1;
        return all.slice(from, place).map(({ module }) => module);
      };
      const opens = all.findIndex(
        ({ module, args }) => module === 'postgres.access' && args.value.mode === 'open',
      );
      // Nothing that the journal could answer for a run that goes on: no change that stands comes after them.
      expect(looksUpTo(opens)).toEqual(expect.arrayContaining(['patroni.leader', 'postgres.history']));
      const hands = all.findIndex(
        ({ module, args }) => module === 'patroni.member' && args.value.state === 'running',
      );
      expect(looksUpTo(hands)).toContain('postgres.history');
      // What it is held against is in the journal once anything else has changed.
      const promotes = all.findIndex(({ module }) => module === 'postgres.promote');
      expect(all[promotes + 1]).toMatchObject({ module: 'postgres.history', register: 'promoted_history' });
    },
  );
});

it('a cut-over looks at it right before the leader is stopped, and between that and the hand-over only where it goes on', async () => {
  const { plays } = await loadPlaybook(join(productPlaybooks(), 'cutover.yml'));
  const all = plays.flatMap((one) => flatTasks(one.tasks));
  const place = (text: string) => all.findIndex(({ name }) => name.value === text);
  const [stops, last, hands] = [
    'Stop the replicas',
    'Stop the old leader, last',
    'Hand the recovered node to Patroni',
  ].map(place);
  const looks = (from = 0, to = 0) =>
    all.slice(from, to).filter(({ module }) => module === 'postgres.history');
  expect(looks(stops, last)).toHaveLength(1);
  const after = looks(last, hands).map(({ when }) => when.map(({ value }) => value));
  expect(after).toEqual([['run_resumed']]);
});

it('data that is asked for from another host is called by the host where it lies', async () => {
  const { error } = await on({ systemId: '8' }, 'still-promoted.yml', { stands_on: 'two' });
  expect(error?.code).toBe('promoted-data-gone');
  expect([error?.message, error?.next?.[0]].join()).not.toContain('on one');
  expect(error?.message).toContain('on two is not what this run has promoted');
  // It waits for the hand-over: a Patroni that is started there makes a standby of it.
  expect(error?.next?.[0]).toMatch(/put it back to .* \(Patroni stays down\), and go on: pitr resume \S+-/);
});

it.each(['cutover.yml', 'revert.yml'])(
  '%s: what a leader leaves as it stops is archived, where it lies by then',
  async (file) => {
    const { plays } = await loadPlaybook(join(productPlaybooks(), file));
    const all = plays.flatMap((one) => flatTasks(one.tasks));
    const stopped = all.findIndex(({ args }) => args.value.leave_wal === true);
    const opened = all.findIndex(({ args }) => args.value.mode === 'open');
    const sent = all.findIndex(({ module }) => module === 'postgres.archive_tail');
    expect(stopped).toBeGreaterThan(0);
    expect(opened).toBeGreaterThan(stopped);
    expect(sent).toBeGreaterThan(opened);
    const moved = all.slice(stopped, sent).find(({ module }) => module === 'fs.move');
    const to = typeof moved?.args.value.dest === 'string' ? moved.args.value.dest : '';
    expect(all[sent]?.args.value.pgdata).toBe(to === '' ? undefined : '{{ reverted }}');
  },
);

it('what was promoted is noted for rejoin.yml, which holds what leads against it', async () => {
  const read = async (file: string) =>
    (await loadPlaybook(join(productPlaybooks(), file))).plays.flatMap((one) => flatTasks(one.tasks));
  const noted = (await read('cutover.yml')).find(({ module }) => module === 'fs.copy')?.args.value.content;
  const directory = await newDirectory();
  const recovery = Object.fromEntries(
    'run backup server target_time target aim words timeline holds unheld old_data prepared'
      .split(' ')
      .map((name) => [name, name]),
  );
  const yaml = `- hosts: one\n  vars: ${JSON.stringify({ recovery, promoted_history: { ...PROMOTED, goes_on: true, why: '' } })}
  tasks:
    - fs.copy: { dest: ${directory}/note, content: ${JSON.stringify(noted)} }
    - fs.read: { path: ${directory}/note, as: json }
      register: unsettled
    - core.assert: unsettled.content.run == "run" && unsettled.content.promoted.timeline == 6
`;
  expect((await play(yaml, { directory })).outcome.error).toBeUndefined();
  const unsettled = { content: JSON.parse(await readFile(join(directory, 'note'), 'utf8')) as object };
  const names = (await read('rejoin.yml')).map(({ name }) => name.value);
  const [proved, stopped] = ['Its data is still what was promoted', 'Stop the member'].map((name) =>
    names.indexOf(name),
  );
  expect(proved).toBeGreaterThan(names.indexOf('The target leads'));
  expect(proved).toBeLessThan(stopped ?? 0);
  const against = async (data: Data) =>
    (
      await on(data, 'still-promoted.yml', {
        unsettled,
        promoted_history: '{{ unsettled.content.promoted }}',
      })
    ).error?.code;
  expect(await against({})).toBeUndefined();
  expect(await against({ timeline: 4, history: OURS.split('4\t')[0] })).toBe('promoted-data-gone');
});

describe('a member is copied', () => {
  const copied = async (data: Data, vars: Readonly<Record<string, unknown>> = {}) => {
    const file = 'leads-as-looked-at.yml';
    return (await on(data, file, { leads_with: PROMOTED, kept: '/kept', ...vars })).error;
  };

  it('from the data that was looked at', async () => {
    expect(await copied({})).toBeUndefined();
  });

  it('and from no other', async () => {
    const gone = await copied({ systemId: '8', timeline: 1, history: undefined });
    expect(gone).toMatchObject({ kind: 'refused', code: 'leader-not-as-looked-at' });
    expect(gone?.message).toContain('its system identifier is 8');
    expect(gone?.next?.[1]).toMatch(/pitr resume \S+-/);
  });

  it('from nobody where the target does not lead any more', async () => {
    const other = { name: 'two', role: 'leader', state: 'running', timeline: 6 };
    const gone = await copied({ cluster: [other] });
    expect(gone?.message).toContain('one does not lead the cluster any more (two does)');
    expect(gone?.next?.at(-1)).toContain('-e target=two');
  });
});
