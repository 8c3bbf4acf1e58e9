import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Probe } from '../../../../lib/contract/probe.ts';
import { parseLayout, readLayout } from '../../../../lib/recovery/postgres/layout.ts';

const DATA = '/var/lib/postgresql/15/main';
const parse = (...lines: string[]) =>
  parseLayout(`${[`@real ${DATA}`, ...lines, '@end'].join('\n')}\n`, DATA);

describe('the layout of a data directory', () => {
  it('is plain where nothing is said', () => {
    expect(parse()).toEqual({
      mount_point: false,
      has_data: false,
      wal_mount_point: false,
      tablespaces: [],
      tablespace_oids: [],
      fixed: [],
    });
  });

  it('has its configuration outside where the last start was told so, by Patroni or by hand', () => {
    const patroni =
      '@opts /usr/lib/postgresql/15/bin/postgres "-D" "/d" "--config-file=/etc/postgresql/15/main/postgresql.conf"';
    expect(parse(patroni)?.config_file).toBe('/etc/postgresql/15/main/postgresql.conf');
    expect(parse('@opts /bin/postgres "-c" "config_file=/etc/pg/p.conf"')?.config_file).toBe(
      '/etc/pg/p.conf',
    );
    expect(parse(`@opts /bin/postgres "--config-file=${DATA}/postgresql.conf"`)?.config_file).toBeUndefined();
    expect(parse('@unconfigured')?.config_file).toBe('a place outside');
  });

  it('knows mount points, linked WAL and tablespaces', () => {
    expect(
      parse(
        '@mounted',
        '@data',
        '@wal /srv/wal/15 main',
        '@walmounted',
        '@tablespace /srv/fast',
        '@oid 16400',
      ),
    ).toEqual({
      mount_point: true,
      has_data: true,
      wal: '/srv/wal/15 main',
      wal_mount_point: true,
      tablespaces: ['/srv/fast'],
      tablespace_oids: [16400],
      fixed: [],
    });
  });

  it('is not known where the answer is not whole', () => {
    expect(parseLayout('@real /d\n', '/d')).toBeUndefined();
    expect(parseLayout('', '/d')).toBeUndefined();
  });
});

describe('a place in which the owner of the data can make nothing', () => {
  it.each([
    ...['/', '/srv', '/opt', '/home', '/var', '/var/lib', '/var/opt', '/lib64', '/etc/pg'].map(
      (above) => [above, '', true] as const,
    ),
    ...['/usr', '/usr/local/pgsql'].map((above) => [above, above, true] as const),
    ...['/pgdata', '/srv/pg', '/var/lib/postgresql', '/home/postgres', '/library', '/users'].map(
      (above) => [above, above, false] as const,
    ),
    ['/data/pg', '/srv', true] as const,
  ])('is one of the system, or not: %s, which leads to "%s": %s', async (above, leadsTo, ofSystem) => {
    const query = async ({ argv, user }: Probe) => ({
      ...{ argv, exitCode: 0, stderr: '', durationMs: 0, timedOut: false },
      stdout: user === undefined ? `@real ${above}/main\n@end\n` : `@closed ${leadsTo}\n@end\n`,
    });
    const host = { name: 'here', query } as unknown as Parameters<typeof readLayout>[0];
    expect(await readLayout(host, `${above}/main`.replace('//', '/'), 'postgres')).toMatchObject({
      data_closed: above,
      data_closed_of_system: ofSystem,
    });
  });
});

/** In a container root may not, as a rule. */
const mayMount = spawnSync('unshare', ['-m', 'true']).status === 0;

describe.runIf(mayMount)('mount points of a data directory', () => {
  /** Its layout where something is mounted at these places, which nobody else sees. */
  async function layoutWith(...mounts: readonly string[]) {
    const dir = await mkdtemp(join(tmpdir(), 'pitr-layout-'));
    onTestFinished(() => rm(dir, { recursive: true }));
    const data = join(dir, 'a b\\c 7');
    for (const name of ['base/8', '../wal d', '../a b', '../a b\\c 71'])
      await mkdir(join(data, name), { recursive: true });
    await writeFile(join(data, 'PG_VERSION'), '15\n');
    await symlink(join(dir, 'wal d'), join(data, 'pg_wal'));
    const at = mounts.map((name) => join(data, name));
    const bind = 'while [ "$1" != -- ]; do mount --bind "$1" "$1" || exit; shift; done; shift; exec "$@"';
    const query = async ({ argv }: Probe) => {
      const words = ['-m', 'sh', '-c', bind, 'sh', ...at, '--', ...argv];
      const { status, stdout, stderr } = spawnSync('unshare', words, { encoding: 'utf8' });
      return { argv, exitCode: status ?? 1, stdout, stderr, durationMs: 0, timedOut: false };
    };
    const told = await readLayout(
      { name: 'here', query } as unknown as Parameters<typeof readLayout>[0],
      data,
    );
    return { ...told, fixed: told.fixed.map((words) => words.replace(data, 'DATA')) };
  }

  it('are told by their names, whatever stands in those', async () => {
    const none = { mount_point: false, wal_mount_point: false, fixed: [] };
    expect(await layoutWith()).toMatchObject(none);
    expect(await layoutWith('../a b', '../a b\\c 71')).toMatchObject(none);
    expect(await layoutWith('.')).toMatchObject({ ...none, mount_point: true });
    expect(await layoutWith('../wal d')).toMatchObject({ ...none, wal_mount_point: true });
    expect(await layoutWith('base', 'base/8')).toMatchObject({
      ...none,
      fixed: ['DATA/base is a mount point', 'DATA/base/8 is a mount point'],
    });
  });
});
