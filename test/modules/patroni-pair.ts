import { mkdir, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { FakePatroni } from '../support/fake-patroni.ts';
import { localPlayground, Playground } from './playground.ts';
import { programAt } from './program-at.ts';

/** What a replica that streams says of itself. */
export const STREAMS: Readonly<Record<string, unknown>> = {
  receiver: { status: 'streaming', timeline: 2 },
  delayed: false,
};

/** A replica `here` and its leader, by what each of them tells. */
export async function pair() {
  const ground = await localPlayground();
  const play = new Playground({ here: { kind: 'local' }, db2: { kind: 'local' } });
  const [own, leader] = [await FakePatroni.listening(), await FakePatroni.listening()];
  const { dir } = ground;
  const pgdata = join(dir, 'data');
  await mkdir(pgdata);
  await mkdir(join(dir, 'bin'));
  await writeFile(join(pgdata, 'postmaster.pid'), `1\n${pgdata}\n0\n5432\n/tmp\n\n\nready\n`);
  const postgres = await programAt(dir, 'postgres', pgdata);
  const psql = (script: string) =>
    writeFile(join(dir, 'bin/psql'), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  await psql(`echo '${JSON.stringify(STREAMS)}'`);
  const member = (name: string, role: string, more: object = {}) => ({
    ...{ name, role, state: 'running', timeline: 2, lag: 0 },
    ...more,
  });
  const cluster = {
    scope: 'c1',
    members: [
      member('here', 'replica', { api_url: `${own.url}/patroni` }),
      member('db2', 'leader', { api_url: `${leader.url}/patroni` }),
    ],
  };
  const node = { state: 'running', database_system_identifier: '7', timeline: 2, patroni: { scope: 'c1' } };
  const replica = { ...node, role: 'replica', xlog: { replayed_location: 100, received_location: 100 } };
  const senders = [{ application_name: 'here', state: 'streaming' }];
  const leads = { ...node, role: 'primary', xlog: { location: 100 }, replication: senders };
  Object.assign(own.told, { '/cluster': cluster, '/patroni': replica });
  Object.assign(leader.told, { '/cluster': cluster, '/patroni': leads });
  const params = {
    ...{ port: own.port, config: join(dir, 'patroni.yml'), manager: 'supervisor', service: 'patroni' },
    ...{ pgdata, bin: join(dir, 'bin'), user: userInfo().username, interval: 0.2 },
  };
  return {
    ...{ own, leader, cluster, replica, leads, psql, postgres, play, params },
    streaming: (stall = 0.5, required = false) =>
      play.run('patroni.streaming', { ...params, stall, required }),
    [Symbol.asyncDispose]: async () => {
      await Promise.all([own, leader, postgres].map((one) => one[Symbol.asyncDispose]()));
      await play.close();
      await ground[Symbol.asyncDispose]();
    },
  };
}
