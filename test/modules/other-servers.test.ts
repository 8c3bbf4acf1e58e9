import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readArchivesOf } from '../../lib/recovery/barman/archive-tail.ts';
import { readCatalogueAndArchives } from '../../lib/recovery/barman/catalogue.ts';
import { readStock } from '../../lib/recovery/doctor/barman-facts.ts';
import { blindHost } from '../support/blind-host.ts';
import { errorOf } from '../support/errors.ts';
import { fakePrograms } from '../support/fake-programs.ts';
import { closed, ordinaryUser } from '../support/ordinary-user.ts';
import { beside, ID, OTHER, OWN } from './barman-here.ts';
import { type LocalPlayground, localPlayground } from './playground.ts';

const user = ordinaryUser;

/** Modules that look at all servers of the cluster, and what they are asked. */
const LOOKS: readonly (readonly [module: string, params: Readonly<Record<string, unknown>>])[] = [
  ['barman.backup', { id: 'latest' }],
  ['barman.backup', { id: 'latest', system_id: OWN }],
  ['barman.backup', { id: 'auto' }],
  ['barman.backup', { id: ID }],
  ['barman.wal', { backup: ID }],
  ['barman.backups', {}],
  ['barman.one_more', { server: 'db1' }],
  ['barman.timelines', { after: 1, server: 'db1' }],
];

const CASES = [
  ['of another cluster', OTHER, undefined, 'ok'],
  ['of the same cluster', OWN, undefined, 'refused'],
  ['of a cluster that nobody knows', undefined, undefined, 'refused'],
  ['of a cluster that nobody knows, and not named', undefined, ['db1'], 'ok'],
] as const;

describe.each([
  ['in a cloud', 'basebackups_directory = s3://my-bucket/barman', undefined, 'barman-archive-in-cloud'],
  ['with WAL in a cloud', 'wals_directory = s3://my-bucket/barman', undefined, 'barman-archive-in-cloud'],
  ['whose backups may not be looked into', '', 'base', 'barman-archive-unreadable'],
  ['whose archive may not be looked into', '', 'wals', 'barman-archive-unreadable'],
])('a server %s', (_, lines, shut, code) => {
  it.each(CASES)(
    'hides nothing of ours, and refuses where it counts: %s',
    async (_case, systemId, servers, outcome) => {
      await using ground = await localPlayground();
      const { play, dir } = ground;
      await beside(ground, { systemId, lines }, async () => {
        await using _closed = shut === undefined ? undefined : await closed(join(dir, 'home/other', shut));
        for (const [module, params] of LOOKS) {
          // What lies in wals rests on nobody who asks for a backup alone.
          if (shut === 'wals' && module === 'barman.backup' && params.id !== 'auto') continue;
          const look = play.run(module, { ...params, ...(servers === undefined ? {} : { servers }), user });
          if (outcome === 'ok') {
            // Of WAL there is none: that is what is said then, and nothing of the other server.
            expect(
              await look.then(
                ({ status }) => status,
                ({ code: why }) => why,
              ),
            ).toMatch(/^(ok|backup-without-wal)$/);
          } else {
            expect(await errorOf(look)).toMatchObject({
              code,
              next: expect.arrayContaining([expect.stringContaining('barman_servers')]),
            });
          }
        }
      });
    },
  );

  it('is refused where it is named itself', async () => {
    await using ground = await localPlayground();
    const { play, dir } = ground;
    await beside(ground, { systemId: OTHER, lines }, async () => {
      await using _closed = shut === undefined ? undefined : await closed(join(dir, 'home/other', shut));
      const look = play.run('barman.backups', { servers: ['db1', 'other'], user });
      expect(await errorOf(look)).toMatchObject({ code });
    });
  });

  it('is told of where backups are listed without it', async () => {
    await using ground = await localPlayground();
    const { play, dir } = ground;
    await beside(ground, { systemId: OTHER, lines }, async () => {
      await using _closed = shut === undefined ? undefined : await closed(join(dir, 'home/other', shut));
      const { result } = await play.run('barman.backups', { user });
      expect(result).toMatchObject({
        count: 1,
        unread: [{ server: 'other', concerns: false, why: expect.stringContaining('"other"') }],
      });
    });
  });
});

