import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { freePort } from '../../lab/free-port.ts';
import { FakePatroni } from '../support/fake-patroni.ts';
import { fakePrograms } from '../support/fake-programs.ts';
import { localPlayground } from './playground.ts';

/** What is told of the cluster at each look in turn, the last one from then on; undefined: nobody answers. */
async function waited(leaders: readonly (string | undefined | 'silence')[], timeout: number) {
  await using ground = await localPlayground();
  await using here = await FakePatroni.listening();
  const left = [...leaders];
  here.told['/cluster'] = () => {
    const leader = left.length > 1 ? left.shift() : left[0];
    if (leader === 'silence') return undefined;
    const member = (name: string) => ({
      name,
      role: name === leader ? 'leader' : 'replica',
      state: 'stopped',
      timeline: 2,
      api_url: 'http://127.0.0.1:1/patroni',
    });
    return { scope: 'c1', members: [member('db1'), member('db2')] };
  };
  here.told['/patroni'] = { role: 'replica', state: 'running', timeline: 2, patroni: { scope: 'c1' } };
  const params = { port: here.port, config: '/nowhere.yml', member: 'db2', interval: 0.1, timeout };
  return await ground.play.run('patroni.leader_lock', params).then(
    ({ result }) => result?.leader ?? 'nobody',
    (thrown: { readonly code?: string }) => thrown.code,
  );
}

it('the lock of a leader that could not give it back is waited for, also while nobody answers', async () => {
  expect(await waited(['db1', 'silence', 'db1', undefined], 30)).toBe('nobody');
});

it('the member itself may hold it', async () => {
  expect(await waited(['db2'], 30)).toBe('db2');
});

it('who holds it at the deadline is told, and who does not answer then fails', async () => {
  expect(await waited(['db1'], 1)).toBe('db1');
  expect(await waited(['silence'], 1)).toBe('patroni-silent');
});

it('of a cluster whose members are down the list alone is asked for: nobody can write meanwhile', async () => {
  await using ground = await localPlayground();
  const asked = join(ground.dir, 'asked');
  const list = '[{"Cluster":"c1","Member":"db1","Role":"Replica","State":"stopped"}]';
  await using _ = await fakePrograms({ patronictl: `echo "$*" >>'${asked}'; echo '${list}'` });
  const params = {
    port: await freePort(),
    config: join(ground.dir, 'patroni.yml'),
    member: 'db2',
    timeout: 5,
  };
  const { result } = await ground.play.run('patroni.leader_lock', params);
  expect(result).toMatchObject({ source: 'patronictl', members: { db1: { state: 'stopped' } } });
  expect((await readFile(asked, 'utf8')).trim().split('\n')).toEqual([`-c ${params.config} list -f json`]);
});
