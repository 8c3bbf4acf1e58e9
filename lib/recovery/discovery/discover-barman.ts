import { asPitrError } from '../../base/errors/pitr-error.ts';
import type { ReadHost } from '../../contract/host.ts';
import { probe } from '../../contract/probe.ts';
import { isSameHost } from '../../system/core/host-identity.ts';
import { readCatalogue } from '../barman/catalogue.ts';
import { fetchable, loginOf } from '../barman/node-access.ts';
import type { NodeDiscovery } from './discover-node.ts';
import type { Connect, DiscoveryWish, FoundMember } from './found.ts';
import { guesses, type Reach, reachWords } from './reach.ts';

/** A value, or why it could not be learned. */
export type Learned<T> = { readonly value: T } | { readonly missing: string };

/** What was learned of Barman, and of the ways between it and the nodes. */
export interface BarmanDiscovery {
  readonly reach: Learned<Reach>;
  readonly user: string;
  /** Of this cluster. */
  readonly servers: Learned<readonly string[]>;
  /** user@host, as the nodes reach it. */
  readonly ssh: Learned<string>;
  /** By member. */
  readonly nodes: Readonly<
    Record<string, { readonly server: Learned<string>; readonly restoreSsh: Learned<string> }>
  >;
}

const USER = 'barman';

/** Finds Barman by where the nodes send their WAL, or where that was said, and tries the ways in both directions. */
export async function discoverBarman(
  connect: Connect,
  wish: DiscoveryWish,
  members: readonly FoundMember[],
): Promise<BarmanDiscovery> {
  const logins = [...new Set(members.flatMap(({ node }) => node?.archive.ssh ?? []))];
  const [login] = logins;
  const user = login?.split('@')[0] ?? USER;
  const found = await findBarman(connect, wish, members, { login, user });
  if (!('host' in found)) {
    const missing = found.missing;
    return {
      reach: { missing },
      user,
      servers: namedByNodes(members, missing),
      ssh: login === undefined ? { missing } : { value: login },
      nodes: Object.fromEntries(
        members.map(({ name, node }) => [
          name,
          {
            server: node?.archive.server === undefined ? { missing } : { value: node.archive.server },
            restoreSsh: { missing },
          },
        ]),
      ),
    };
  }
  const { host, reach, servers } = found;
  const named = new Set(members.flatMap(({ node }) => node?.archive.server ?? []));
  const addresses = new Set(
    members.flatMap(({ name, address }) => [name, ...(address === undefined ? [] : [address])]),
  );
  const own = servers.filter(
    ({ name, conninfoHosts }) => named.has(name) || conninfoHosts.some((one) => addresses.has(one)),
  );
  const nodes = await Promise.all(
    members.map(async (member) => {
      const server = member.node?.archive.server ?? serverFor(member, own);
      const ssh = own.find(({ name }) => name === server)?.sshCommand;
      return [
        member.name,
        {
          server:
            server === undefined
              ? { missing: 'neither its archive_command nor the conninfo of a server of Barman names it' }
              : { value: server },
          restoreSsh: await wayTo(host, user, member, ssh),
        },
      ] as const;
    }),
  );
  return {
    reach: { value: reach },
    user,
    servers:
      own.length === 0
        ? { missing: 'no server of Barman is named by an archive_command, and none connects to a member' }
        : { value: own.map(({ name }) => name) },
    ssh: await wayBack(connect, members, login, { user, host, server: own[0]?.name }),
    nodes: Object.fromEntries(nodes),
  };
}

type Servers = Awaited<ReturnType<typeof readCatalogue>>['servers'];

function serverFor({ name, address }: FoundMember, servers: Servers): string | undefined {
  const reaching = servers.filter(({ conninfoHosts }) =>
    conninfoHosts.some((host) => host === name || host === address),
  );
  return reaching.length === 1 ? reaching[0]?.name : undefined;
}

function namedByNodes(members: readonly FoundMember[], missing: string): Learned<readonly string[]> {
  const named = [...new Set(members.flatMap(({ node }) => node?.archive.server ?? []))];
  return named.length === 0 ? { missing } : { value: named };
}

