import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { asPitrError, type PitrError } from '../../lib/base/errors/pitr-error.ts';
import { productPlaybooks } from '../../lib/language/playbook/assets.ts';
import { loadPlaybook } from '../../lib/language/playbook/load.ts';
import { flatTasks } from '../../lib/language/playbook/load-steps.ts';
import { play } from '../engine/support.ts';

/** What is advised where the owner of the data can make nothing beside it: nobody may be given a directory of the system. */

async function refused(code: string, layout: Readonly<Record<string, unknown>>): Promise<PitrError> {
  const { plays } = await loadPlaybook(join(productPlaybooks(), 'recover.yml'));
  const proof = plays.flatMap(({ tasks }) => flatTasks(tasks)).find(({ args }) => args.value.refuse === code);
  const vars = { layout, pgdata: '/pg data', pg_user: 'pg' };
  return play(`- hosts: one
  vars: ${JSON.stringify(vars)}
  tasks:
    - core.assert: ${JSON.stringify(proof?.args.value)}
`).then(
    ({ outcome }) => asPitrError(outcome.error),
    (thrown: unknown) => asPitrError(thrown),
  );
}

describe.each([
  ['data-place-closed', 'data_closed', "as pg mkdir -m 0700 '/pg data/data'"],
  ['wal-place-closed', 'wal_closed', 'as pg mkdir /pg_wal/wal'],
] as const)('%s', (code, closed, deeper) => {
  it.each([
    ['/', true, 'Leave / to root'],
    ['/pgdata', false, 'as root: chown pg /pgdata'],
  ])('of %s, which is the system’s: %s', async (above, ofSystem, way) => {
    const { next, code: told } = await refused(code, {
      [closed]: above,
      [`${closed}_of_system`]: ofSystem,
      wal: '/pg_wal',
    });
    expect(told).toBe(code);
    expect(next).toEqual([
      expect.stringContaining(way),
      expect.stringContaining(deeper),
      expect.stringMatching(/prepare\.yml .*-e prepare_for=one /),
    ]);
    expect(next.join().includes('chown')).toBe(!ofSystem);
  });
});