it('a backup that is found nowhere is not called missing where a server could not be read', async () => {
  await using ground = await localPlayground();
  const { play, dir } = ground;
  await beside(ground, { systemId: OTHER }, async () => {
    await using _closed = await closed(join(dir, 'home/other/base'));
    const find = (more: object) => play.run('barman.backup', { id: '20261122T000000', ...more, user });
    expect(await errorOf(find({}))).toMatchObject({ code: 'barman-archive-unreadable' });
    expect(await errorOf(find({ servers: ['db1'] }))).toMatchObject({ code: 'backup-unknown' });
  });
});

it('a server that cannot be read keeps nobody from his own in the middle of a cut-over', async () => {
  await using ground = await localPlayground();
  const { play, dir } = ground;
  await beside(ground, { systemId: undefined }, async () => {
    await using _closed = await closed(join(dir, 'home/other/base'));
    const [kept] = await play.check(['barman.keep', { server: 'db1', backup: ID, user }]);
    expect(kept?.result).toMatchObject({ held: true });
    const received = await play.check(['barman.receive_wal', { server: 'db1', timeline: 2, user }]);
    expect(received).toMatchObject([{ status: 'ok' }]);
    const switched = await play.check(['barman.switch_wal', { server: 'db1', user }]);
    expect(switched).toMatchObject([{ result: { server: 'db1' } }]);
    expect(await errorOf(play.check(['barman.keep', { server: 'other', backup: ID, user }]))).toMatchObject({
      code: 'barman-archive-unreadable',
    });
  });
});

it('the cluster of a server is known also where its backups lie in a directory of their own', async () => {
  await using ground = await localPlayground();
  const { play, dir } = ground;
  await mkdir(join(dir, 'big/backups'), { recursive: true });
  await writeFile(join(dir, 'big/identity.json'), '{"systemid": "1"}');
  await beside(ground, { systemId: OTHER, lines: `basebackups_directory = ${dir}/big/backups` }, async () => {
    const { result } = await play.run('barman.servers', { user });
    expect(result?.servers).toMatchObject([{ name: 'db1' }, { name: 'other', system_id: OTHER }]);
  });
});

describe('a server that Barman passes over', () => {
  it.each([
    ['active = off', 'inactive', undefined, 'Put active = true for "active = off" in '],
    [
      'primary_ssh_command = ssh barman@a',
      'passive',
      'What it holds can be recovered from all the same.',
      'Remove "primary_ssh_command = ssh barman@a" in ',
    ],
  ])('is refused before anything is asked of it: %s', async (lines, kind, still, mend) => {
    await using ground = await localPlayground();
    const { play, dir } = ground;
    await beside(ground, { systemId: OWN, lines }, async () => {
      for (const [module, params] of [
        ['barman.switch_wal', { server: 'other' }],
        ['barman.receive_wal', { server: 'other', timeline: 2 }],
        ['barman.create_backup', { server: 'other' }],
      ] as const) {
        expect(await errorOf(play.check([module, { ...params, user }]))).toMatchObject({
          kind: 'refused',
          code: 'barman-server-idle',
          details: [expect.stringContaining('ends with success'), ...(still === undefined ? [] : [still])],
          next: [`${mend}${dir}/.barman.conf.`, expect.anything()],
        });
      }
      const { result } = await play.run('barman.servers', { user });
      expect(result).toMatchObject({
        servers: [{ idle: [] }, { idle: [{ kind, line: lines }] }],
        idle: { other: { still, mend: [`${mend}${dir}/.barman.conf.`] } },
      });
    });
  });

  it('may hold what is recovered from', async () => {
    await using ground = await localPlayground();
    const { play } = ground;
    await beside(ground, { systemId: OWN, lines: 'active = false' }, async () => {
      expect((await play.run('barman.backup', { id: ID, user })).result).toMatchObject({ id: ID });
    });
  });
});

