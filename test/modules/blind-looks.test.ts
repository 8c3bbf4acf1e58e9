import { chmod, chown, mkdir, symlink, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { delimiter, join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { PitrError } from '../../lib/base/errors/pitr-error.ts';
import type { WriteHost } from '../../lib/contract/host.ts';
import { readCatalogueAndArchives } from '../../lib/recovery/barman/catalogue.ts';
import { fetchable } from '../../lib/recovery/barman/node-access.ts';
import { discoverNode } from '../../lib/recovery/discovery/discover-node.ts';
import { proveFreeNumber } from '../../lib/recovery/postgres/history-files.ts';
import { readLayout } from '../../lib/recovery/postgres/layout.ts';
import { LiveLock } from '../../lib/system/lock/live-lock.ts';
import { blindHost } from '../support/blind-host.ts';
import { errorOf } from '../support/errors.ts';
import { FakePatroni } from '../support/fake-patroni.ts';
import { fakePrograms } from '../support/fake-programs.ts';
import { closed, ordinaryUser } from '../support/ordinary-user.ts';
import { pythonYaml } from '../support/python-yaml.ts';
import { beside, OTHER } from './barman-here.ts';
import { type LocalPlayground, localPlayground } from './playground.ts';

/** Looks of this machine that cannot see: what they say then is neither yes nor no. */

/** A directory of this machine that everybody may look into. */
async function openGround(): Promise<LocalPlayground> {
  const ground = await localPlayground();
  await chmod(ground.dir, 0o755);
  return ground;
}

const isRoot = process.getuid?.() === 0;

describe('the commands of a host', () => {
  it('are not missing where its sh does not come to an end', async () => {
    await using ground = await localPlayground();
    const { play, dir } = ground;
    const before = process.env.PATH;
    onTestFinished(() => void Object.assign(process.env, { PATH: before }));
    process.env.PATH = `${dir}${delimiter}${before}`;
    const task = { commands: ['cat', 'nope-nowhere'] };
    expect(await errorOf(play.run('core.tools', task))).toMatchObject({ code: 'tool-missing' });
    for (const end of ['kill -9 $$', 'exit 0']) {
      await writeFile(join(dir, 'sh'), `#!/bin/sh\n${end}\n`, { mode: 0o755 });
      for (const commands of [task.commands, ['cat']])
        expect(await errorOf(play.run('core.tools', { commands }))).toMatchObject({
          kind: 'failed',
          code: 'tools-unknown',
        });
    }
  });
});

describe('a lock', () => {
  const lockIn = (directory: string) => ({ name: 'main', user: ordinaryUser, directory, only_tell: true });

  it('is not free in a place that may not be looked into', async () => {
    await using ground = await openGround();
    const { play, dir } = ground;
    await mkdir(join(dir, 'closed/locks'), { recursive: true });
    expect((await play.run('core.lock_free', lockIn(join(dir, 'closed/none')))).result.free).toBe(true);
    await using _ = await closed(join(dir, 'closed'));
    for (const name of ['locks', 'none'])
      expect(await errorOf(play.run('core.lock_free', lockIn(join(dir, 'closed', name))))).toMatchObject({
        code: 'lock-not-read',
        evidence: { stderr: expect.stringContaining('Permission denied') },
      });
  });

  it.runIf(isRoot)('is neither free nor taken where its claim may not be read, or says nothing', async () => {
    await using ground = await openGround();
    const { play, dir } = ground;
    const place = join(dir, 'locks');
    await mkdir(place, { mode: 0o700 });
    const claim = join(place, 'main.json');
    await writeFile(claim, '{"run":"r1"}', { mode: 0o600 });
    const [owner] = (await play.host().must(['id', '-u', ordinaryUser])).stdout.split('\n').map(Number);
    await chown(place, owner ?? 0, 0);
    const { name, user, directory } = lockIn(place);
    const order = { name, user, directory, leaseSeconds: 30, patienceMs: 100 };
    const take = () => LiveLock.take(play.host(), { ...order, signal: AbortSignal.timeout(30_000) });
    expect(await errorOf(play.run('core.lock_free', lockIn(place)))).toMatchObject({ code: 'lock-not-read' });
    expect(await errorOf(take())).toMatchObject({
      code: 'lock-place',
      message: expect.stringContaining(`the claim ${claim} cannot be read`),
    });
    await writeFile(claim, '');
    await chown(claim, owner ?? 0, 0);
    expect(await errorOf(play.run('core.lock_free', lockIn(place)))).toMatchObject({ code: 'lock-place' });
    expect(await errorOf(take())).toMatchObject({ code: 'lock-place' });
  });
});

describe('the backups and the WAL that Barman has', () => {
  const look = (host: WriteHost) => readCatalogueAndArchives(host, userInfo().username);

  /** What is told of the servers; of one of which it is said that it could not be read, what there is to be seen. */
  function whatCounts(told: Awaited<ReturnType<typeof look>>, seen: typeof told) {
    return told.servers.map(({ name, backups, unread }) => {
      const [servers, archives] =
        unread === undefined ? [told.servers, told.archives] : [seen.servers, seen.archives];
      const archive = archives.find(({ server }) => server === name);
      return {
        name,
        archive,
        backups: unread === undefined ? backups : servers.find((one) => one.name === name)?.backups,
      };
    });
  }

  it('are not none where the look at them is cut off', async () => {
    await using ground = await localPlayground();
    await beside(ground, { systemId: OTHER }, async () => {
      await using _ = await fakePrograms({
        awk: 'case $(readlink /proc/self/fd/0) in *backup.info) kill -9 $PPID ;; esac; exec /usr/bin/awk "$@"',
      });
      expect(await errorOf(look(ground.play.host()))).toMatchObject({
        ...{ kind: 'failed', code: 'barman-not-answering' },
        message: expect.stringContaining('this does not mean that there are none'),
      });
    });
  });

  it.each(['awk', 'cat', 'cut', 'find', 'head', 'id', 'sed', 'sha256sum', 'sort', 'stat', 'tail', 'tr'])(
    'are told as they are, or not at all, without %s',
    async (tool) => {
      await using ground = await localPlayground();
      await beside(ground, { systemId: OTHER }, async () => {
        await mkdir(join(ground.dir, 'home/db1/wals/0000000100000000'), { recursive: true });
        await writeFile(join(ground.dir, 'home/db1/wals/0000000100000000/000000010000000000000003'), 'WAL');
        await using all = blindHost();
        const seen = await look(all.host);
        expect(seen.servers.map(({ backups }) => backups.length)).toEqual([1, 0]);
        await using _ = await fakePrograms({ [tool]: 'exit 127' });
        await using blind = blindHost();
        const told = await look(blind.host).catch((thrown: unknown) => thrown);
        if (told instanceof PitrError) expect(told.kind).toBe('failed');
        else expect(whatCounts(told as typeof seen, seen)).toEqual(whatCounts(seen, seen));
      });
    },
  );
});

describe('how a data directory is laid out', () => {
  it('cannot be told of one that may not be entered, or that lies in such a one', async () => {
    await using ground = await openGround();
    const data = join(ground.dir, 'volume/data');
    await mkdir(data, { recursive: true });
    await using ordinary = blindHost({ user: ordinaryUser });
    const layout = () => readLayout(ordinary.host, data);
    expect(await layout()).toMatchObject({ has_data: false });
    for (const place of [data, join(ground.dir, 'volume')]) {
      await using _ = await closed(place);
      expect(await errorOf(layout())).toMatchObject({
        ...{ kind: 'refused', code: 'layout-unknown' },
        next: [expect.stringContaining('become')],
      });
    }
  });

  it('tells of a link, and of linked WAL beside which the owner of the data can make nothing', async () => {
    await using ground = await openGround();
    const [data, wal] = ['volume/data', 'wal/main'].map((name) => join(ground.dir, name)) as [string, string];
    for (const place of [data, wal]) await mkdir(place, { recursive: true });
    await symlink(wal, join(data, 'pg_wal'));
    await symlink(data, join(ground.dir, 'main'));
    const host = ground.play.host();
    const layout = (place: string) => readLayout(host, place, ordinaryUser);
    expect(await layout(data)).not.toHaveProperty('link');
    await chmod(join(ground.dir, 'volume'), 0o755);
    expect(await layout(data)).toMatchObject({ data_closed: join(ground.dir, 'volume') });
    await chmod(join(ground.dir, 'volume'), 0o777);
    expect(await layout(data)).not.toHaveProperty('data_closed');
    expect(await layout(join(ground.dir, 'main'))).toMatchObject({ link: data });
    await chmod(join(ground.dir, 'wal'), 0o777);
    expect(await layout(data)).not.toHaveProperty('wal_closed');
    await chmod(join(ground.dir, 'wal'), 0o755);
    expect(await layout(data)).toMatchObject({
      ...{ wal, wal_closed: join(ground.dir, 'wal'), wal_closed_of_system: false },
    });
    const link = join(ground.dir, 'link');
    await symlink('/usr', link);
    expect(await layout(join(link, 'share'))).toMatchObject({
      ...{ data_closed: link, data_closed_of_system: true },
    });
  });

  it.each(['readlink', 'head', 'cut', 'grep', 'sed'])(
    'is told as it is, or not at all, without %s',
    async (tool) => {
      await using ground = await localPlayground();
      const data = join(ground.dir, 'data');
      await mkdir(data);
      await writeFile(join(data, 'postmaster.opts'), '/usr/bin/postgres "--config-file=/etc/pg/p.conf"\n');
      await using _ = await fakePrograms({ [tool]: 'exit 127' });
      // The file system of all is a mount point.
      for (const [place, expected] of [
        ['/', { mount_point: true }],
        [data, { mount_point: false, config_file: '/etc/pg/p.conf' }],
      ] as const) {
        const told = await readLayout(ground.play.host(), place).catch((thrown: unknown) => thrown);
        if (told instanceof Error) expect(told).toMatchObject({ code: 'layout-unknown' });
        else expect(told).toMatchObject(expected);
      }
    },
  );
});

describe('the file systems of a directory that is to be renamed, and of its new name', () => {
  const move = async ({ play, dir }: LocalPlayground) =>
    errorOf(play.run('fs.move', { src: join(dir, 'data'), dest: join(dir, 'old') }));

  it('cannot be told by a stat that does not know mount points', async () => {
    await using ground = await localPlayground();
    await mkdir(join(ground.dir, 'data'));
    await using _ = await fakePrograms({
      stat: `case $2 in *%m) shift 2; exec /usr/bin/stat -c '%d %i ?' "$@" ;; esac; exec /usr/bin/stat "$@"`,
    });
    expect(await move(ground)).toMatchObject({ kind: 'refused', code: 'mount-unknown' });
  });

  it('cannot be told where the look at them is cut off', async () => {
    await using ground = await localPlayground();
    await mkdir(join(ground.dir, 'data'));
    await using _ = await fakePrograms({
      stat: 'case $2 in *%m) kill -9 $PPID ;; esac; exec /usr/bin/stat "$@"',
    });
    expect(await move(ground)).toMatchObject({ kind: 'failed', code: 'look-broken-off' });
  });
});

describe('whether PostgreSQL can fetch WAL', () => {
  it('is not known where the test of one server gives no answer', async () => {
    await using ground = await localPlayground();
    await using _ = await fakePrograms({
      'barman-wal-restore': 'case "$*" in *" db2 "*) kill -9 $PPID ;; esac; exit 0',
    });
    const wish = {
      ...{ ssh: 'barman@nowhere', wal_method: 'barman-wal-restore' as const },
      pg_user: (await ground.play.host().must(['id', '-un'])).stdout.trim(),
    };
    const fetch = (servers: readonly string[]) => fetchable(ground.play.host(), { ...wish, servers });
    expect(await fetch(['db1'])).toEqual(['db1']);
    expect(await errorOf(fetch(['db1', 'db2']))).toMatchObject({
      ...{ kind: 'failed', code: 'wal-fetch-unknown', message: expect.stringMatching(/no answer for db2$/) },
    });
  });
});

describe('the number of the timeline to come', () => {
  it.each([
    ['is killed', 'kill -9 $$'],
    ['cannot log in (ssh ends with 255)', 'exit 255'],
    ['is not there', 'exec /nowhere/barman-wal-restore'],
  ])('is not free where the restore_command %s, and nothing is noted', async (_, end) => {
    await using ground = await localPlayground();
    const { play, dir } = ground;
    await mkdir(join(dir, 'pg_wal'));
    const user = (await play.host().must(['id', '-un'])).stdout.trim();
    const prove = (restoreCommand: string) =>
      proveFreeNumber(play.host(), { pgdata: dir, user }, restoreCommand, 1, AbortSignal.timeout(30_000));
    // 2 is taken; of 3 nobody tells.
    const taken = 'case %f in 00000002*) exit 0 ;; esac';
    expect(await errorOf(prove(`${taken}; ${end}`))).toMatchObject({
      ...{ kind: 'failed', code: 'timeline-number-unknown', message: expect.stringContaining('timeline 3') },
      state: expect.stringContaining('was not promoted'),
    });
    const noted = () => play.host().must(['ls', join(dir, 'pg_wal')]);
    expect((await noted()).stdout).toBe('');
    await prove(`${taken}; exit 1`);
    expect((await noted()).stdout).toBe('00000003.history.free\n');
  });
});

describe('the size of the WAL segments of restored data', () => {
  /** A backup as it is copied: no postmaster.opts names its programs, which lie in a place of their own. */
  async function restored({ dir }: LocalPlayground, version: string) {
    await mkdir(join(dir, 'data'), { mode: 0o700 });
    await writeFile(join(dir, 'data/PG_VERSION'), '99\n');
    await mkdir(join(dir, 'bin'));
    const control = `Database cluster state: in production
Database system identifier: 7
Latest checkpoint location: 0/2000060
Latest checkpoint's REDO location: 0/2000028
Latest checkpoint's TimeLineID: 1
Minimum recovery ending location: 0/0
Bytes per WAL segment: 16777216
max_connections setting: 777`;
    await writeFile(
      join(dir, 'bin/pg_controldata'),
      `#!/bin/sh
[ "$1" != --version ] || { echo 'pg_controldata (PostgreSQL) ${version}'; exit; }
[ "$1" = '${dir}/data' ] && cat <<'E'\n${control}\nE\n`,
      { mode: 0o755 },
    );
    return {
      ...{ directory: join(dir, 'data'), pgdata: join(dir, 'live'), target: 'latest', timeline: 1 },
      ...{ server: 'db1', servers: ['db1'], ssh: 'barman@nowhere', wal_method: 'barman-wal-restore' },
      ...{ spool: join(dir, 'wal'), user: userInfo().username },
    };
  }

  it.each(['99.1 (Debian 99.1-1)', '99devel'])(
    'is read by the programs that the inventory names, with all else that the control file tells: %s',
    async (version) => {
      await using ground = await localPlayground();
      const { play, dir } = ground;
      const recovery = await restored(ground, version);
      const rendered: unknown[] = [];
      play.template = (values) => {
        rendered.push(values);
        return '';
      };
      await play.run('postgres.recovery', { ...recovery, bin: join(dir, 'bin') });
      expect(rendered).toContainEqual(
        expect.objectContaining({ segment_size: '16777216', system_id: '0000000000000007' }),
      );
      expect(JSON.stringify(rendered)).toContain('{"name":"max_connections","value":"\'777\'"}');
    },
  );

  it('is not guessed where no program of its version can read its control file', async () => {
    await using ground = await localPlayground();
    const { play, dir } = ground;
    const recovery = await restored(ground, '98.1');
    for (const bin of [undefined, join(dir, 'bin'), join(dir, 'none')])
      expect(await errorOf(play.run('postgres.recovery', { ...recovery, bin }))).toMatchObject({
        ...{ kind: 'failed', code: 'segment-size-unknown' },
        next: [expect.stringContaining('pg_bin')],
      });
    expect((await play.run('postgres.recovery', { ...recovery, segment_size: 16777216 })).status).toBe(
      'changed',
    );
  });
});

describe('a cluster of which nobody tells the name', () => {
  it('is not paused before the inventory does', async () => {
    await using ground = await localPlayground();
    await using patroni = await FakePatroni.listening();
    const members = [{ name: 'db1', role: 'leader', state: 'running', timeline: 1 }];
    Object.assign(patroni.told, {
      '/cluster': { members },
      '/patroni': { role: 'primary', state: 'running', timeline: 1 },
    });
    await using _ = await fakePrograms({ patronictl: 'exit 1' });
    const asked = { port: patroni.port, config: join(ground.dir, 'nowhere.yml') };
    expect(await errorOf(ground.play.run('patroni.pause', asked))).toMatchObject({
      ...{ kind: 'failed', code: 'cluster-name-unknown' },
      next: [expect.stringContaining('patroni_cluster')],
    });
    expect(ground.play.journal).toEqual([]);
    const named = (await ground.play.check(['patroni.pause', { ...asked, cluster: 'main' }]))[0];
    expect(named?.summary).toBe('pause automatic failover');
  });
});

describe('the Patroni of a host', () => {
  it('is not told by a configuration that is not there, or that cannot be understood', async () => {
    await using ground = await localPlayground();
    await using _ = await pythonYaml();
    const config = join(ground.dir, 'patroni.yml');
    const discover = () => errorOf(discoverNode(ground.play.host(), config));
    const blind = { kind: 'failed', code: 'node-not-discovered' };
    expect(await discover()).toMatchObject(blind);
    await writeFile(config, '\u0000 no configuration');
    expect(await discover()).toMatchObject({
      ...blind,
      next: expect.arrayContaining([expect.stringContaining('patroni_config')]),
    });
  });
});
