import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { forwardVariables } from '../../../../cli/peek/forward.ts';
import { targetVariables } from '../../../../cli/recover/order.ts';
import { dataLayer, Scope, templatesLayer } from '../../../../lib/engine/task/scope.ts';
import { productPlaybooks } from '../../../../lib/language/playbook/assets.ts';
import { loadPlaybook } from '../../../../lib/language/playbook/load.ts';
import { flatTasks } from '../../../../lib/language/playbook/load-steps.ts';
import { play } from '../../../engine/support.ts';

const TO = { target_time: '2026-11-22 14:03:09+00' };
const run = (extraVars: Readonly<Record<string, unknown>>) => ({ extraVars });

describe('the variables with which a recovery is moved on', () => {
  it('are those that its run was given, where they do not say which moment it was', () => {
    const given = {
      ...{ patroni_cluster: 'shop', pg_port: 5433, note: '/srv/note.json', wal_method: 'local' },
      ...{ target: 'db2', target_xid: 731, target_time: 'latest', inclusive: false, verify: [{ sql: 'x' }] },
      ...{ accept_gap: true, marker: false, break_lock: true },
    };
    expect(forwardVariables(run(given), {}, TO, 'db2')).toEqual({
      ...{ patroni_cluster: 'shop', pg_port: 5433, note: '/srv/note.json', wal_method: 'local' },
      ...TO,
      target: 'db2',
    });
  });

  it('are under those of now', () => {
    const given = forwardVariables(run({ pg_port: 5433 }), { pg_port: 5434, verify: [] }, TO, 'db3');
    expect(given).toEqual({ pg_port: 5434, verify: [], ...TO, target: 'db3' });
  });

  it('have to be given again where the journal masks them', () => {
    const masked = run({ check_password: '********', target_name: '********' });
    expect(() => forwardVariables(masked, {}, TO, 'db2')).toThrow(
      'the run was given check_password, and the journal holds no secrets',
    );
    expect(forwardVariables(masked, { check_password: 'x' }, TO, 'db2')).toMatchObject({
      check_password: 'x',
    });
  });

  it('are those of now alone where a node was named', () => {
    expect(forwardVariables(undefined, { pg_port: 5434 }, TO, 'db2')).toEqual({
      pg_port: 5434,
      ...TO,
      target: 'db2',
    });
  });
});

it.each(['2026-11-22 14:03:09+00', 'latest', 'xid:731', 'lsn:0/5000060', "name:it's $(x)", 'immediate'])(
  'where a recovery cannot be moved on to %j, the command that restores it again says so',
  async (typed) => {
    const { plays } = await loadPlaybook(join(productPlaybooks(), 'forward.yml'));
    const task = plays
      .flatMap(({ tasks }) => flatTasks(tasks))
      .find(({ module }) => module === 'postgres.forward');
    const defaults = { target_immediate: false, target_lsn: null, target_xid: null, target_name: null };
    const scope = new Scope([
      dataLayer({ ...defaults, ...targetVariables(typed) }),
      ...(task?.vars ?? []).map(templatesLayer),
    ]);
    expect(scope.get('as_typed')).toBe(typed);
    expect(JSON.stringify(task)).toContain('{{ quote as_typed }}');
  },
);

it.each([
  [{ inclusive: true }, ''],
  [{ inclusive: '' }, ''],
  [{ inclusive: false }, ' -e inclusive=false'],
])('it restores to the same side of the moment: %j', async (said, ending) => {
  const { plays } = await loadPlaybook(join(productPlaybooks(), 'forward.yml'));
  const task = plays
    .flatMap(({ tasks }) => flatTasks(tasks))
    .find(({ module }) => module === 'postgres.forward');
  const recovery = { backup: '20261122T093434', server: 'db1' };
  const vars = { recovery, as_typed: '2026-11-22 09:34:43.1+00', ...said };
  const [, again] = Object(task?.args.value).ways;
  const { messages } = await play(`- hosts: one
  vars: ${JSON.stringify(vars)}
  tasks:
    - core.debug: ${JSON.stringify(again)}
`);
  expect(messages[0]?.split(' --restore')).toEqual([
    expect.stringMatching(/^Then restore again: pitr recover 20261122T093434 /),
    ending,
  ]);
});