async function findBarman(
  connect: Connect,
  wish: DiscoveryWish,
  members: readonly FoundMember[],
  { login, user }: { readonly login: string | undefined; readonly user: string },
): Promise<
  { readonly host: ReadHost; readonly reach: Reach; readonly servers: Servers } | { readonly missing: string }
> {
  const at = login?.split('@')[1];
  const firstNames = members
    .flatMap(({ name, node }) => [name, node?.identity.name ?? ''])
    .filter((name) => name !== '');
  const tries =
    wish.barman !== undefined ? [wish.barman] : at === undefined ? [] : guesses(wish.from, firstNames, [at]);
  const whys: string[] = [];
  const attempt = async (reach: Reach) => {
    try {
      const host = connect('barman', reach);
      const { servers } = await readCatalogue(host, user);
      return { host, reach, servers };
    } catch (thrown) {
      const error = asPitrError(thrown);
      if (error.kind === 'interrupted') throw thrown;
      whys.push(`${reachWords(reach)}: ${error.message}`);
      return undefined;
    }
  };
  for (const reach of tries) {
    const found = await attempt(reach);
    if (found !== undefined) return found;
  }
  if (tries.length === 0) whys.push('no archive_command of a node names the host that Barman runs on');
  for (;;) {
    const reach = await wish.ask('barman', whys.join('; '));
    if (reach === undefined) return { missing: whys.join('; ') };
    const found = await attempt(reach);
    if (found !== undefined) return found;
  }
}

interface MemberToReach extends Pick<FoundMember, 'name' | 'address'> {
  readonly node?: Pick<NodeDiscovery, 'user' | 'identity'>;
}

/** How Barman logs in to a member: tried, and it must be that host that answers, as it has told itself who it is. */
export async function wayTo(
  barman: ReadHost,
  user: string,
  { name, address, node }: MemberToReach,
  configured: string | undefined,
): Promise<Learned<string>> {
  const login = node?.user ?? 'postgres';
  const tries = [
    ...(configured === undefined ? [] : [configured]),
    ...[address, name].flatMap((host) => (host === undefined ? [] : [`ssh -q ${login}@${host}`])),
  ];
  const whys: string[] = [];
  for (const ssh of new Set(tries)) {
    try {
      const { host } = await loginOf(barman, ssh, user);
      const same = node === undefined ? 'unknown' : isSameHost(node.identity, host);
      if (same === 'yes') return { value: ssh };
      const reached = `"${ssh}" reaches ${host.name ?? 'a host that does not tell its name'}`;
      whys.push(
        same === 'no' ? reached : `${reached}, and ${name} itself could not be asked whether it is that`,
      );
    } catch (thrown) {
      const error = asPitrError(thrown);
      if (error.kind === 'interrupted') throw thrown;
      whys.push(`"${ssh}": ${error.message}`);
    }
  }
  return { missing: whys.join('; ') };
}

/** How the nodes log in to Barman: as their archive_command says, else tried from one of them. */
async function wayBack(
  connect: Connect,
  members: readonly FoundMember[],
  login: string | undefined,
  barman: { readonly user: string; readonly host: ReadHost; readonly server: string | undefined },
): Promise<Learned<string>> {
  if (login !== undefined) return { value: login };
  const { server } = barman;
  if (server === undefined) return { missing: 'no server of Barman is known whose WAL a node could ask for' };
  const member = members.find(({ node, reach }) => node !== undefined && reach !== undefined);
  if (member?.reach === undefined) return { missing: 'no node could be asked' };
  const named = (await barman.host.query(probe(['hostname', '-f']))).stdout.trim();
  const ssh = `${barman.user}@${named}`;
  try {
    await fetchable(connect(member.name, member.reach), {
      ssh,
      servers: [server],
      wal_method: 'barman-get-wal',
      pg_user: member.node?.user ?? 'postgres',
    });
    return { value: ssh };
  } catch (thrown) {
    const error = asPitrError(thrown);
    if (error.kind === 'interrupted') throw thrown;
    return { missing: `${ssh}: ${error.message}` };
  }
}
