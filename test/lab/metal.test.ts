import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { parseInvocation } from '../../lab/arguments.ts';
import { barmanLogins, barmanServers } from '../../lab/metal/barman-config.ts';
import { scriptFiles } from '../../lab/metal/debian-scripts.ts';
import { renderMetalInventory } from '../../lab/metal/inventory.ts';
import { patroniConfiguration } from '../../lab/metal/patroni-config.ts';
import { newSecrets } from '../../lab/metal/secrets.ts';
import { describeVariants, parseVariants, VARIANTS } from '../../lab/metal/variants.ts';

describe('the variants of a lab with systemd', () => {
  it('are the first ones where nothing is said, and what is said otherwise', () => {
    expect(parseVariants([])).toMatchObject({
      layout: 'patroni',
      port: '5432',
      sessions: '10',
      umask: '022',
    });
    expect(parseVariants(['layout=debian', 'members=5'])).toMatchObject({ layout: 'debian', members: '5' });
  });

  it.each([
    [['layuot=debian'], /no variant "layuot"; there are layout, /],
    [['layout=suse'], /layout cannot be "suse"; it is one of patroni, debian/],
    [['method=rsync'], /goes with barman=each/],
  ])('refuse %j and name what there is', (words, message) => {
    expect(() => parseVariants(words)).toThrow(message);
  });

  it('stand in the help, every one', () => {
    for (const name of Object.keys(VARIANTS)) expect(describeVariants()).toContain(`  ${name} `);
  });

  it('go with up --metal alone', () => {
    expect(parseInvocation(['up', '--metal', 'port=6432'])).toMatchObject({
      flavour: { variants: { port: '6432' } },
    });
    expect(() => parseInvocation(['up', 'port=6432'])).toThrow('unknown: port=6432');
    expect(() => parseInvocation(['down', '--metal'])).toThrow('--metal goes with up alone');
  });
});

describe('what a lab with systemd is configured with', () => {
  const secrets = newSecrets();
  const node = { host: 'db2', address: '10.0.0.2', etcd: 'etcd:2379' } as const;

  it('follows the variants on a node', () => {
    const words = ['layout=debian', 'listen=both', 'port=6432', 'rest=https', 'archiver=streaming'];
    expect(patroniConfiguration(node, parseVariants(words), secrets)).toMatchObject({
      name: 'db2',
      restapi: { listen: '10.0.0.2:8008', certfile: '/etc/patroni/rest.crt' },
      postgresql: {
        listen: '10.0.0.2,127.0.0.1:6432',
        config_dir: '/etc/postgresql/15/main',
        parameters: { archive_command: '/bin/true' },
      },
    });
  });

  it('makes clusters by scripts of its own where Debian is to keep the WAL on a volume', () => {
    const linked = parseVariants(['layout=debian', 'waldir=link']);
    const paths = scriptFiles(linked).map(({ path }) => path);
    expect(patroniConfiguration(node, linked, secrets)).toMatchObject({
      bootstrap: { method: 'pg_createcluster', pg_createcluster: { command: paths[0] } },
      postgresql: {
        create_replica_method: ['pg_clonecluster'],
        pg_clonecluster: { command: paths[1] },
        // Of a copy that pitr makes as Patroni would.
        basebackup: [{ checkpoint: 'fast' }, { waldir: '/srv/wal/15-main' }],
      },
    });
    for (const { content } of scriptFiles(linked)) expect(content).toContain('--waldir=/srv/wal/15-main');
    expect(scriptFiles(parseVariants(['layout=debian']))).toEqual([]);
    expect(patroniConfiguration(node, parseVariants(['layout=debian']), secrets)).toMatchObject({
      postgresql: { pg_clonecluster: { command: '/usr/share/patroni/pg_clonecluster_patroni' } },
    });
  });

  it('follows the variants on the backup host', () => {
    const one = barmanServers(parseVariants(['archiver=both', 'compression=gzip']));
    expect(Object.keys(one)).toEqual(['pgmain.conf']);
    expect(one['pgmain.conf']).toMatch(/host=db1,db2,db3 port=5432 .* target_session_attrs=read-write/);
    expect(one['pgmain.conf']).toMatch(/^slot_name = barman$/m);
    expect(one['pgmain.conf']).toMatch(/^compression = gzip$/m);
    expect(one['pgmain.conf']).not.toContain('retention_policy');
    const tight = barmanServers(parseVariants(['retention=tight']));
    expect(tight['pgmain.conf']).toMatch(/^retention_policy = REDUNDANCY 1$/m);
    const each = barmanServers(parseVariants(['barman=each', 'method=rsync', 'members=4']));
    expect(Object.keys(each)).toEqual(['db1.conf', 'db2.conf', 'db3.conf', 'db4.conf']);
  });

  it('escapes what ends a field of .pgpass', () => {
    const logins = barmanLogins(parseVariants([]), { ...secrets, barman: 'a:b\\c' });
    expect(logins).toBe('*:5432:*:barman:a\\:b\\\\c\n');
  });

  it('is an inventory with one host behind another, and one whose sudo asks', () => {
    const text = renderMetalInventory(parseVariants(['barman=each']), {
      ports: { barman: 1001, db1: 1002, db2: 1003, jump: 1004, etcd: 1005 },
      privateKeyFile: 'id_ed25519',
      knownHostsFile: 'known_hosts',
      sudoPassword: 'it\'s "a"',
    });
    expect(parse(text)).toMatchObject({
      all: {
        vars: { ansible_user: 'deploy', ansible_become: true, barman_servers: ['db1', 'db2', 'db3'] },
        children: {
          patroni: {
            hosts: {
              db1: { ansible_host: '127.0.0.1', ansible_port: 1002, barman_server: 'db1' },
              db2: { ansible_become_password: 'it\'s "a"' },
              db3: { ansible_host: 'db3', pitr_jump: 'deploy@127.0.0.1:1004' },
            },
          },
        },
      },
    });
  });
});
