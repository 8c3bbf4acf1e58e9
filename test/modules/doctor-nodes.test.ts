import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { liveHost } from '../../lib/engine/run/live-host.ts';
import { NOT_ASKED } from '../../lib/recovery/doctor/answer.ts';
import type { Facts, NodeFacts } from '../../lib/recovery/doctor/facts.ts';
import { examine } from '../../lib/recovery/doctor/finding.ts';
import { gatherNodeFacts, unknownNode } from '../../lib/recovery/doctor/node-facts.ts';
import { lookAtNode, type NodeLook } from '../../lib/recovery/doctor/node-script.ts';
import type { NodePlace } from '../../lib/recovery/doctor/place.ts';
import { CHECKS } from '../../lib/recovery/doctor/registry.ts';
import { connectHost } from '../../lib/transport/connect.ts';
import { fakePrograms } from '../support/fake-programs.ts';
import { closed, ordinaryUser } from '../support/ordinary-user.ts';
import { sqlAnswer } from '../unit/recovery/doctor/sql-answer.ts';
import { localPlayground } from './playground.ts';

const CHECKED = ['leftovers.waiting', 'leftovers.beside', 'leftovers.settings'] as const;

const placeOf = (pgdata: string, manager: 'systemd' | 'supervisor' = 'systemd'): NodePlace => ({
  name: 'here',
  pgdata,
  user: ordinaryUser,
  patroni: { port: 8008, config: '/nowhere', service: 'patroni', manager },
  walMethod: 'local',
});

const factsOf = (node: NodeFacts): Facts => ({
  now: 0,
  nodes: [node],
  variableFlaws: [],
  dynamic: NOT_ASKED,
  controller: { secrets: [], drills: NOT_ASKED },
  inventoryOptions: '',
});

/** Looks at a node by a login that is nobody in particular. */
async function looking<T>(pgdata: string, work: (look: () => Promise<NodeLook>) => Promise<T>): Promise<T> {
  const connection = connectHost('here', { kind: 'local' });
  try {
    const host = liveHost(connection, () => connection, { user: ordinaryUser });
    return await work(() => lookAtNode(host, placeOf(pgdata)));
  } finally {
    await connection.close();
  }
}

async function seen(pgdata: string) {
  const look = await looking(pgdata, (now) => now());
  const facts = factsOf({
    ...unknownNode('here', NOT_ASKED, NOT_ASKED),
    place: placeOf(pgdata),
    host: { value: look },
  });
  return CHECKED.flatMap((id) =>
    CHECKS.filter((check) => check.id === id).flatMap((check) =>
      examine(check, facts).map(({ severity }) => severity),
    ),
  );
}

it('the room for WAL is that of the place that pg_wal links to', async () => {
  await using ground = await localPlayground();
  const data = join(ground.dir, 'data');
  await chmod(ground.dir, 0o755);
  await mkdir(data);
  await looking(data, async (look) => expect((await look()).walSpace).toBeUndefined());
  await symlink('/dev/shm/pitr-no-such/wal', join(data, 'pg_wal'));
  await looking(data, async (look) => {
    expect((await look()).walSpace).toMatchObject({
      wal: '/dev/shm/pitr-no-such/wal',
      space: { value: { mount: '/dev/shm', freeBytes: expect.any(Number) } },
    });
  });
});

it('what SQL tells is known also where the sizes of all databases are not told in time', async () => {
  await using ground = await localPlayground();
  const data = join(ground.dir, 'data');
  await mkdir(data);
  const pidFile = ['1', data, '1', '5432', ground.dir, '', '1', 'ready', ''];
  await writeFile(join(data, 'postmaster.pid'), pidFile.join('\n'));
  const psql = `#!/bin/sh
case $* in *pg_database_size*) echo 'ERROR:  57014: canceling statement due to statement timeout' >&2; exit 1 ;; esac
cat <<'END'\n${sqlAnswer()}\nEND\n`;
  await writeFile(join(ground.dir, 'psql'), psql, { mode: 0o755 });
  const place = { ...placeOf(data), user: userInfo().username, bin: ground.dir };
  const { sql, bytes } = await gatherNodeFacts(ground.play.host(), place, new Set(['sql']));
  expect(sql).toHaveProperty('value.version', 150_018);
  expect(bytes).toMatchObject({ unknown: expect.stringContaining('statement timeout') });
});

describe('whether the login may stop Patroni', () => {
  it.each<readonly [string, 'systemd' | 'supervisor', Readonly<Record<string, string>>, string | undefined]>([
    ['root may', 'systemd', { id: 'echo 0' }, 'yes'],
    ['another may where polkit says so', 'systemd', { id: 'echo 1000', pkcheck: 'exit 0' }, 'yes'],
    ['of another nobody knows it else', 'systemd', { id: 'echo 1000', pkcheck: 'exit 3' }, 'unknown'],
    ['supervisor tells it itself', 'supervisor', { id: 'echo 1000' }, undefined],
  ])('%s', async (_, manager, programs, expected) => {
    await using ground = await localPlayground();
    await using _programs = await fakePrograms(programs);
    const { reached } = await gatherNodeFacts(ground.play.host(), placeOf(ground.dir, manager), new Set());
    expect('value' in reached ? reached.value.mayControl : reached).toBe(expected);
  });

  it.each([
    [
      'no',
      'critical',
      'commands run as deploy, and systemd lets only root stop and start the service patroni',
    ],
    ['unknown', 'unknown', 'cannot tell whether deploy may stop and start the service patroni'],
  ] as const)('is a finding where the answer is %s', (mayControl, severity, text) => {
    const reached = { value: { login: 'deploy', cannotBecome: {}, mayControl } };
    const facts = factsOf({ ...unknownNode('here', reached, NOT_ASKED), place: placeOf('/data') });
    const found = CHECKS.filter(({ id }) => id === 'connections.become')
      .flatMap((check) => examine(check, facts))
      .filter(({ host }) => host === 'here');
    expect(found).toMatchObject([{ severity, text: expect.stringContaining(text) }]);
  });
});

describe('leftovers on a node', () => {
  it('are none where everything could be looked at, and are found', async () => {
    await using ground = await localPlayground();
    await chmod(ground.dir, 0o755);
    const data = join(ground.dir, 'data');
    await mkdir(data);
    expect(await seen(data)).toEqual(['ok', 'ok', 'ok']);
    await writeFile(join(data, 'postgresql.auto.conf'), "recovery_target_time = 'x'\n");
    await mkdir(`${data}.pre-pitr.x`);
    expect(await seen(data)).toEqual(['ok', 'warning', 'warning']);
    await writeFile(`${data}.pitr.json`, '{}');
    expect(await seen(data)).toEqual(['warning', 'ok', 'warning']);
  });

  it('are unknown where they cannot be looked for', async () => {
    await using ground = await localPlayground();
    await chmod(ground.dir, 0o755);
    const above = join(ground.dir, 'above');
    const data = join(above, 'data');
    await mkdir(data, { recursive: true });
    await writeFile(join(data, 'postgresql.auto.conf'), "recovery_target_time = 'x'\n");
    await chmod(join(data, 'postgresql.auto.conf'), 0o000);
    expect(await seen(data)).toEqual(['ok', 'ok', 'unknown']);
    await chmod(above, 0o711);
    expect(await seen(data)).toEqual(['unknown', 'unknown', 'unknown']);
    await using _closed = await closed(above);
    expect(await seen(data)).toEqual(['unknown', 'unknown', 'unknown']);
  });
});
