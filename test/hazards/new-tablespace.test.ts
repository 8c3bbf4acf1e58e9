import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { asPitrError, type PitrErrorJson } from '../../lib/base/errors/pitr-error.ts';
import { productPlaybooks } from '../../lib/language/playbook/assets.ts';
import { loadPlaybook } from '../../lib/language/playbook/load.ts';
import { flatTasks } from '../../lib/language/playbook/load-steps.ts';
import type { Task } from '../../lib/language/playbook/model.ts';
import { loadModule } from '../../lib/modules/registry.ts';
import { play } from '../engine/support.ts';

/** The replay of CREATE TABLESPACE writes into the very directory that the old data has for it. */

async function tasksOf(file: string): Promise<readonly Task[]> {
  const { plays } = await loadPlaybook(join(productPlaybooks(), file));
  return plays.flatMap((one) => flatTasks(one.tasks));
}

const refuses = ({ args }: Task): boolean => args.value.refuse === 'tablespace-since-backup';

/** What a playbook refuses with, where its looks have told this. */
async function refusal(file: string, told: object): Promise<PitrErrorJson | undefined> {
  const task = (await tasksOf(file)).find(refuses);
  const vars = { target: 'one', accept_new_tablespaces: false, pg_user: 'x', pgdata: '/data', ...told };
  const yaml = `- hosts: one
  defaults_files: [${join(productPlaybooks(), 'vars/recovery.yml')}]
  vars: ${JSON.stringify(vars)}
  tasks:
    - core.assert: ${JSON.stringify(task?.args.value)}
`;
  return play(yaml).then(
    ({ outcome }) => outcome.error?.toJSON(),
    (thrown: unknown) => asPitrError(thrown).toJSON(),
  );
}

const old = { tablespaces: ['/srv/old', '/srv/fast'], tablespace_oids: [16400, 16500] };
const both = [{ oid: 16400 }, { oid: 16500 }];

describe.each<readonly [string, (known: readonly { readonly oid: number }[]) => object]>([
  ['recover.yml', (tablespaces) => ({ layout: old, base: { id: 'b', tablespaces } })],
  ['prepare.yml', (tablespaces) => ({ layout: old, base: { id: 'b', tablespaces } })],
  [
    'forward.yml',
    (known) => ({
      old_layout: old,
      recovered_layout: { tablespaces: [], tablespace_oids: known.map(({ oid }) => oid) },
    }),
  ],
])('%s', (file, told) => {
  it('is refused where the old data has a tablespace that the replay may make', async () => {
    const refused = await refusal(file, told(both.slice(0, 1)));
    expect(refused).toMatchObject({ kind: 'refused', code: 'tablespace-since-backup' });
    expect(refused?.message).toContain('/srv/fast');
    expect(refused?.next?.join()).toContain('-e accept_new_tablespaces=true');
  });

  it('is not where the replayed data has all of them, or that is accepted', async () => {
    expect(await refusal(file, told(both))).toBeUndefined();
    expect(await refusal(file, { ...told([]), accept_new_tablespaces: true })).toBeUndefined();
  });

  it('looks before it changes anything', async () => {
    const tasks = await tasksOf(file);
    const looked = tasks.findIndex(refuses);
    expect(looked).toBeGreaterThan(0);
    for (const { module, name } of tasks.slice(0, looked))
      expect([name.value, module === 'meta' ? 'meta' : (await loadModule(module)).kind]).not.toContain(
        'change',
      );
  });
});

it('names a host where the replay can make it: one that has that place, empty', async () => {
  const refused = await refusal('recover.yml', { layout: old, base: { id: 'b', tablespaces: [] } });
  expect(refused?.next?.join('\n')).toMatch(/empty directory of x: spare\.yml/);
});
