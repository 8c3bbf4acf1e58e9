import { existsSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { errorOf } from '../support/errors.ts';
import { FakePatroni } from '../support/fake-patroni.ts';
import { fakePrograms } from '../support/fake-programs.ts';
import { localPlayground } from './playground.ts';

/** A leader whose mode is on: what the DCS has, and what its Patroni tells of that, from the n-th question for it on. */
async function leaderWith(silent: (question: number) => boolean) {
  const ground = await localPlayground();
  const dcs = join(ground.dir, 'mode');
  await writeFile(dcs, 'true');
  const patroni = await FakePatroni.listening();
  let questions = 0;
  Object.assign(patroni.told, {
    '/cluster': { scope: 'c1', members: [{ name: 'here', role: 'leader', state: 'running' }] },
    '/patroni': { state: 'running', role: 'primary', patroni: { scope: 'c1' } },
    '/config': () => {
      questions += 1;
      return silent(questions) ? undefined : { synchronous_mode: readFileSync(dcs, 'utf8') === 'true' };
    },
  });
  const programs = await fakePrograms({
    patronictl: `for word; do case $word in synchronous_mode=*) printf %s "\${word#*=}" >${dcs} ;; esac; done`,
  });
  return {
    // Reached at patroni_url alone.
    run: (params: object = {}) =>
      ground.play.run('patroni.synchronous', {
        ...{ port: 9, url: patroni.url, config: '/nowhere.yml', mode: true, timeout: 1 },
        ...params,
      }),
    ...{ ground, patroni },
    mode: () => (existsSync(dcs) ? readFileSync(dcs, 'utf8') : undefined),
    [Symbol.asyncDispose]: async () => {
      await programs[Symbol.asyncDispose]();
      await patroni[Symbol.asyncDispose]();
      await ground[Symbol.asyncDispose]();
    },
  };
}

it('synchronous_mode is on again where Patroni is reached at patroni_url alone', async () => {
  await using leader = await leaderWith(() => false);
  expect((await leader.run({ timeout: 20 })).result).toEqual({ mode: true });
  expect(leader.mode()).toBe('true');
  await leader.ground.play.undo();
  expect(leader.mode()).toBe('true');
});

it('one answer that does not come between off and on is waited over', async () => {
  await using leader = await leaderWith((question) => question === 1);
  expect((await leader.run({ timeout: 10 })).result).toEqual({ mode: true });
  expect(leader.mode()).toBe('true');
});

it('a change that fails after off turns it on again, and says so', async () => {
  await using leader = await leaderWith(() => true);
  expect(await errorOf(leader.run())).toMatchObject({
    code: 'patroni-config-not-read',
    state: expect.stringContaining('synchronous_mode is true in the DCS'),
    next: expect.arrayContaining([expect.stringContaining('pitr resume')]),
  });
  expect(leader.mode()).toBe('true');
});

it.each([
  ['sync', false],
  ['quorum', false],
  // The names in the DCS are those that the old leader had, and stay until the mode is turned off and on.
  ['async', true],
])('a member that the DCS names counts only where the leader waits for it: %s', async (state, changed) => {
  await using leader = await leaderWith(() => false);
  const { told } = leader.patroni;
  const member = (name: string, role: string) => ({ name, role, state: 'running' });
  told['/cluster'] = { scope: 'c1', members: [member('here', 'leader'), member('db2', 'sync_standby')] };
  const senders = [{ application_name: 'db2', state: 'streaming', sync_state: state }];
  told['/patroni'] = { state: 'running', role: 'primary', patroni: { scope: 'c1' }, replication: senders };
  expect((await leader.run({ timeout: 20 })).status).toBe(changed ? 'changed' : 'ok');
  expect(leader.mode()).toBe('true');
});