describe('the archive of a server of another cluster', () => {
  const me = userInfo().username;
  const WAL_OF_OWN: readonly (readonly [string, (ground: LocalPlayground) => Promise<unknown>])[] = (
    [
      ['barman.backup', { id: 'auto', system_id: OWN }],
      ['barman.backup', { id: 'auto', servers: ['db1'] }],
      ['barman.wal', { backup: ID }],
      ['barman.wal', { backup: ID, server: 'db1' }],
      ['barman.backups', { servers: ['db1'] }],
      ['barman.one_more', { server: 'db1' }],
      ['barman.timelines', { after: 1, server: 'db1' }],
    ] as const
  ).map(([name, params]) => [
    `${name} ${JSON.stringify(params)}`,
    ({ play }) => play.run(name, { ...params, user: me }),
  ]);

  it.each([
    ...WAL_OF_OWN,
    [
      'pitr doctor',
      ({ play }: LocalPlayground) =>
        readStock(play.host(), { name: 'here', user: me, servers: ['db1'], lockDirectory: '' }),
    ] as const,
    [
      'postgres.archive_tail',
      ({ play }: LocalPlayground) => readArchivesOf(play.host(), { host: 'here', user: me }, OWN),
    ] as const,
  ])('is not listed: %s', async (_, look) => {
    await using ground = await localPlayground();
    const listed = join(ground.dir, 'listed');
    await beside(ground, { systemId: OTHER }, async () => {
      await using _find = await fakePrograms({
        find: `printf '%s\\n' "$*" >>${listed}; exec /usr/bin/find "$@"`,
      });
      await look(ground).catch(({ code }) => expect(code).toBe('backup-without-wal'));
    });
    const places = await readFile(listed, 'utf8');
    expect(places).toContain('/home/db1/wals');
    expect(places).not.toContain('/home/other/wals');
  });

  it('has an answer of its own where it is listed', async () => {
    await using ground = await localPlayground();
    await using first = blindHost();
    await using all = blindHost();
    await beside(ground, { systemId: undefined }, async () => {
      await readCatalogueAndArchives(first.host, me);
      const { archives } = await readCatalogueAndArchives(all.host, me);
      expect(archives.map(({ server }) => server)).toEqual(['db1', 'other']);
      // What Barman is configured for, the backups, and each archive.
      expect(all.asked()).toBe(4);
    });
  });

  it('is seen as it is when the configuration has changed since it was asked last', async () => {
    await using ground = await localPlayground();
    const names = async (): Promise<readonly string[]> => {
      const { servers, archives } = await readCatalogueAndArchives(ground.play.host(), me);
      expect(archives.map(({ server }) => server)).toEqual(servers.map(({ name }) => name));
      return archives.map(({ server }) => server);
    };
    await beside(ground, { systemId: undefined }, async () => {
      expect(await names()).toEqual(['db1', 'other']);
      await writeFile(
        join(ground.dir, '.barman.conf'),
        `[barman]\nbarman_home = ${ground.dir}/home\n[db1]\n`,
      );
      await writeFile(join(ground.dir, 'list-server.json'), '{"db1": {"description": ""}}');
      expect(await names()).toEqual(['db1']);
    });
  });
});

it('a node that has WAL to archive asks the servers of its cluster alone', async () => {
  await using ground = await localPlayground();
  const { play, dir } = ground;
  await beside(ground, { systemId: undefined }, async () => {
    await using _closed = await closed(join(dir, 'home/other/wals'));
    const ask = (servers?: readonly string[]) =>
      readArchivesOf(play.host(), { host: 'here', user, servers }, OWN);
    expect(await errorOf(ask())).toMatchObject({ code: 'barman-archive-unreadable' });
    expect((await ask(['db1'])).map(({ server }) => server)).toEqual(['db1']);
    await writeFile(join(dir, 'home/other/identity.json'), `{"systemid": "${OTHER}"}`);
    expect((await ask()).map(({ server }) => server)).toEqual(['db1']);
  });
});
