import { setImmediate } from 'node:timers/promises';
import { z } from 'zod';
import { defineLook } from '../../contract/module.ts';
import { type BackupInfo, isComplete } from '../../recovery/barman/backup-info.ts';
import { barmanResource, readCatalogueAndArchives } from '../../recovery/barman/catalogue.ts';
import { readServers, serversThatCount } from '../../recovery/barman/counted-servers.ts';
import { serversParam, userParam } from '../../recovery/barman/params.ts';
import { mergedFor, positionOf } from '../../recovery/barman/recovery-wal.ts';
import type { Stock } from '../../recovery/barman/refusals.ts';
import type { Archive } from '../../recovery/wal/archive.ts';
import { formatInstant, type Instant } from '../../recovery/wal/instant.ts';
import { rangesOf } from '../../recovery/wal/ranges.ts';

const params = z.strictObject({
  servers: serversParam.describe('whose backups to list; WAL is looked for on all servers of their clusters'),
  user: userParam,
});

export const module = defineLook({
  summary: 'Lists the backups of all servers, and which moments of which timelines each can reach.',
  description:
    'A range for each timeline that a backup can be rolled forward to: it begins at the end of the backup or where the timeline began, and reaches to the last WAL that is on disk without a gap before it, over all servers of the cluster. After a recovery the moments of the timeline that it left can be reached as before.',
  examples: `- barman.backups: {}
  delegate_to: "{{ barman_host }}"
  register: all`,
  params,
  returns: {
    backups:
      'newest first: id, server, status, begin_time, end_time, size_bytes, timeline, system_id, from, to (the latest of all ranges), ranges (of each: timeline, from, to, origin, gaps: first, last, segments; wal_segments, wal_bytes, conflict)',
    count: 'how many',
    damaged:
      'history files that cannot be believed: server, timeline, path, why; every recovery of their cluster is refused',
    unread:
      'servers that were passed over because they could not be read: server, concerns (whether WAL of a backup that is listed may lie there), why, next',
  },
  dependsOn: ({ user }) => [{ kind: barmanResource.kind, id: user }],
  read: async (host, { servers: names, user }, context) => {
    const { servers, archives } = await readCatalogueAndArchives(host, user, {
      whose: (all) => ({ clusters: names === undefined ? [undefined] : clustersOf(all, names) }),
    });
    const listed = serversThatCount(servers, { names, clusters: [] }, host.name)
      .flatMap((server) => server.backups)
      .sort((a, b) => (a.id < b.id ? 1 : -1));
    const clusters = listed.map(({ systemId }) => systemId);
    serversThatCount(servers, { names, clusters }, host.name);
    const backups: (ReturnType<typeof described> & ReturnType<typeof rangesFrom>)[] = [];
    for (const backup of listed) {
      // All WAL behind each of them is gone through: between two of them connections and Ctrl-C have their turn.
      await setImmediate();
      context.signal.throwIfAborted();
      if (backups.length > 0 && backups.length % 100 === 0)
        context.progress(`found out what ${backups.length} of ${listed.length} backups can reach`);
      backups.push({ ...described(backup), ...rangesFrom(backup, readServers(servers), archives) });
    }
    const damaged = archives.flatMap(({ server, damaged: some }) => some.map((one) => ({ server, ...one })));
    const mayHave = (id: string | undefined): boolean =>
      id === undefined || clusters.includes(undefined) || clusters.includes(id);
    const unread = servers.flatMap(({ name, systemId, unread: error }) =>
      error === undefined
        ? []
        : [{ server: name, concerns: mayHave(systemId), why: error.message, next: error.next }],
    );
    return { backups, count: backups.length, damaged, unread };
  },
});

/** Those of which the named servers may hold something. */
function clustersOf(servers: readonly Stock[], names: readonly string[]): readonly (string | undefined)[] {
  const named = servers.filter(({ name }) => names.includes(name));
  return [
    ...named.flatMap(({ systemId }) => systemId ?? []),
    ...named.flatMap(({ backups }) => backups.map(({ systemId }) => systemId)),
  ];
}

function described(backup: BackupInfo) {
  return {
    id: backup.id,
    server: backup.server,
    status: backup.status,
    error: backup.error,
    begin_time: written(backup.beginTime),
    end_time: written(backup.endTime),
    size_bytes: backup.size,
    timeline: backup.timeline,
    system_id: backup.systemId,
  };
}

function written(instant: Instant | undefined): string | undefined {
  return instant === undefined ? undefined : formatInstant(instant);
}

function rangesFrom(backup: BackupInfo, servers: readonly Stock[], archives: readonly Archive[]) {
  if (!isComplete(backup)) return { from: undefined, to: undefined, ranges: [] };
  const ranges = rangesOf(positionOf(backup), mergedFor(backup, { servers, archives }));
  const ends = ranges.flatMap(({ to }) => to ?? []);
  return {
    from: formatInstant(backup.endTime),
    to: written(
      ends.reduce<Instant | undefined>(
        (best, to) => (best === undefined || to > best ? to : best),
        undefined,
      ),
    ),
    ranges: ranges.map(({ timeline, from, to, origin, gaps, segments, conflict }) => ({
      timeline,
      from: formatInstant(from),
      to: written(to),
      ...(origin === undefined
        ? {}
        : { origin: { timeline: origin.timeline, by: origin.onPurpose ? 'recovery' : 'failover' } }),
      gaps,
      wal_segments: segments,
      wal_bytes: segments * backup.segmentSize,
      ...(conflict === undefined ? {} : { conflict }),
    })),
  };
}
