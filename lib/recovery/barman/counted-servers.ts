import type { PitrError } from '../../base/errors/pitr-error.ts';
import { type Stock, serverUnknown } from './refusals.ts';

/** A server, and why what it holds could not be read where that is so: nothing is said then about what it has. */
export interface Counted extends Stock {
  readonly unread?: PitrError | undefined;
}

/** Of which servers a task speaks. */
export interface Whose {
  /** Those that it names: they count, and no others. */
  readonly names?: readonly string[] | undefined;
  /**
   * The clusters that it is about, by their system ids: where no names are given, a server of another one does not count.
   * With `undefined` among them it is not known which one it is: then all count.
   */
  readonly clusters: readonly (string | undefined)[];
}

/** Whether what a server holds can matter to a task: it is named; or it is of one of the clusters, or of none that is known. */
export function canMatter({ name, systemId }: Stock, { names, clusters }: Whose): boolean {
  if (names !== undefined) return names.includes(name);
  return systemId === undefined || clusters.includes(undefined) || clusters.includes(systemId);
}

/**
 * The servers that a task speaks of: those named, or all, but those that could not be read and do not count. Throws the
 * error of one that counts and could not be read; a server that does not know its cluster counts as one of this, because
 * its history files decide which timeline is free. Throws a refusal for a name that Barman does not know.
 */
export function serversThatCount<T extends Counted>(
  servers: readonly T[],
  whose: Whose,
  host: string,
): readonly T[] {
  const { names } = whose;
  const meant = names === undefined ? servers : names.map((name) => serverOf(servers, name, host));
  for (const server of meant)
    if (server.unread !== undefined && canMatter(server, whose)) throw server.unread;
  return meant.filter(({ unread }) => unread === undefined);
}

/** One server by its name. Throws a refusal where Barman does not know it, and its error where it could not be read. */
export function namedServer<T extends Counted>(servers: readonly T[], name: string, host: string): T {
  const server = serverOf(servers, name, host);
  if (server.unread !== undefined) throw server.unread;
  return server;
}

function serverOf<T extends Counted>(servers: readonly T[], name: string, host: string): T {
  const server = servers.find((candidate) => candidate.name === name);
  if (server !== undefined) return server;
  throw serverUnknown(
    name,
    servers.map((candidate) => candidate.name),
    host,
  );
}

/** The servers that could be read. */
export function readServers<T extends Counted>(servers: readonly T[]): readonly T[] {
  return servers.filter(({ unread }) => unread === undefined);
}

/** Why what is found nowhere may be there yet: the error of a server that could not be read, where none are named. */
export function mayBeElsewhere(
  servers: readonly Counted[],
  names: readonly string[] | undefined,
): PitrError | undefined {
  return names === undefined ? servers.find(({ unread }) => unread !== undefined)?.unread : undefined;
}
