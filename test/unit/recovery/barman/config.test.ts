import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../../../lib/recovery/barman/config.ts';
import { fixture } from './fixture.ts';

describe("Barman's configuration", () => {
  it.each([
    ['streaming_archiver = on', true],
    ['streaming_archiver = off', false],
    ['', false],
  ])('receives WAL by streaming: %j', (line, streams) => {
    const [server] = parseConfig([`[barman]\nbarman_home = /b\n[pg]\n${line}\n`]);
    expect(server?.streamingArchiver).toBe(streams);
  });

  it.each([
    ['host=db1 port=5433', ['db1'], [5433]],
    ["host = 'a,b' user=barman", ['a', 'b'], [5432, 5432]],
    ["host=a,b port='5433,5434'", ['a', 'b'], [5433, 5434]],
    ['host=a,b port=5433', ['a', 'b'], [5433, 5433]],
    ['host=fd00::11 port=5433', ['fd00::11'], [5433]],
    ['postgresql://barman:secret@db1:5433,db2/postgres?x=1', ['db1', 'db2'], [5433, 5432]],
    ['postgresql://[fd00::11]:5433,[fd00::12]/postgres', ['fd00::11', 'fd00::12'], [5433, 5432]],
    ['service=main', [], []],
  ])('names the hosts that conninfo leads to, and their ports: %s', (conninfo, hosts, ports) => {
    const [server] = parseConfig([`[barman]\nbarman_home = /b\n[pg]\nconninfo = ${conninfo}\n`]);
    expect(server?.conninfoHosts).toEqual(hosts);
    expect(server?.conninfoPorts).toEqual(ports);
  });

  it.each([
    ['of Barman 3.4', 'recovery_staging_path = /stage', '/stage'],
    ['replayed from Barman 3.15, by its manual', 'staging_path = /new\nstaging_location = remote', '/new'],
    ['replayed from Barman 3.15, by its manual', 'staging_location = remote', '/tmp'],
    // On Barman's own host, which is no place on the node.
    ['replayed from Barman 3.15, by its manual', 'staging_path = /new', undefined],
    ['replayed from Barman 3.15, by its manual', 'staging_path = /new\nstaging_location = local', undefined],
  ])('where a packed backup is unpacked on the node, %s: %j', (_, lines, expected) => {
    const [server] = parseConfig([`[barman]\nbarman_home = /b\n[pg]\n${lines}\n`]);
    expect(server?.stagingPath).toBe(expected);
  });

  it.each([
    ['', '', undefined],
    ['', 'local_staging_path = /all', '/all'],
    ['local_staging_path = /own', 'local_staging_path = /all', '/own'],
  ])(
    'where backups are put together on its own host, replayed from Barman 3.11: %j, for all %j',
    (own, all, expected) => {
      const [server] = parseConfig([`[barman]\nbarman_home = /b\n${all}\n[pg]\n${own}\n`]);
      expect(server?.localStagingPath).toBe(expected);
    },
  );

  it.each([
    ['', { remote: false, path: '/tmp' }],
    ['staging_path = /new', { remote: false, path: '/new' }],
    ['staging_path = /new\nlocal_staging_path = /old', { remote: false, path: '/new' }],
    ['local_staging_path = /old', { remote: false, path: '/old' }],
    ['staging_location = remote\nstaging_path = /new', { remote: true, path: '/new' }],
    ['staging_location = remote\nrecovery_staging_path = /old', { remote: true, path: '/old' }],
  ])(
    'where differences are put together, replayed from Barman 3.15, by its manual: %j',
    (lines, expected) => {
      const [server] = parseConfig([`[barman]\nbarman_home = /b\n[pg]\n${lines}\n`]);
      expect(server?.staging).toEqual(expected);
    },
  );

  it.each([
    ['active = false', '', ['inactive: active = false in /etc/barman.d/pg.conf']],
    ['active: OFF', '', ['inactive: active = OFF in /etc/barman.d/pg.conf']],
    ['active = 0', '', ['inactive: active = 0 in /etc/barman.d/pg.conf']],
    ['active = "no"', '', ['inactive: active = "no" in /etc/barman.d/pg.conf']],
    ['active = true', '', []],
    ['', '', []],
    // Barman calls it invalid, and takes the default.
    ['active = never', '', []],
    // It is not inherited.
    ['', 'active = false', []],
    [
      'primary_ssh_command = ssh barman@a',
      '',
      ['passive: primary_ssh_command = ssh barman@a in /etc/barman.d/pg.conf'],
    ],
    [
      '',
      'primary_ssh_command = ssh barman@a',
      ['passive: primary_ssh_command = ssh barman@a in /etc/barman.conf'],
    ],
    [
      'primary_ssh_command = ssh -o Port=',
      '',
      ['passive: primary_ssh_command = ssh -o Port= in /etc/barman.d/pg.conf'],
    ],
    ['primary_ssh_command =', 'primary_ssh_command = ssh barman@a', []],
    ['primary_ssh_command = None', 'primary_ssh_command = ssh barman@a', []],
  ])('passes over servers: %j, for all %j', (own, all, expected) => {
    const [server] = parseConfig([
      { file: '/etc/barman.conf', text: `[barman]\nbarman_home = /b\n${all}\n` },
      { file: '/etc/barman.d/pg.conf', text: `[pg]\n${own}\n` },
    ]);
    expect(server?.idle.map(({ kind, line, file }) => `${kind}: ${line} in ${file}`)).toEqual(expected);
  });

  it('of the lab tells where everything lies', () => {
    expect(parseConfig([fixture('barman.conf'), fixture('db1.conf')])).toEqual([
      {
        name: 'db1',
        description: 'Patroni node db1',
        directory: '/var/lib/barman/db1',
        idle: [],
        basebackups: '/var/lib/barman/db1/base',
        meta: '/var/lib/barman/db1/meta',
        wals: '/var/lib/barman/db1/wals',
        incoming: '/var/lib/barman/db1/incoming',
        streaming: '/var/lib/barman/db1/streaming',
        streamingArchiver: false,
        retention: { policy: undefined, minimum: 0 },
        sshCommand: 'ssh -q postgres@db1',
        conninfoHosts: ['db1'],
        conninfoPorts: [5431],
        stagingPath: undefined,
        localStagingPath: undefined,
        staging: { remote: false, path: '/tmp' },
        errors: '/var/lib/barman/db1/errors',
        xlogDbs: ['/var/lib/barman/db1/wals/xlog.db', '/var/lib/barman/db1/wals/db1-xlog.db'],
      },
    ]);
  });

  it('may move each directory, and refer to other values', () => {
    const [server] = parseConfig([
      `[barman]
; a comment
barman_home: /srv/barman/
xlogdb_directory = /fast/%(name)s
[main]
backup_directory = "/big/%(name)s"
WALS_DIRECTORY = /wal/%(name)s/100%%
description = one
  and more
`,
    ]);
    expect(server).toMatchObject({
      wals: '/wal/main/100%',
      basebackups: '/big/main/base',
      incoming: '/big/main/incoming',
      xlogDbs: ['/fast/main/xlog.db', '/fast/main/main-xlog.db'],
    });
  });

  it('a later file adds to a section, and models are no servers', () => {
    const servers = parseConfig([
      '[barman]\nbarman_home=/b\n[one]\nactive=true',
      '[one]\nwals_directory=/w\n[two]\nmodel = TRUE\ncluster=one',
    ]);
    expect(servers.map(({ name, wals }) => [name, wals])).toEqual([['one', '/w']]);
  });

  it('values that refer to each other in a circle end', () => {
    const [server] = parseConfig(['[barman]\nbarman_home=/b\n[x]\nwals_directory=%(a)s\na=%(b)s\nb=%(a)s']);
    expect(server?.name).toBe('x');
  });
});
