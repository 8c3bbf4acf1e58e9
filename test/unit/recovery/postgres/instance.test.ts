import { describe, expect, it } from 'vitest';
import { parseInstance, parseOptions, parsePidFile } from '../../../../lib/recovery/postgres/instance.ts';

const PATRONI = `@working yes 242 243
@because its processes work there
@version 15
@files
standby.signal
@opts
/usr/lib/postgresql/15/bin/postgres "-D" "/data/patroni2" "--config-file=/data/patroni2/postgresql.conf" "--listen_addresses=0.0.0.0" "--port=5431"
@pidfile
242
/data/patroni2
1795360011
5431
/var/run/postgresql
0.0.0.0
  1692119         0
ready   
@programs /usr/lib/postgresql/15/bin
`;

const ISOLATED = `@working yes 936
@because its processes work there
@version 15
@files
backup_label
pitr-recovery
@opts
/usr/lib/postgresql/15/bin/postgres "-D" "/data/patroni2" "-c" "listen_addresses=" "-c" "unix_socket_directories=/data/patroni2.pitr-run" "-c" "archive_command="
@pidfile
936
/data/patroni2
1795360011
5431
/data/patroni2.pitr-run

  1692119         0
standby 
`;

describe('an instance', () => {
  it('that was started isolated is known to have been opened by something else since', () => {
    const mine = PATRONI.replace('standby.signal', 'standby.signal\npitr-run');
    expect(parseInstance(mine).opened).toBe(true);
    expect(parseInstance(mine.replace('pitr-run', 'pitr-recovery\npitr-run')).opened).toBe(false);
    expect(parseInstance(PATRONI).opened).toBe(false);
  });

  it('of a member runs open, by the processes that work in its directory', () => {
    expect(parseInstance(PATRONI)).toMatchObject({
      data: 'present',
      running: true,
      mode: 'open',
      pid: 242,
      port: 5431,
      socketDirectory: '/var/run/postgresql',
      status: 'ready',
      signal: 'standby',
      processes: [242, 243],
      programs: '/usr/lib/postgresql/15/bin',
      prepared: false,
    });
  });

  it('recovers as long as its signal file is there, though the control file still says how it was shut down', () => {
    const control = `@control
Database system identifier:           7711012496840089715
Database cluster state:               shut down
Latest checkpoint location:           0/4000060
Latest checkpoint's REDO location:    0/4000028
Latest checkpoint's TimeLineID:       1
Minimum recovery ending location:     0/0
Bytes per WAL segment:                16777216
`;
    const began = parseInstance(`${PATRONI}${control}`);
    expect(began.role).toBe('recovering');
    expect(parseInstance(`${PATRONI.replace('standby.signal\n', '')}${control}`).role).toBe('primary');
  });

  it('that listens nowhere is isolated, and its socket is found', () => {
    expect(parseInstance(ISOLATED)).toMatchObject({
      running: true,
      mode: 'isolated',
      socketDirectory: '/data/patroni2.pitr-run',
      status: 'standby',
      backupLabel: true,
      prepared: true,
      startedWith: [
        ['listen_addresses', ''],
        ['unix_socket_directories', '/data/patroni2.pitr-run'],
        ['archive_command', ''],
      ],
    });
  });

  it('does not run because of a postmaster.pid that a crash left behind', () => {
    const crashed = PATRONI.replace(/^@working.*\n@because.*$/m, '@working no');
    const state = parseInstance(crashed);
    expect(state.running).toBe(false);
    expect(state.pid).toBeUndefined();
  });

  it('still runs while only children of a killed postmaster are left', () => {
    const orphaned = PATRONI.replace('yes 242 243', 'yes 243');
    expect(parseInstance(orphaned)).toMatchObject({ running: true, processes: [243] });
  });

  it('is closed where the rules are kept aside', () => {
    expect(parseInstance(PATRONI.replace('standby.signal', 'pg_hba.conf.pitr-open')).mode).toBe('closed');
  });

  it.each(['@absent\n', '@working no\n'])('is absent where there is no data: %j', (answer) => {
    expect(parseInstance(answer)).toEqual({ data: 'absent', running: false, mode: 'open' });
  });
});

describe('postmaster.pid', () => {
  it('may be incomplete while PostgreSQL starts', () => {
    expect(parsePidFile(['12', '/data'])).toEqual({ pid: 12 });
    expect(parsePidFile([])).toBeUndefined();
  });
});

it('postmaster.opts keeps words with spaces and empty values together', () => {
  expect(parseOptions('/bin/postgres "-c" "log_line_prefix=%m [%p] " "-c" "ssl="')).toEqual([
    '/bin/postgres',
    '-c',
    'log_line_prefix=%m [%p] ',
    '-c',
    'ssl=',
  ]);
});
