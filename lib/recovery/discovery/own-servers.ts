import type { BarmanServer } from '../barman/backups-on-disk.ts';
import type { NodeDiscovery } from './discover-node.ts';
import type { FoundMember, Learned } from './found.ts';

type Server = Pick<BarmanServer, 'name' | 'conninfoHosts' | 'conninfoPorts' | 'systemId'>;

interface Member extends Pick<FoundMember, 'name' | 'address'> {
  readonly node?: Pick<NodeDiscovery, 'port' | 'archive'>;
}

/** Barman's servers of a cluster: all of them, or why that is not known; and those of which it is certain in any case. */
export interface OwnServers<T> {
  readonly all: Learned<readonly T[]>;
  readonly certain: readonly T[];
}

/**
 * Barman's servers of the cluster with this system id. A host may serve another cluster as well: what a server has noted of
 * its cluster decides, and before its first backup the port. Where neither tells, it is not guessed; nor where a server that
 * leads to no member has the system id of the cluster, as it has of one that was restored from its backups.
 */
export function ownServers<T extends Server>(
  servers: readonly T[],
  members: readonly Member[],
  systemId: string | undefined,
): OwnServers<T> {
  const named = new Set(members.flatMap(({ node }) => node?.archive.server ?? []));
  const ports = new Set(members.flatMap(({ node }) => node?.port ?? []));
  const reaching = servers.filter((server) => members.some((member) => reaches(server, member)));
  const leads = (server: T): boolean => named.has(server.name) || reaching.includes(server);
  const alike = servers.filter(
    (server) => !leads(server) && server.systemId !== undefined && server.systemId === systemId,
  );
  const meant = servers.filter(leads);
  const other = (server: T): boolean =>
    server.systemId !== undefined && systemId !== undefined && server.systemId !== systemId;
  const doubtful = meant.filter(
    (server) =>
      !named.has(server.name) &&
      (server.systemId === undefined || systemId === undefined) &&
      !(server.conninfoPorts ?? []).some((port) => ports.has(port)),
  );
  const foreign = meant.filter((server) => other(server) && named.has(server.name));
  const own = meant.filter((server) => !other(server) && !doubtful.includes(server));
  const whys = [
    ...foreign.map(
      ({ name, systemId: id }) =>
        `an archive_command names ${name}, and ${name} holds another cluster (system id ${id ?? '?'})`,
    ),
    ...doubtful.map(
      ({ name, conninfoPorts = [] }) =>
        `whether ${name} is, which connects to a member by port ${conninfoPorts.join(', ')}, is not known`,
    ),
    ...alike.map(
      ({ name, conninfoHosts }) =>
        `whether ${name} is, which connects to ${conninfoHosts.join(', ') || 'no host that it names'} and has the system id of this cluster, as a copy of it has, too, is not known`,
    ),
  ];
  const names = own.map(({ name }) => name).join(', ');
  if (whys.length > 0) {
    const missing = [...(names === '' ? [] : [`${names} are of this cluster`]), ...whys].join('; ');
    return { all: { missing }, certain: own };
  }
  if (own.length > 0) return { all: { value: own }, certain: own };
  const missing = 'no server of Barman is named by an archive_command, and none connects to a member';
  return { all: { missing }, certain: own };
}

/** The server that a member is backed up by, where its archive_command does not name it; or why that is not known. */
export function serverFor<T extends Server>(
  member: Member,
  { all, certain }: OwnServers<T>,
): Learned<string> {
  const reaching = certain.filter((server) => reaches(server, member)).map(({ name }) => name);
  const [name] = reaching;
  if (name !== undefined)
    return reaching.length === 1
      ? { value: name }
      : { missing: `several servers of Barman connect to it: ${reaching.join(', ')}` };
  return 'missing' in all
    ? all
    : { missing: 'neither its archive_command nor the conninfo of a server of Barman names it' };
}

/**
 * The server whose WAL a node asks for to try its way to Barman: one that a node names, else one of the cluster. Of one that
 * is switched off Barman gives nothing.
 */
export function serverToTry(
  named: readonly string[],
  certain: readonly Pick<BarmanServer, 'name' | 'idle'>[],
): string | undefined {
  return named[0] ?? (certain.find(({ idle }) => idle.length === 0) ?? certain[0])?.name;
}

function reaches({ conninfoHosts }: Pick<Server, 'conninfoHosts'>, { name, address }: Member): boolean {
  return conninfoHosts.some((host) => host === name || host === address);
}
