import { z } from 'zod';
import { defineLook } from '../../contract/module.ts';
import { type BackupInfo, isComplete } from '../../recovery/barman/backup-info.ts';
import { barmanResource, readCatalogueAndArchives } from '../../recovery/barman/catalogue.ts';
import { serversParam, userParam } from '../../recovery/barman/params.ts';
import { archivesFor, positionOf, wantedServers } from '../../recovery/barman/recovery-wal.ts';
import type { Stock } from '../../recovery/barman/refusals.ts';
import { type Archive, mergeArchives } from '../../recovery/wal/archive.ts';
import { namesOfRuns } from '../../recovery/wal/chain.ts';
import { formatInstant, type Instant } from '../../recovery/wal/instant.ts';
import { solveWal } from '../../recovery/wal/solve.ts';

const params = z.strictObject({
  servers: serversParam.describe('whose backups to list; WAL is looked for on all servers of their clusters'),
  user: userParam,
});

export const module = defineLook({
  summary: 'Lists the backups of all servers, and from when to when each can be recovered.',
  description:
    'The window of a backup begins at its end and reaches to the last WAL that is on disk without a gap before it, over all servers of the cluster and along the timeline that wrote last.',
  examples: `- barman.backups: {}
  delegate_to: "{{ barman_host }}"
  register: all`,
  params,
  returns: {
    backups:
      'newest first: id, server, status, begin_time, end_time, size_bytes, timeline, system_id, from, to, wal_segments, wal_bytes, missing',
    count: 'how many',
  },
  dependsOn: ({ user }) => [{ kind: barmanResource.kind, id: user }],
  read: async (host, { servers: names, user }) => {
    const { servers, archives } = await readCatalogueAndArchives(host, user);
    const wanted = wantedServers(servers, names, host.name);
    const backups = wanted
      .flatMap((server) => server.backups)
      .sort((a, b) => (a.id < b.id ? 1 : -1))
      .map((backup) => ({ ...described(backup), ...windowOf(backup, servers, archives) }));
    return { backups, count: backups.length };
  },
});

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

function windowOf(backup: BackupInfo, servers: readonly Stock[], archives: readonly Archive[]) {
  if (!isComplete(backup)) return { from: undefined, to: undefined, missing: [] };
  const merged = mergeArchives(archivesFor(backup, servers, archives), backup.segmentSize);
  const plan = solveWal(positionOf(backup), merged, { kind: 'latest' });
  const missing = plan.ok || plan.why !== 'missing' ? [] : namesOfRuns(plan.missing);
  const window = { from: formatInstant(plan.reachable.from), to: written(plan.reachable.to), missing };
  if (!plan.ok) return window;
  const count = plan.needed.length;
  return { ...window, wal_segments: count, wal_bytes: count * backup.segmentSize };
}
