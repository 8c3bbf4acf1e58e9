import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { errorOf } from '../support/errors.ts';
import { FakePatroni } from '../support/fake-patroni.ts';
import { fakePrograms } from '../support/fake-programs.ts';
import { localPlayground } from './playground.ts';

/** Leadership is handed to db2, of which the cluster says at once that it leads. */
async function handedOver(own: object | undefined, timeout = 1) {
  await using ground = await localPlayground();
  await using here = await FakePatroni.listening();
  await using db2 = await FakePatroni.listening();
  const done = join(ground.dir, 'done');
  await using _ = await fakePrograms({ patronictl: `case "$*" in *failover*) : >${done} ;; esac` });
  const replica = { role: 'replica', state: 'running', timeline: 2 };
  here.told['/cluster'] = () => {
    const [first, second] = existsSync(done) ? ['replica', 'leader'] : ['leader', 'replica'];
    const members = [
      { ...replica, name: 'here', role: first, api_url: `${here.url}/patroni` },
      { ...replica, name: 'db2', role: second, api_url: `${db2.url}/patroni` },
    ];
    return { scope: 'c1', members };
  };
  here.told['/patroni'] = { ...replica, patroni: { scope: 'c1' } };
  db2.told['/patroni'] = own;
  const params = { port: here.port, config: '/nowhere.yml', candidate: 'db2', timeout };
  return await ground.play
    .run('patroni.failover', params)
    .catch((thrown: unknown) => errorOf(Promise.reject(thrown)));
}

it('a new leader that says so itself is proved', async () => {
  expect(await handedOver({ state: 'running', role: 'primary' }, 20)).toMatchObject({
    result: { leader: 'db2' },
  });
});

it.each([
  ['is silent', undefined, 'does not answer'],
  ['is a replica still', { state: 'running', role: 'replica' }, 'says that it is a replica'],
])('a new leader that %s is not proved', async (_, own, words) => {
  expect(await handedOver(own)).toMatchObject({
    code: 'failover-failed',
    message: expect.stringContaining(words),
  });
});
