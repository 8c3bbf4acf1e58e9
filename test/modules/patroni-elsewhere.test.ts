import { join } from 'node:path';
import { expect, it } from 'vitest';
import { freePort } from '../../lab/free-port.ts';
import { askOwn } from '../../lib/recovery/patroni/rest.ts';
import { errorOf } from '../support/errors.ts';
import { FakePatroni } from '../support/fake-patroni.ts';
import { fakePrograms } from '../support/fake-programs.ts';
import { localPlayground } from './playground.ts';

/** What is known of a cluster where something else than Patroni answers at its port. */
async function looked(answer: string | object, patronictl: string) {
  await using ground = await localPlayground();
  await using other = await FakePatroni.listening();
  for (const path of ['/cluster', '/patroni', '/config']) other.told[path] = answer;
  await using _ = await fakePrograms({ patronictl });
  const access = { port: other.port, config: join(ground.dir, 'patroni.yml') };
  const look = async (module: string) => (await ground.play.run(module, access)).result;
  const cluster = await look('patroni.cluster').catch((thrown: unknown) => errorOf(Promise.reject(thrown)));
  return { cluster, synchronous: await errorOf(look('patroni.synchronous')), url: other.url };
}

const LIST = `case "$*" in *list*) echo '[{"Cluster":"c1","Member":"db2","Role":"Leader","State":"running"}]' ;; *) exit 1 ;; esac`;

it.each([
  ['a page', '<html>It works!</html>'],
  ['an empty answer', ''],
  ['JSON of another program', { status: 'ok' }],
])('%s at the port of Patroni is not taken for Patroni', async (_, answer) => {
  const { cluster, synchronous, url } = await looked(answer, 'exit 1');
  expect(cluster).toMatchObject({ code: 'patroni-silent', message: expect.stringContaining(url) });
  expect((cluster as { next: readonly string[] }).next.join()).toContain('patroni_url');
  expect(synchronous).toMatchObject({ code: 'patroni-silent' });
});

it('the DCS tells of the cluster where a page answers at the port of Patroni', async () => {
  const { cluster } = await looked('<html>It works!</html>', LIST);
  expect(cluster).toMatchObject({ leader: 'db2', source: 'patronictl' });
});

it.each([
  ['words', 'no cluster here'],
  ['no list', '{}'],
])('a patronictl that prints %s tells of no cluster, and what it printed is shown', async (_, printed) => {
  await using ground = await localPlayground();
  await using _programs = await fakePrograms({ patronictl: `echo '${printed}'` });
  const access = { port: await freePort(), config: join(ground.dir, 'patroni.yml') };
  const silent = await errorOf(ground.play.run('patroni.cluster', access));
  expect(silent).toMatchObject({ code: 'patroni-silent' });
  expect(silent.evidence?.stderr).toContain(printed);
});

it('Patroni is heard where its answer has nothing in it, as that of /liveness', async () => {
  await using ground = await localPlayground();
  await using patroni = await FakePatroni.listening();
  patroni.told['/liveness'] = '';
  const access = { port: patroni.port, config: join(ground.dir, 'patroni.yml') };
  expect((await askOwn(ground.play.host(), access, '/liveness')).code).toBe(200);
});
