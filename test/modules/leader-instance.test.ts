import { mkdir, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findLeaderInstance } from '../../lib/recovery/patroni/leader-instance.ts';
import { localPlayground } from './playground.ts';
import { programAt } from './program-at.ts';

/** Which PostgreSQL of a host is the leader's: the port that Patroni announces may be another one than it listens on. */

/** No cluster of this machine has it. */
const OURS = `77${process.pid}`;
/** Nor is anything of it there. */
const ANNOUNCED = 60_000 + (process.pid % 5_000);
const ELSEWHERE = ANNOUNCED - 1;

interface Instance {
  readonly listens?: number;
  readonly systemId?: string;
  readonly status?: 'ready' | 'standby';
  /** As its control file says: a standby that lets readers in is `ready`, too. */
  readonly state?: 'in production' | 'in archive recovery';
  /** Nothing: no network reaches it. */
  readonly address?: string;
}

/** The name of the data directory that is found where these work. */
async function found(instances: Readonly<Record<string, Instance>>, systemId = OURS) {
  await using ground = await localPlayground();
  const { dir, play } = ground;
  const running: Awaited<ReturnType<typeof programAt>>[] = [];
  try {
    for (const [name, instance] of Object.entries(instances)) {
      const { listens = ANNOUNCED, systemId: id = OURS, status = 'ready', address = '*' } = instance;
      const { state = 'in production' } = instance;
      const pgdata = join(dir, name);
      await mkdir(join(pgdata, 'bin'), { recursive: true });
      const control = `#!/bin/sh
echo 'Database system identifier:           ${id}'
echo 'Database cluster state:               ${state}'
`;
      await writeFile(join(pgdata, 'bin/pg_controldata'), control, { mode: 0o755 });
      await writeFile(join(pgdata, 'postmaster.opts'), `${pgdata}/bin/postgres "-D"\n`);
      const postgres = await programAt(join(pgdata, 'bin'), 'postgres', pgdata);
      running.push(postgres);
      const lines = [postgres.pid, pgdata, 0, listens, '/tmp', address, 7, `${status}   `];
      await writeFile(join(pgdata, 'postmaster.pid'), `${lines.join('\n')}\n`);
    }
    const leader = { name: 'here', role: 'leader', state: 'running', port: ANNOUNCED } as const;
    const there = await findLeaderInstance(play.host(), leader, userInfo().username, systemId);
    return there?.pgdata.slice(dir.length + 1);
  } finally {
    await Promise.all(running.map(({ end }) => end()));
  }
}

describe("the leader's instance", () => {
  it.each<readonly [string, Readonly<Record<string, Instance>>, string | undefined]>([
    ['has the port that is announced', { one: {}, two: { listens: ELSEWHERE } }, 'one'],
    ['has another one, and is the primary of the cluster', { one: { listens: ELSEWHERE } }, 'one'],
    [
      'is not another cluster’s that has that port',
      { one: { listens: ELSEWHERE }, two: { systemId: '1' } },
      'one',
    ],
    ['is no replica at another port', { one: { listens: ELSEWHERE, status: 'standby' } }, undefined],
    [
      'is no replica that lets readers in, at another port',
      { one: { listens: ELSEWHERE, state: 'in archive recovery' } },
      undefined,
    ],
    [
      'is the primary beside such a replica',
      { one: { listens: ELSEWHERE, state: 'in archive recovery' }, two: { listens: ELSEWHERE - 1 } },
      'two',
    ],
    ['is none that no network reaches', { one: { listens: ELSEWHERE, address: '' } }, undefined],
    ['is not another cluster’s at another port', { one: { listens: ELSEWHERE, systemId: '1' } }, undefined],
    [
      'is not known where there are two',
      { one: { listens: ELSEWHERE }, two: { listens: ELSEWHERE - 1 } },
      undefined,
    ],
  ])('%s', async (_, instances, name) => {
    expect(await found(instances)).toBe(name);
  });

  it('is looked for by its port alone where nobody tells the system identifier', async () => {
    expect(await found({ one: {} }, '')).toBe('one');
    expect(await found({ one: { listens: ELSEWHERE } }, '')).toBeUndefined();
  });
});
