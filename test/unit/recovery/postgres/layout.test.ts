import { describe, expect, it } from 'vitest';
import { parseLayout } from '../../../../lib/recovery/postgres/layout.ts';

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
      parse('@mounted', '@data', '@wal /srv/wal/15 main', '@walmounted', '@tablespace /srv/fast'),
    ).toEqual({
      mount_point: true,
      has_data: true,
      wal: '/srv/wal/15 main',
      wal_mount_point: true,
      tablespaces: ['/srv/fast'],
      fixed: [],
    });
  });

  it('is not known where the answer is not whole', () => {
    expect(parseLayout('@real /d\n', '/d')).toBeUndefined();
    expect(parseLayout('', '/d')).toBeUndefined();
  });
});
