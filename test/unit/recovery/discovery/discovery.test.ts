import { describe, expect, it } from 'vitest';
import { PitrError } from '../../../../lib/base/errors/pitr-error.ts';
import { readArchiveCommand } from '../../../../lib/recovery/discovery/archive-command.ts';
import { agreedLogin, discoverBarman } from '../../../../lib/recovery/discovery/discover-barman.ts';
import { parseNodeDiscovery } from '../../../../lib/recovery/discovery/discover-node.ts';
import { whyNotMember } from '../../../../lib/recovery/discovery/discover-site.ts';
import { guesses, reachWords, readReach } from '../../../../lib/recovery/discovery/reach.ts';

describe('where an archive_command sends WAL', () => {
  it.each([
    ['barman-wal-archive -U barman barman db1 %p', { ssh: 'barman@barman', server: 'db1' }],
    ['/usr/bin/barman-wal-archive backup1 main %p', { ssh: 'barman@backup1', server: 'main' }],
    [
      'barman-wal-archive --user=bak --port 2222 backup1 main "%p"',
      { ssh: 'bak@backup1', server: 'main', port: 2222 },
    ],
    ['barman-wal-archive --port=2222 backup1 main %p', { ssh: 'barman@backup1', server: 'main', port: 2222 }],
    [
      'rsync -a -e "ssh -p 2222" %p barman@b:/srv/pg1/incoming/%f',
      { ssh: 'barman@b', server: 'pg1', port: 2222 },
    ],
    ['rsync -a -p %p barman@b:/srv/pg1/incoming/%f', { ssh: 'barman@b', server: 'pg1' }],
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
    // What is told of it can be typed as it stands.
    expect(reachWords(reach)).toBe(where);
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
 {"name": "pg1", "scope": "main", "data": "/srv/pg/15", "bin": null, "kept": "/etc/postgresql/15/main", "rest": "10.0.0.1:8008", "listen": "10.0.0.1,127.0.0.1:5432", "system": "7300", "archive": "barman-wal-archive b main %p"}
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
      systemId: '7300',
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

  it('is run by supervisor where that names its process, whatever unit that is in', () => {
    const both = ANSWER.replace('@systemd patroni', '@systemd cluster\n@supervisor patroni');
    expect(parseNodeDiscovery(both).service).toEqual({ manager: 'supervisor', name: 'patroni' });
  });

  it('has the user that owns the data where no Patroni runs, and none where neither tells', () => {
    const down = ANSWER.replace('@user postgres\n', '');
    expect(parseNodeDiscovery(down).user).toBeUndefined();
    expect(parseNodeDiscovery(down.replace('@port', '@owner pg15\n@port')).user).toBe('pg15');
  });

  it('is not made up where Patroni is configured by its environment', () => {
    const without = ANSWER.replace('"scope": "main"', '"scope": null');
    expect(() => parseNodeDiscovery(without)).toThrow('does not tell name, scope and postgresql.data_dir');
  });

  it.each([
    ['"name": "pg1"', '"name": "pg1\\nall:"', 'name'],
    ['"scope": "main"', '"scope": "main\\u2028all:"', 'scope'],
    ['"data": "/srv/pg/15"', '"data": "/srv/{{ ansible_password }}"', 'data_dir'],
    ['"kept": "/etc/postgresql/15/main"', '"kept": "/etc\\r    pgdata: /"', 'config_dir'],
  ])('is refused where it would be more than a name or a path in an inventory: %s', (was, is, what) => {
    expect(ANSWER).toContain(was);
    expect(() => parseNodeDiscovery(ANSWER.replace(was, is))).toThrow(`{{ in ${what}: `);
  });

  it('is not believed where the answer was cut off', () => {
    expect(() => parseNodeDiscovery(ANSWER.slice(0, 60))).toThrow();
  });
});

describe('who answers in the place of a member', () => {
  const first = { cluster: 'main', systemId: '1' };
  const answers = { cluster: 'main', member: 'db2', systemId: '1' };
  const { systemId: _, ...without } = answers;

  it('is that member where name, cluster and system id are its own', () => {
    expect(whyNotMember(first, answers, 'db2', false)).toBeUndefined();
  });

  it('is not where the cluster only has the same names', () => {
    const other = { ...answers, systemId: '2' };
    const why = 'there is another cluster of the same name (system id 2, and not 1)';
    expect(whyNotMember(first, other, 'db2', false)).toBe(why);
    expect(whyNotMember(first, other, 'db2', true)).toBe(why);
  });

  it('is not where it is another member, or of another cluster', () => {
    expect(whyNotMember(first, answers, 'db3', true)).toBe('there is member db2 of cluster main');
    expect(whyNotMember(first, { ...answers, cluster: 'x' }, 'db2', true)).toContain('of cluster x');
  });

  it('is taken without data only where somebody has said that it is there', () => {
    expect(whyNotMember(first, without, 'db2', true)).toBeUndefined();
    expect(whyNotMember(first, without, 'db2', false)).toMatch(/^whether it is of this cluster/);
    expect(whyNotMember({ cluster: 'main' }, answers, 'db2', false)).toMatch(
      /^whether it is of this cluster/,
    );
  });
});

describe('how the nodes log in to Barman', () => {
  const of = (...commands: readonly string[]) =>
    agreedLogin(
      commands.map((command) => ({
        node: { ...parseNodeDiscovery(ANSWER), archive: readArchiveCommand(command) },
      })),
    );

  it('is what their archive_commands say alike', () => {
    const alike = of('barman-wal-archive b main %p', '/bin/true', 'barman-wal-archive --port 22 b db2 %p');
    expect(alike).toEqual({ value: 'barman@b' });
  });

  it('is not chosen where they differ', () => {
    const told = of('barman-wal-archive b main %p', 'barman-wal-archive old main %p');
    expect(told).toEqual({ missing: 'the archive_commands of the nodes differ: barman@b, barman@old' });
  });

  it('is left open where a port belongs to it', () => {
    expect(of('barman-wal-archive --port 2222 b main %p')).toMatchObject({
      missing: expect.stringContaining('port 2222 of barman@b'),
    });
  });

  it('is not known where none of them tells', () => {
    expect(of('/bin/true')).toMatchObject({ missing: expect.stringContaining('no archive_command') });
  });
});

it('what Barman itself was not asked for is left open, with what the nodes name', async () => {
  const reach = { ansible_connection: 'ssh', ansible_host: 'pg1' };
  const node = {
    ...parseNodeDiscovery(ANSWER),
    archive: readArchiveCommand('barman-wal-archive -U bak b main %p'),
  };
  const tried: string[] = [];
  const connect = (name: string): never => {
    tried.push(name);
    throw new PitrError({ kind: 'failed', code: 'x', message: 'no answer' });
  };
  const wish = { from: reach, hosts: new Map(), ask: async () => undefined };
  const told = await discoverBarman(connect, wish, [{ name: 'pg1', reach, node }], '7300');
  expect(told).toMatchObject({
    reach: { missing: 'b: no answer' },
    user: { value: 'bak' },
    servers: { missing: 'archive_commands name main; b: no answer' },
    // Tried, and not taken on trust.
    ssh: { missing: 'bak@b: no answer' },
    nodes: { pg1: { server: { value: 'main' } } },
  });
  expect(tried).toEqual(['barman', 'pg1']);
});
