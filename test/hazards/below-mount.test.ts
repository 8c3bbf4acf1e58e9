import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { asPitrError } from '../../lib/base/errors/pitr-error.ts';
import { productPlaybooks } from '../../lib/language/playbook/assets.ts';
import { loadPlaybook } from '../../lib/language/playbook/load.ts';
import { flatTasks } from '../../lib/language/playbook/load-steps.ts';
import type { Task } from '../../lib/language/playbook/model.ts';
import { loadModule } from '../../lib/modules/registry.ts';
import { play } from '../engine/support.ts';

/** What data-below-mount.yml promises by its order, and what it refuses by its own conditions. */

const { plays } = await loadPlaybook(join(productPlaybooks(), 'data-below-mount.yml'));
const tasksIn = (place: number): readonly Task[] => flatTasks(plays[place]?.tasks ?? []);
const modulesIn = (place: number): readonly string[] => tasksIn(place).map(({ module }) => module);

it('looks at all members before it locks, asks before it changes a member, and moves the leader last', async () => {
  for (const { module } of tasksIn(0)) {
    const { kind } = await loadModule(module);
    expect([module, kind]).toEqual([module, kind === 'change' ? 'no change' : kind]);
  }
  expect(modulesIn(1)).toEqual(['core.lock', 'core.confirm']);
  expect(plays.map(({ serial }) => serial)).toEqual([[], [], [1], [1], []]);
  const member = [
    'patroni.member',
    'postgres.move_below',
    'patroni.data_dir',
    'patroni.member',
    'patroni.streaming',
    'core.set_fact',
  ];
  expect(modulesIn(2)).toEqual(['patroni.cluster', 'core.assert', ...member]);
  expect(modulesIn(3)).toEqual([
    'patroni.cluster',
    'core.assert',
    'patroni.failover',
    'patroni.streaming',
    ...member,
  ]);
  for (const one of plays) expect([one.name, one.anyErrorsFatal]).toEqual([one.name, true]);
  for (const { when } of [...tasksIn(2), ...tasksIn(3)].filter(({ module }) => module === 'patroni.member'))
    expect(when.map(({ value }) => value)).toContainEqual(expect.stringContaining('layout.mount_point'));
});

/** The assert of the playbook that refuses so, as it is written, on one member. */
async function refused(code: string, given: Readonly<Record<string, unknown>>): Promise<string | undefined> {
  const tasks = plays.flatMap(({ tasks: steps }) => flatTasks(steps));
  const found = tasks.filter(({ args }) => args.value.refuse === code);
  expect(found).toHaveLength(1);
  const [task] = found;
  const own = Object.fromEntries(
    (task?.vars ?? []).flatMap((vars) => Object.entries(vars).map(([name, { value }]) => [name, value])),
  );
  // What a play is given by others is plain here; what the task says itself stays.
  const all = {
    ...{ pgdata: '/srv/main', new_pgdata: '/srv/main/data', layout: {}, setting: {} },
    ...{ stopped_here: false, lock_there: { own: false } },
    ...given,
  };
  const yaml = `- hosts: one
  vars: ${JSON.stringify(all)}
  tasks:
    - core.assert: ${JSON.stringify(task?.args.value)}
      vars: ${JSON.stringify(own)}
`;
  return play(yaml).then(
    ({ outcome }) => outcome.error?.code,
    (thrown: unknown) => asPitrError(thrown).code,
  );
}

const OWN = { place: 'from', said: '/srv/main', times: 1, mentions: [] };
const cluster = (leader: string | undefined, ...names: readonly string[]) => ({
  cluster: {
    members: Object.fromEntries(names.map((name) => [name, { state: 'streaming' }])),
    ...(leader === undefined ? {} : { leader }),
  },
});

describe('a move below the mount point is refused', () => {
  it.each([
    ['data-moved-already', { setting: { ...OWN, place: 'to' } }, { setting: OWN }],
    ['new-place-invalid', { new_pgdata: '/srv/data' }, {}],
    ['new-place-invalid', { new_pgdata: '/srv/main/lost+found' }, {}],
    ['new-place-invalid', { new_pgdata: '/srv/main/.data' }, {}],
    ['new-place-taken', { new_place: { exists: true } }, { new_place: { exists: false } }],
    ['data-fixed', { layout: { fixed: ['pg_wal is a mount point'] } }, { layout: { fixed: [] } }],
    ['data-setting-fixed', { setting: { ...OWN, place: 'other' } }, { setting: OWN }],
    ['data-setting-fixed', { setting: { ...OWN, times: 2 } }, { setting: OWN }],
    ['data-setting-fixed', { setting: { ...OWN, environment: 'unknown' } }, { setting: OWN }],
    // Broken off as it stopped the member: nobody is left there to be asked.
    [
      'data-setting-fixed',
      { setting: { ...OWN, environment: 'unknown' }, stopped_here: false },
      { setting: { ...OWN, environment: 'unknown' }, stopped_here: true },
    ],
    ['configuration-names-data', { setting: { ...OWN, mentions: ['log.dir'] } }, { setting: OWN }],
    [
      'dynamic-configuration-names-data',
      { configured: { config: { postgresql: { parameters: { ssl_ca_file: '/srv/main/ca.crt' } } } } },
      { configured: { config: { postgresql: { parameters: { log_directory: '/srv/mainly/log' } } } } },
    ],
    ['settings-name-data', { named: { value: 'log_directory in /x' } }, { named: { value: '' } }],
    ['recovery-waiting', { waits: { exists: true } }, { waits: { exists: false } }],
    ['nobody-to-take-over', cluster('one', 'one'), cluster('one', 'one', 'two')],
    ['nobody-to-take-over', cluster('one', 'one'), { ...cluster('one', 'one'), lock_there: { own: true } }],
    ['nobody-to-take-over', cluster(undefined, 'one', 'two'), cluster('two', 'one', 'two')],
  ])('%s: %j, and not %j', async (code, vars, well) => {
    expect(await refused(code, vars)).toBe(code);
    expect(await refused(code, well)).toBeUndefined();
  });
});

it('what is refused for a mount point names the playbook that mends it first', async () => {
  const { plays: recovery } = await loadPlaybook(join(productPlaybooks(), 'rejoin-members.yml'));
  const refusals = recovery
    .flatMap(({ tasks }) => flatTasks(tasks))
    .filter(({ args }) => args.value.refuse === 'data-is-mount-point');
  for (const { args } of refusals)
    expect(args.value.next).toEqual([
      expect.stringContaining('pitr play data-below-mount.yml'),
      ...Array(2).fill(expect.anything()),
    ]);
  expect(refusals).toHaveLength(1);
});
