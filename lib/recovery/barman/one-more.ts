import type { ReadHost } from '../../contract/host.ts';
import { readCatalogueAndArchives } from './catalogue.ts';
import type { ServerConfig } from './config.ts';
import { namedServer, readServers, serversThatCount } from './counted-servers.ts';
import { timeOn } from './host-time.ts';
import { deletedByFirstBackup } from './recovery-wal.ts';
import type { Stock } from './refusals.ts';
import { deletedByRetention } from './retention.ts';

/** What one more backup of a server lets Barman delete there, in words; absent where it is nothing. */
export interface OneMore {
  readonly server: ServerConfig;
  /** The backups that are there. */
  readonly known: readonly string[];
  /** All WAL that is older, since it is the first backup of that server. */
  readonly first?: string | undefined;
  /** Backups that are obsolete then, by the retention policy. */
  readonly obsolete?: string | undefined;
  readonly holds: OpenHolds;
}

/** What runs hold that are not decided on. */
export interface OpenHolds {
  /** Those runs, for backups of the same cluster. */
  readonly runs: readonly string[];
  /** Those that hold a backup of this very server, so that Barman keeps all WAL from there on. */
  readonly here: readonly string[];
}

/**
 * Throws a refusal where Barman does not know the server, and the error of a server of its cluster (one of `names`) that
 * could not be read: what rests on WAL of this one is not known then.
 */
export async function readOneMore(
  host: ReadHost,
  name: string,
  { names, user }: { readonly names: readonly string[] | undefined; readonly user: string },
): Promise<OneMore> {
  const { servers: all, archives } = await readCatalogueAndArchives(host, user, {
    whose: (known) => ({
      names: names === undefined ? undefined : [name, ...names],
      clusters: [known.find((one) => one.name === name)?.systemId],
    }),
  });
  const server = namedServer(all, name, host.name);
  serversThatCount(all, { names, clusters: [server.systemId] }, host.name);
  const servers = readServers(all);
  const now = await timeOn(host);
  return {
    server,
    known: server.backups.map(({ id }) => id),
    first: deletedByFirstBackup(server, servers, archives),
    obsolete: deletedByRetention(name, server.backups, server.retention, now),
    holds: openHolds(server, servers),
  };
}

/** A server that does not know its cluster yet counts as one of the cluster of any other. */
export function openHolds(server: Stock, servers: readonly Stock[]): OpenHolds {
  const same = servers.filter(
    ({ systemId }) => (server.systemId ?? systemId) === (systemId ?? server.systemId),
  );
  return { runs: holding(same), here: holding([server]) };
}

function holding(servers: readonly Stock[]): readonly string[] {
  const runs = servers.flatMap(({ backups }) => backups.flatMap(({ heldFor = [] }) => heldFor));
  return [...new Set(runs)].sort();
}

/** All that is deleted, in words; empty where it is nothing. */
export function deletedWords({ first, obsolete }: Pick<OneMore, 'first' | 'obsolete'>): string {
  return [first, obsolete].filter((words) => words !== undefined).join(' ');
}
