import { describe, expect, it } from 'vitest';
import { readArchiveCommand } from '../../../../lib/recovery/discovery/archive-command.ts';
import { parseNodeDiscovery } from '../../../../lib/recovery/discovery/discover-node.ts';
import { guesses, reachWords, readReach } from '../../../../lib/recovery/discovery/reach.ts';

describe('where an archive_command sends WAL', () => {
  it.each([
    ['barman-wal-archive -U barman barman db1 %p', { ssh: 'barman@barman', server: 'db1' }],
    ['/usr/bin/barman-wal-archive backup1 main %p', { ssh: 'barman@backup1', server: 'main' }],
    ['barman-wal-archive --user=bak --port 2222 backup1 main "%p"', { ssh: 'bak@backup1', server: 'main' }],
    ['barman-wal-archive -z -U barman 10.0.0.9 pg-main %p', { ssh: 'barman@10.0.0.9', server: 'pg-main' }],
    [
      'rsync -a %p barman@backup1:/var/lib/barman/main/incoming/%f',
      { ssh: 'barman@backup1', server: 'main' },
    ],
    ['test ! -f x && rsync %p barman@b:/srv/pg1/incoming/%f', { ssh: 'barman@b', server: 'pg1' }],
    ['ssh barman@backup1 barman put-wal main', { ssh: 'barman@backup1', server: 'main' }],
    ['cp %p /srv/archive/%f', {}],
    ['/bin/true', {}],
    ['', {}],
    ["an open ' quote", {}],
  ])('%s', (command, expected) => {
    expect(readArchiveCommand(command)).toEqual(expected);
  });
});

describe('how a host is reached', () => {
  it.each([
    ['docker:pg-1', { ansible_connection: 'docker', ansible_host: 'pg-1' }],
    ['pg1', { ansible_connection: 'ssh', ansible_host: 'pg1' }],
    [
      'deploy@pg1.example.com',
      { ansible_connection: 'ssh', ansible_host: 'pg1.example.com', ansible_user: 'deploy' },
    ],
    [
      'root@[fd00::2]:2222',
      { ansible_connection: 'ssh', ansible_host: 'fd00::2', ansible_port: 2222, ansible_user: 'root' },
    ],
  ])('%s', (where, reach) => {
    expect(readReach(where)).toEqual(reach);
  });

  it.each(['', 'docker:', 'a b', 'x@', 'host:port', '-oProxyCommand=x', 'a@b@c'])('not by %j', (where) => {
    expect(readReach(where)).toBeUndefined();
  });

  it('is guessed by the name of the first container', () => {
    const first = { ansible_connection: 'docker', ansible_host: 'prod-db1' };
    expect(guesses(first, ['db1'], ['db2', '10.0.0.2']).map(reachWords)).toEqual([
      'docker:prod-db2',
      'docker:prod-10.0.0.2',
      'docker:db2',
      'docker:10.0.0.2',
    ]);
  });

  it('is guessed by the login of the first host, without its port', () => {
    const first = {
      ansible_connection: 'ssh',
      ansible_host: '127.0.0.1',
      ansible_port: 2201,
      ansible_user: 'deploy',
    };
    expect(guesses(first, ['db1'], ['db2', 'db2']).map(reachWords)).toEqual(['deploy@db2']);
  });
});

const ANSWER = `@config /etc/patroni/config.yml
@host pg1
@boot 6ab3e0c2
@user postgres
@systemd patroni
@tell
 {"name": "pg1", "scope": "main", "data": "/srv/pg/15", "bin": null, "kept": "/etc/postgresql/15/main", "rest": "10.0.0.1:8008", "listen": "10.0.0.1,127.0.0.1:5432", "archive": "barman-wal-archive b main %p"}
@port 6432
@bin /usr/lib/postgresql/15/bin
@version postgres (PostgreSQL) 15.18 (Debian 15.18-1)
@wal /wal/15
@end
`;

describe('what a node tells of itself', () => {
  it('is read from its processes and from the configuration of Patroni', () => {
    expect(parseNodeDiscovery(ANSWER)).toEqual({
      member: 'pg1',
      cluster: 'main',
      identity: { name: 'pg1', boot: '6ab3e0c2' },
      config: '/etc/patroni/config.yml',
      user: 'postgres',
      service: { manager: 'systemd', name: 'patroni' },
      restPort: 8008,
      pgdata: '/srv/pg/15',
      bin: '/usr/lib/postgresql/15/bin',
      port: 6432,
      version: '15.18',
      configDirectory: '/etc/postgresql/15/main',
      wal: '/wal/15',
      archiveCommand: 'barman-wal-archive b main %p',
    });
  });

  it('is not made up where Patroni is configured by its environment', () => {
    const without = ANSWER.replace('"scope": "main"', '"scope": null');
    expect(() => parseNodeDiscovery(without)).toThrow('does not tell name, scope and postgresql.data_dir');
  });

  it('is not believed where the answer was cut off', () => {
    expect(() => parseNodeDiscovery(ANSWER.slice(0, 60))).toThrow();
  });
});
