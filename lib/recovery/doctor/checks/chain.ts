import { archivesOf } from '../../wal/archive.ts';
import { formatInstant, instantAt, secondsBetween } from '../../wal/instant.ts';
import { parseLsn } from '../../wal/lsn.ts';
import { numberHolding, parseSegmentSize, segmentNumber, timelineOf } from '../../wal/segment.ts';
import { inStock, noBackup, reaches, takeOne } from '../backups-and-archives.ts';
import { pitrCommand } from '../commands-to-type.ts';
import type { Facts, NodeFacts, Stock } from '../facts.ts';
import { type Check, type Flaw, flawsOf } from '../finding.ts';
import { timeBy } from '../host-clock.ts';
import { leaderNode } from '../views.ts';

/** What was not archived for so long cannot be recovered from the archive. */
const BEHIND_SECONDS = 3_600;

/** Every timeline of every backup without a hole, from the oldest that is kept to now. */
function chain(facts: Facts): readonly Flaw[] {
  return inStock(facts, (stock, { place }) => {
    const all = reaches(stock, facts);
    if (all.length === 0) return [noBackup(facts, place.name)];
    return all.flatMap(({ backup, ranges }) =>
      ranges.flatMap(({ timeline, gaps, conflict }): readonly Flaw[] => {
        const mend = [
          `See what can be reached: ${pitrCommand(facts, 'backups', backup.server)}`,
          `A node may still have it: pitr play save-wal.yml${facts.inventoryOptions} -e node=${leaderNode(facts)?.name ?? 'NODE'} --check`,
          takeOne(facts),
        ];
        const about = `backup ${backup.id} of ${backup.server}, timeline ${timeline}`;
        const [first] = gaps;
        if (first !== undefined) {
          const count = gaps.reduce((sum, { segments }) => sum + segments, 0);
          const what =
            count === 1
              ? `segment ${first.first} is`
              : `${count} segments are, the first of them ${first.first},`;
          return [
            {
              severity: 'critical',
              host: place.name,
              text: `${about}: ${what} missing in the archives`,
              mend,
            },
          ];
        }
        if (conflict === undefined) return [];
        return [
          {
            severity: 'critical',
            host: place.name,
            text: `${about}: ${conflict.join(' and ')} tell different histories of it`,
            mend: [
              'Name in barman_servers only the servers that belong to this cluster.',
              ...mend.slice(0, 1),
            ],
          },
        ];
      }),
    );
  });
}

/** Whether the newest moments can be reached at all: of the leader's timeline, up to a while ago. */
function now(facts: Facts): readonly Flaw[] {
  const leader = leaderNode(facts);
  if (leader === undefined)
    return [
      { severity: 'unknown', text: 'cannot tell: nobody leads whose timeline could be looked for', mend: [] },
    ];
  return flawsOf(leader.cluster, leader.name, ({ timeline }) =>
    inStock(facts, (stock, { place, look }) => {
      const all = reaches(stock, facts);
      const [newest] = all;
      if (newest === undefined) return [noBackup(facts, place.name)];
      if (timeline === undefined)
        return [
          {
            severity: 'unknown',
            host: leader.name,
            text: 'cannot tell: Patroni does not say on which timeline the leader is',
            mend: [pitrCommand(facts, 'status')],
          },
        ];
      const ends = all.flatMap(({ ranges }) =>
        ranges.flatMap((range) => (range.timeline === timeline && range.to !== undefined ? [range.to] : [])),
      );
      const latest = ends.reduce<(typeof ends)[number] | undefined>(
        (best, end) => (best === undefined || end > best ? end : best),
        undefined,
      );
      if (latest === undefined) {
        return [
          {
            severity: 'critical',
            host: place.name,
            text: `no backup reaches timeline ${timeline}, on which ${leader.name} leads`,
            mend: [takeOne(facts)],
          },
        ];
      }
      const time = timeBy(facts.now, look);
      const behind = secondsBetween(latest, instantAt(BigInt(Math.round(time)) * 1000n));
      if (behind < BEHIND_SECONDS) return [];
      if (hasAllThatIsFinished(stock, leader, timeline)) return [];
      return [
        {
          severity: 'warning',
          host: place.name,
          text: `the latest moment that can be recovered is ${formatInstant(latest)}, ${Math.round(behind / 60)} minutes ago`,
          mend: [pitrCommand(facts, 'backups')],
        },
      ];
    }),
  );
}

/** An idle leader finishes no segment, and only what is finished is archived. */
function hasAllThatIsFinished({ servers, archives }: Stock, { sql }: NodeFacts, timeline: number): boolean {
  if (!('value' in sql)) return false;
  const { wal, settings } = sql.value;
  const at = parseLsn(wal ?? '');
  const size = parseSegmentSize(Number(settings.wal_segment_size));
  if (at === undefined || size === undefined) return false;
  // Of what it receives by streaming Barman keeps the last one until something of the next is there.
  const kept = servers.some(({ streamingArchiver }) => streamingArchiver) ? 1 : 0;
  const last = numberHolding(at, size) - 1 - kept;
  return archivesOf(servers, archives).some(({ files }) =>
    files.some(
      ({ segment, partial }) =>
        !partial && timelineOf(segment) === timeline && segmentNumber(segment, size) >= last,
    ),
  );
}

function histories(facts: Facts): readonly Flaw[] {
  return inStock(facts, ({ archives, servers: all }, { place }) =>
    archivesOf(all, archives).flatMap(({ server, damaged }) =>
      damaged.map(({ path, why }) => ({
        severity: 'critical' as const,
        host: place.name,
        text: `${path} of server ${server} ${why}`,
        mend: [
          `Look whether another server has the same file, and copy that; if nobody needs it, move it away. Then: ${pitrCommand(facts, 'backups')}`,
        ],
      })),
    ),
  );
}

/** What of the archives can be reached from the backups. */
export const CHAIN_CHECKS: readonly Check[] = [
  {
    id: 'backups.chain',
    title: 'No WAL is missing from the oldest backup to now, on any timeline',
    meaning: 'Moments after the hole cannot be recovered from that backup.',
    needs: ['stock', 'cluster', 'sql', 'instance'],
    judge: chain,
  },
  {
    id: 'backups.now',
    title: 'A backup reaches what is written now',
    meaning: 'What was written last cannot be recovered from the archive.',
    needs: ['barman', 'stock', 'cluster', 'sql', 'instance'],
    judge: now,
  },
  {
    id: 'backups.histories',
    title: 'The history files of the archives can be believed',
    meaning: 'Every recovery of the cluster is refused: it could take the wrong way through the timelines.',
    needs: ['stock'],
    judge: histories,
  },
];
