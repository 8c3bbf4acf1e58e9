import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { NOT_ASKED } from '../../lib/recovery/doctor/answer.ts';
import { gatherBarmanFacts } from '../../lib/recovery/doctor/barman-facts.ts';
import type { Facts, NodeFacts } from '../../lib/recovery/doctor/facts.ts';
import { examine } from '../../lib/recovery/doctor/finding.ts';
import { unknownNode } from '../../lib/recovery/doctor/node-facts.ts';
import { parseNodeSql } from '../../lib/recovery/doctor/node-sql.ts';
import type { NodePlace } from '../../lib/recovery/doctor/place.ts';
import { CHECKS } from '../../lib/recovery/doctor/registry.ts';
import { closed, ordinaryUser } from '../support/ordinary-user.ts';
import { sqlAnswer } from '../unit/recovery/doctor/sql-answer.ts';
import { beside, ID, OTHER, OWN } from './barman-here.ts';
import { type LocalPlayground, localPlayground } from './playground.ts';

const node = (name: string, barmanServer: string): NodePlace => ({
  name,
  pgdata: '/data',
  user: 'postgres',
  patroni: { port: 8008, config: '/p.yml', service: 'patroni', manager: 'systemd' },
  barmanServer,
  walMethod: 'local',
});

/** What checks say of Barman's host alone, by their ids. */
async function found(
  { play }: LocalPlayground,
  ids: readonly string[],
  servers?: readonly string[],
  nodes: readonly NodePlace[] = [node('one', 'db1')],
  systemId: string = OWN,
) {
  const place = { name: 'here', user: ordinaryUser, servers, lockDirectory: '' };
  const needs = new Set(['stock', 'errors', 'files', 'barman', 'lock'] as const);
  const barman = await gatherBarmanFacts(
    play.host(),
    place,
    nodes,
    needs,
    Promise.resolve(systemId === 'unknown' ? undefined : systemId),
  );
  const leads: Pick<NodeFacts, 'cluster' | 'sql'> = {
    cluster: {
      value: {
        source: 'node',
        leader: 'one',
        members: { one: { name: 'one', role: 'leader', state: 'running' } },
      },
    },
    sql: systemId === 'unknown' ? NOT_ASKED : { value: parseNodeSql(sqlAnswer({ system_id: systemId })) },
  };
  const facts: Facts = {
    now: Date.now(),
    nodes: nodes.map((one) => ({ ...unknownNode(one.name, NOT_ASKED, NOT_ASKED), place: one, ...leads })),
    barman,
    variableFlaws: [],
    dynamic: NOT_ASKED,
    controller: { secrets: [], drills: NOT_ASKED },
    inventoryOptions: '',
  };
  return CHECKS.filter(({ id }) => ids.includes(id))
    .flatMap((check) => examine(check, facts))
    .map(({ check, severity, text, mend }) => ({ check, severity, text, mend }));
}

describe('a server that cannot be read', () => {
  const LOOKS = [
    'archiving.errors',
    'archiving.incoming',
    'backups.present',
    'backups.files',
    'backups.histories',
  ];
  const CLOUD = 'wals_directory = s3://my-bucket/barman';

  it.each([
    ['of another cluster', OTHER, undefined],
    ['of a cluster that nobody knows, and not named', undefined, ['db1']],
  ])('hides no finding of ours: %s', async (_, systemId, servers) => {
    await using ground = await localPlayground();
    for (const [lines, shut] of [
      [CLOUD, undefined],
      ['', 'base'],
      ['', 'errors'],
    ] as const) {
      await beside(ground, { systemId, lines }, async () => {
        await using _closed =
          shut === undefined ? undefined : await closed(join(ground.dir, 'home/other', shut));
        const severities = (await found(ground, LOOKS, servers)).map(({ severity }) => severity);
        expect(severities).toEqual(LOOKS.map(() => 'ok'));
      });
    }
  });

  it.each([
    ['of the same cluster', OWN],
    ['of a cluster that nobody knows', undefined],
  ])('leaves unknown what rests on it: %s', async (_, systemId) => {
    await using ground = await localPlayground();
    await beside(ground, { systemId, lines: CLOUD }, async () => {
      for (const { severity, text } of await found(ground, ['backups.present', 'backups.histories'])) {
        expect([severity, text]).toEqual(['unknown', expect.stringContaining('s3://my-bucket/barman')]);
      }
    });
  });
});

describe('backups', () => {
  it('are not known to be of the cluster where no node tells its system id', async () => {
    await using ground = await localPlayground();
    await beside(ground, { systemId: OWN, lines: '' }, async () => {
      const of = async (systemId: string) =>
        (await found(ground, ['backups.present', 'backups.files'], undefined, undefined, systemId)).map(
          ({ severity }) => severity,
        );
      expect(await of(OWN)).toEqual(['ok', 'ok']);
      expect(await of(OTHER)).toEqual(['critical', 'critical']);
      expect(await of('unknown')).toContain('unknown');
    });
  });
});

it.each([
  ['mode=snapshot-gcp', 'it is a snapshot'],
  ['mode=postgres\nencryption=gpg', 'it is encrypted'],
])('the files of a backup that nobody can judge are not called whole: %s', async (lines, words) => {
  await using ground = await localPlayground();
  await beside(ground, { systemId: OWN, lines: '' }, async () => {
    const info = join(ground.dir, 'home/db1/base', ID, 'backup.info');
    await writeFile(info, `${(await readFile(info, 'utf8')).replace(/^mode=.*$/m, lines)}\n`);
    expect(await found(ground, ['backups.files'])).toMatchObject([
      { severity: 'unknown', text: expect.stringContaining(words) },
    ]);
  });
});

it('a lock is not known to be free where its name is not known', async () => {
  await using ground = await localPlayground();
  await beside(ground, { systemId: OWN, lines: '' }, async () => {
    expect(await found(ground, ['leftovers.lock'])).toMatchObject([
      { severity: 'unknown', text: expect.stringContaining('patroni_cluster') },
    ]);
  });
});

describe('a server that Barman passes over', () => {
  it.each([
    ['archiving.active', 'active = false', 'it is switched off'],
    [
      'archiving.own',
      'primary_ssh_command = ssh a',
      'it is a copy of a server of another Barman, and has no archiver of its own',
    ],
  ])('is a finding where a node archives there, and else none: %s', async (check, lines, why) => {
    await using ground = await localPlayground();
    await beside(ground, { systemId: OWN, lines }, async () => {
      const ids = ['archiving.active', 'archiving.own'];
      expect((await found(ground, ids)).map(({ severity }) => severity)).toEqual(['ok', 'ok']);
      const all = await found(ground, ids, undefined, [node('one', 'db1'), node('two', 'other')]);
      expect(all.filter(({ severity }) => severity !== 'ok')).toEqual([
        {
          check,
          severity: 'critical',
          text: `Barman archives nothing for server other, the one of two: ${why}`,
          mend: [expect.stringContaining(`"${lines}" in ${ground.dir}/.barman.conf`)],
        },
      ]);
    });
  });
});
