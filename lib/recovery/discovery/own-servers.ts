import type { BarmanServer } from '../barman/backups-on-disk.ts';
import type { NodeDiscovery } from './discover-node.ts';
import type { FoundMember, Learned } from './found.ts';

type Server = Pick<BarmanServer, 'name' | 'conninfoHosts' | 'conninfoPorts' | 'systemId'>;

interface Member extends Pick<FoundMember, 'name' | 'address'> {
  readonly node?: Pick<NodeDiscovery, 'port' | 'archive'>;
}

/**
 * Barman's servers of the cluster with this system id. A host may serve another cluster as well: what a server has noted of
 * its cluster decides, and before its first backup the port. Where neither tells, it is not guessed.
 */
export function ownServers<T extends Server>(
  servers: readonly T[],
  members: readonly Member[],
  systemId: string | undefined,
): Learned<readonly T[]> {
  const named = new Set(members.flatMap(({ node }) => node?.archive.server ?? []));
  const ports = new Set(members.flatMap(({ node }) => node?.port ?? []));
  const reaching = servers.filter((server) => members.some((member) => reaches(server, member)));
  const meant = servers.filter((server) => named.has(server.name) || reaching.includes(server));
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
  ];
  const names = own.map(({ name }) => name).join(', ');
  if (whys.length > 0)
    return { missing: [...(names === '' ? [] : [`${names} are of this cluster`]), ...whys].join('; ') };
  if (own.length > 0) return { value: own };
  return { missing: 'no server of Barman is named by an archive_command, and none connects to a member' };
}

export function reaches(
  { conninfoHosts }: Pick<Server, 'conninfoHosts'>,
  { name, address }: Member,
): boolean {
  return conninfoHosts.some((host) => host === name || host === address);
}
