import { type DatabaseHost, postgresBin } from '../topology.ts';
import type { MetalSecrets } from './secrets.ts';
import { commonServer, metalShape } from './shape.ts';
import type { MetalVariants } from './variants.ts';

/** The files of /etc/barman.d by name. Pure. */
export function barmanServers(variants: MetalVariants): Readonly<Record<string, string>> {
  const { members } = metalShape(variants);
  const file = (server: string, hosts: readonly DatabaseHost[]) => [
    `${server}.conf`,
    serverFile(server, hosts, variants),
  ];
  return Object.fromEntries(
    variants.barman === 'one' ? [file(commonServer, members)] : members.map((host) => file(host, [host])),
  );
}

function serverFile(server: string, hosts: readonly DatabaseHost[], variants: MetalVariants): string {
  const who = hosts.length > 1 ? ' target_session_attrs=read-write' : '';
  const login = `host=${hosts.join(',')} port=${variants.port} user=barman dbname=postgres connect_timeout=5${who}`;
  const [first = ''] = hosts;
  const lines: Readonly<Record<string, string>> = {
    description: `"PostgreSQL of ${hosts.join(', ')}"`,
    conninfo: login,
    streaming_conninfo: login,
    path_prefix: postgresBin,
    immediate_checkpoint: 'true',
    backup_method: variants.method,
    ...(variants.method === 'rsync'
      ? { ssh_command: `ssh -q postgres@${first}`, reuse_backup: 'link', backup_options: 'concurrent_backup' }
      : {}),
    archiver: variants.archiver === 'streaming' ? 'off' : 'on',
    ...(variants.archiver === 'command'
      ? {}
      : { streaming_archiver: 'on', slot_name: 'barman', create_slot: 'auto' }),
    ...(variants.compression === 'none' ? {} : { compression: variants.compression }),
    ...(variants.retention === 'tight' ? { retention_policy: 'REDUNDANCY 1' } : {}),
  };
  const text = Object.entries(lines).map(([name, value]) => `${name} = ${value}\n`);
  return `[${server}]\n${text.join('')}`;
}

/** Barman's .pgpass. */
export function barmanLogins(variants: MetalVariants, { barman }: MetalSecrets): string {
  return `*:${variants.port}:*:barman:${barman.replace(/[\\:]/g, '\\$&')}\n`;
}
