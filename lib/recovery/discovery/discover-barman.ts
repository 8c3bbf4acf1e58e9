import { asPitrError } from '../../base/errors/pitr-error.ts';
import type { ReadHost } from '../../contract/host.ts';
import { probe } from '../../contract/probe.ts';
import { isSameHost } from '../../system/core/host-identity.ts';
import { readCatalogue } from '../barman/catalogue.ts';
import { fetchable, loginOf } from '../barman/node-access.ts';
import type { NodeDiscovery } from './discover-node.ts';
import type { Connect, DiscoveryWish, FoundMember, Learned } from './found.ts';
import { ownServers, serverFor, serverToTry } from './own-servers.ts';
import { guesses, type Reach, reachWords } from './reach.ts';

/** What was learned of Barman, and of the ways between it and the nodes. */
export interface BarmanDiscovery {
  readonly reach: Learned<Reach>;
  readonly user: Learned<string>;
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
  systemId: string | undefined,
): Promise<BarmanDiscovery> {
  const login = agreedLogin(members);
  const user = onlyOne(loginsOf(members).map((one) => one.split('@')[0]));
  const named = [...new Set(members.flatMap(({ node }) => node?.archive.server ?? []))];
  const found = await findBarman(connect, wish, members, { login, user: user ?? USER });
  if (!('host' in found)) {
    const missing = found.missing;
    return {
      reach: { missing },
      user: user === undefined ? { missing } : { value: user },
      // There may be others, of nodes that have led before.
      servers: {
        missing: named.length === 0 ? missing : `archive_commands name ${named.join(', ')}; ${missing}`,
      },
      ssh: await wayBack(connect, members, login, named[0]),
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
  const own = ownServers(servers, members, systemId);
  const nodes = await Promise.all(
    members.map(async (member) => {
      const said = member.node?.archive.server;
      const server = said === undefined ? serverFor(member, own) : { value: said };
      const configured = servers.find(({ name }) => 'value' in server && name === server.value)?.sshCommand;
      return [
        member.name,
        {
          server,
          restoreSsh: await wayTo(host, user ?? USER, member, configured),
        },
      ] as const;
    }),
  );
  return {
    reach: { value: reach },
    // Its catalogue was read as this user.
    user: { value: user ?? USER },
    servers: 'value' in own.all ? { value: own.all.value.map(({ name }) => name) } : own.all,
    ssh: await wayBack(
      connect,
      members,
      await orByName(login, members, host, user ?? USER),
      serverToTry(named, own.certain),
    ),
    nodes: Object.fromEntries(nodes),
  };
}

type Servers = Awaited<ReturnType<typeof readCatalogue>>['servers'];

/** How the nodes log in to Barman by their archive_command. Not chosen where they differ, or it is not all of it. */
export function agreedLogin(members: readonly Pick<FoundMember, 'node'>[]): Learned<string> {
  const logins = loginsOf(members);
  const [login] = logins;
  if (login === undefined) return { missing: NO_LOGIN };
  if (logins.length > 1) return { missing: `the archive_commands of the nodes differ: ${logins.join(', ')}` };
  const ports = members.flatMap(({ node }) => node?.archive.port ?? []);
  const port = ports.find((one) => one !== 22);
  if (port === undefined) return { value: login };
  return {
    missing: `archive_command leads to port ${port} of ${login}, and there is no place for a port here: set it in ~/.ssh/config of the nodes`,
  };
}

function loginsOf(members: readonly Pick<FoundMember, 'node'>[]): readonly string[] {
  return [...new Set(members.flatMap(({ node }) => node?.archive.ssh ?? []))];
}

function onlyOne<T>(values: readonly T[]): T | undefined {
  const [value] = new Set(values);
  return new Set(values).size === 1 ? value : undefined;
}

const NO_LOGIN = 'no archive_command of a node names the host that Barman runs on';

/** Where no archive_command names it, Barman's host by the name that it has for itself. */
async function orByName(
  login: Learned<string>,
  members: readonly Pick<FoundMember, 'node'>[],
  host: ReadHost,
  user: string,
): Promise<Learned<string>> {
  if ('value' in login || members.some(({ node }) => node?.archive.ssh !== undefined)) return login;
  const name = (await host.query(probe(['hostname', '-f']))).stdout.trim();
  return name === ''
    ? { missing: `${NO_LOGIN}, and that host does not tell its name` }
    : { value: `${user}@${name}` };
}

async function findBarman(
  connect: Connect,
  wish: DiscoveryWish,
  members: readonly FoundMember[],
  { login, user }: { readonly login: Learned<string>; readonly user: string },
): Promise<
  { readonly host: ReadHost; readonly reach: Reach; readonly servers: Servers } | { readonly missing: string }
> {
  const at = onlyOne(loginsOf(members).map((one) => one.split('@')[1]));
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
  if (tries.length === 0) whys.push('missing' in login ? login.missing : NO_LOGIN);
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

/** How the nodes log in to Barman, tried from one of them: by its own test of a server, as the user of PostgreSQL. */
async function wayBack(
  connect: Connect,
  members: readonly FoundMember[],
  login: Learned<string>,
  server: string | undefined,
): Promise<Learned<string>> {
  if ('missing' in login) return login;
  const { value: ssh } = login;
  if (server === undefined)
    return { missing: `"${ssh}" was not tried: no server of Barman is known whose WAL a node could ask for` };
  const member = members.find(({ node, reach }) => node?.user !== undefined && reach !== undefined);
  if (member?.reach === undefined || member.node?.user === undefined)
    return { missing: `"${ssh}" was not tried: no node could be asked` };
  try {
    await fetchable(connect(member.name, member.reach), {
      ssh,
      servers: [server],
      wal_method: 'barman-get-wal',
      pg_user: member.node.user,
    });
    return { value: ssh };
  } catch (thrown) {
    const error = asPitrError(thrown);
    if (error.kind === 'interrupted') throw thrown;
    return { missing: `${ssh}: ${error.message}` };
  }
}
