import { z } from 'zod';
import type { CompleteBackup } from '../../barman/backup-info.ts';
import { backupResult, backupReturns } from '../../barman/backup-result.ts';
import { backupById, usableBackups } from '../../barman/choose-backup.ts';
import { serversParam, timelineParam, userParam } from '../../barman/params.ts';
import { solveFor, wantedServers } from '../../barman/recovery-wal.ts';
import { walRefused } from '../../barman/wal-refusals.ts';
import { defineLook, type ReadHost } from '../../contract/module.ts';
import { barmanResource, readCatalogue, readCatalogueAndArchives } from '../../resources/barman.ts';
import { checkedTarget, targetTimeSchema } from '../../wal/target.ts';
import { timelineId } from '../../wal/timeline.ts';

const params = z.strictObject({
  id: z
    .string()
    .min(1)
    .describe(
      'its id; `latest`: the last one that is DONE; `auto`: the last one from which the target can be reached',
    ),
  server: z.string().optional().describe('the Barman server that holds it; found when left out'),
  servers: serversParam,
  target_time: targetTimeSchema.default('latest').describe('for `auto`: `latest`, or a time with its offset'),
  timeline: timelineParam,
  user: userParam,
});

type Params = z.output<typeof params>;

export const module = defineLook({
  summary: 'Finds a base backup and tells all about it, or refuses.',
  description:
    'Refuses an id that no server has (with a list of those that exist), one that several servers have, and a backup that is not DONE. That Barman does not answer is an error of its own and never "not found".',
  examples: `- barman.backup: { id: "{{ backup }}" }
  delegate_to: "{{ barman_host }}"
  register: chosen

- barman.backup: { id: auto, target_time: "2026-11-22 09:34:43+00" }
  delegate_to: "{{ barman_host }}"
  register: chosen`,
  params,
  freeForm: 'id',
  returns: backupReturns,
  dependsOn: ({ user }) => [{ kind: barmanResource.kind, id: user }],
  read: async (host, wish) => {
    if (wish.id === 'auto') return backupResult(await reaching(host, wish));
    const { servers } = await readCatalogue(host, wish.user);
    const wanted = wantedServers(servers, namesOf(wish), host.name);
    if (wish.id !== 'latest') return backupResult(backupById(wish.id, wanted, host.name));
    const [newest] = usableBackups(wish.id, wanted, host.name);
    return backupResult(newest);
  },
});

function namesOf({ server, servers }: Params): readonly string[] | undefined {
  return server === undefined ? servers : [server];
}

/** The last backup from which the target can be reached with what is archived, whichever server holds the WAL. */
async function reaching(host: ReadHost, wish: Params): Promise<CompleteBackup> {
  const target = checkedTarget(wish.target_time);
  const { servers, archives } = await readCatalogueAndArchives(host, wish.user);
  const searched = wantedServers(servers, wish.servers, host.name);
  const wanted = wantedServers(searched, namesOf(wish), host.name);
  const usable = usableBackups(wish.id, wanted, host.name);
  const early = usable.filter((backup) => target.kind === 'latest' || backup.endTime < target.time);
  const timeline = wish.timeline === undefined ? undefined : timelineId(wish.timeline);
  for (const backup of early) if (solveFor(backup, searched, archives, target, timeline).ok) return backup;
  // The last one that ended before the target has the reason why not; where all ended later, the first one has.
  const judged = early[0] ?? usable.at(-1) ?? usable[0];
  const refusal = solveFor(judged, searched, archives, target, timeline);
  if (refusal.ok) return judged;
  throw walRefused(refusal, {
    backup: judged,
    target,
    servers: searched.map(({ name }) => name),
    host: host.name,
  });
}
