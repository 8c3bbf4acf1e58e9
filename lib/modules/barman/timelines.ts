import { z } from 'zod';
import { defineLook } from '../../contract/module.ts';
import { readCatalogueAndArchives } from '../../recovery/barman/catalogue.ts';
import { namedServer, serversThatCount } from '../../recovery/barman/counted-servers.ts';
import { filesInErrors } from '../../recovery/barman/errors-directory.ts';
import { nextTimelineHasWal, refuseDamagedHistories } from '../../recovery/barman/history-refusals.ts';
import { serversParam, tailsParam, userParam } from '../../recovery/barman/params.ts';
import { nextTimeline, type WalOfTimeline, walOfTimeline } from '../../recovery/wal/next-timeline.ts';
import { parseSegment } from '../../recovery/wal/segment.ts';
import { historyFileName, type TimelineId, timelineId } from '../../recovery/wal/timeline.ts';

const params = z.strictObject({
  after: z.int().min(1).describe('the timeline that the recovery follows (`timeline` of barman.wal)'),
  server: z.string().describe('the Barman server of the backup: its cluster is meant'),
  from: z
    .string()
    .optional()
    .describe('the first segment of interest (`begin_wal` of barman.backup); all when left out'),
  tails: tailsParam,
  servers: serversParam,
  user: userParam,
});

export const module = defineLook({
  summary: 'Tells which timelines are taken, and which number a promotion will get, or refuses.',
  description: `PostgreSQL takes the first number after the timeline that it follows whose history file no archive has. Refuses
where a history file cannot be believed (it is empty, damaged, or cannot be unpacked), and where WAL of that number lies
in an archive without a history file: Barman would put the new WAL of that name into errors/, and the archive of the
recovered cluster would hold what is not its own. What it returns postgres.promote takes as \`histories\`.`,
  examples: `- barman.timelines: { after: "{{ wal.timeline }}", server: "{{ base.server }}" }
  delegate_to: "{{ barman_host }}"
  register: timelines`,
  params,
  returns: {
    next: 'the number that a promotion gets',
    file: 'the name of its history file',
    histories: 'history files of all archives, each number once: timeline, file, servers, base64 (its bytes)',
  },
  // No dependsOn: check mode reads what is archived now too.
  read: async (host, { after, server, from, tails, servers: names, user }) => {
    const { servers, archives } = await readCatalogueAndArchives(host, user, {
      whose: (all) => ({ names, clusters: [all.find(({ name }) => name === server)?.systemId] }),
      from: parseSegment(from ?? ''),
    });
    const own = namedServer(servers, server, host.name);
    const wanted = serversThatCount(servers, { names, clusters: [own.systemId] }, host.name).filter(
      ({ systemId }) => systemId === undefined || own.systemId === undefined || systemId === own.systemId,
    );
    const searched = archives.filter((archive) => wanted.some(({ name }) => name === archive.server));
    refuseDamagedHistories(searched, host.name);
    const next = nextTimeline(timelineId(after), searched, historiesOf(tails));
    const file = historyFileName(next);
    const putAside = (await filesInErrors(host, wanted, user))
      .map(
        (found): WalOfTimeline => ({
          server: found.server,
          names: found.names.filter((name) => name.startsWith(file.slice(0, 8))),
        }),
      )
      .filter((found) => found.names.length > 0);
    const strays = [...walOfTimeline(next, searched), ...putAside];
    if (strays.length > 0) throw nextTimelineHasWal(next, strays, servers, host.name);
    const histories = new Map(
      searched.flatMap((archive) => archive.histories).map((one) => [one.history.timeline, one]),
    );
    return {
      next,
      file,
      histories: [...histories].map(([timeline, { bytes }]) => ({
        timeline,
        file: historyFileName(timeline),
        servers: searched
          .filter((archive) => archive.histories.some(({ history }) => history.timeline === timeline))
          .map((archive) => archive.server),
        base64: Buffer.from(bytes).toString('base64'),
      })),
    };
  },
});

/** Numbers whose history files lie on nodes: what only they have is archived before anything is replayed. */
function historiesOf(tails: z.output<typeof tailsParam>): readonly TimelineId[] {
  return tails.flatMap(({ histories = [] }) =>
    histories.map(({ name }) => timelineId(Number.parseInt(name.slice(0, 8), 16))),
  );
}
