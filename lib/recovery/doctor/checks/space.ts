import { posix } from 'node:path';
import { formatBytes } from '../../../base/values/bytes.ts';
import type { FreeSpace } from '../../../system/fs/free-space.ts';
import { isComplete, isPacked } from '../../barman/backup-info.ts';
import { NOT_ASKED, type Told } from '../answer.ts';
import { ofEachServer, walToReplay } from '../backups-and-archives.ts';
import { ownServers } from '../barman-facts.ts';
import { onHost } from '../commands-to-type.ts';
import type { Facts, NodeFacts } from '../facts.ts';
import { type Check, type Flaw, flawsOf } from '../finding.ts';
import type { NodeLook } from '../node-script.ts';

/**
 * Bytes that restored data takes, without the WAL that is replayed: of the databases as they are, or of the largest backup,
 * whichever is more. What a compressed backup or a difference to another one takes at Barman says nothing of that.
 */
function needed(facts: Facts): Told<number> {
  const live = facts.nodes.flatMap(({ bytes }) => ('value' in bytes ? [bytes.value] : []));
  const { barman } = facts;
  const sizes =
    barman !== undefined && 'value' in barman.stock
      ? ownServers(barman.stock.value, barman.place).flatMap(({ backups }) =>
          backups
            .filter((backup) => isComplete(backup) && !isPacked(backup) && backup.parent === undefined)
            .flatMap(({ size }) => size ?? []),
        )
      : [];
  const all = [...sizes, ...live];
  if (all.length === 0) return { unknown: 'it is not known how large the data is', next: [] };
  return { value: Math.max(...all) };
}

const LEAST_FREE_INODES = 10_000;

/** What lies in pg_wal at one time, at most, where the inventory says nothing else: as in playbooks/vars/recovery.yml. */
export const WAL_AT_ONE_TIME = 4_294_967_296;

/** What waits for its replay, at most, likewise. */
export const WAL_SPOOL_BYTES = 4_294_967_296;

/** Bytes of this WAL that lie beside the data at one time, at most: in pg_wal, and waiting for its replay. */
function besideData({ place }: NodeFacts, { walSpace }: NodeLook, wal: number): number {
  const inData = walSpace === undefined ? (place?.walAtOneTime ?? WAL_AT_ONE_TIME) : 0;
  const { walSpool: spool, pgdata = '' } = place ?? {};
  const elsewhere = spool !== undefined && posix.dirname(spool) !== posix.dirname(pgdata);
  const waits = place?.walMethod === 'local' || elsewhere ? 0 : (place?.walSpoolBytes ?? WAL_SPOOL_BYTES);
  return Math.min(wal, inData + waits);
}

interface Room {
  readonly host: string;
  readonly space: FreeSpace;
  readonly data: number;
  /** Of WAL, beside the data. */
  readonly least: number;
}

function nodeFlaws(facts: Facts, judge: (room: Room) => readonly Flaw[]): readonly Flaw[] {
  const wal = walToReplay(facts);
  const all = 'value' in wal ? wal.value : 0;
  const data = needed(facts);
  const room = flawsOf(data, undefined, (bytes) =>
    facts.nodes.flatMap((node) =>
      flawsOf(node.host, node.name, (look) =>
        judge({ host: node.name, space: look.space, data: bytes, least: besideData(node, look, all) }),
      ),
    ),
  );
  return 'value' in data ? [...room, ...untoldSize(facts)] : room;
}

/** Where no node tells how large its data is, what a backup takes is the least of it: room for that proves nothing. */
function untoldSize({ nodes }: Facts): readonly Flaw[] {
  if (nodes.some(({ bytes }) => 'value' in bytes)) return [];
  const asked = nodes.find(({ bytes }) => bytes !== NOT_ASKED);
  return asked === undefined ? [] : flawsOf(asked.bytes, asked.name, () => []);
}

/** Where pg_wal links to another place, the recovered WAL is laid there beside the old one, which is kept. */
function walFlaws(facts: Facts, wal: number): readonly Flaw[] {
  return facts.nodes.flatMap(({ name, host, place }) =>
    flawsOf(host, name, ({ walSpace, names }) => {
      if (names === undefined) {
        const text = `cannot tell where its WAL lies: ${place?.pgdata ?? 'the data directory'} cannot be looked into`;
        const mend = ['Let the login become root or the owner of the data (ansible_become: true).'];
        return [{ severity: 'unknown', host: name, text, mend }];
      }
      if (walSpace === undefined) return [];
      const need = place?.walVolumeBytes ?? Math.min(wal, place?.walAtOneTime ?? WAL_AT_ONE_TIME);
      return flawsOf(walSpace.space, name, (space) => {
        if (space.freeBytes >= need) return [];
        const what = `recovered WAL beside ${walSpace.wal} needs`;
        const flaw = short(facts, { severity: 'critical', host: name, space, need, what });
        const less = 'Where less WAL lies there at one time, set wal_volume_bytes in the inventory: 20 GiB';
        return [{ ...flaw, mend: [...flaw.mend, less] }];
      });
    }),
  );
}

interface Shortage {
  readonly severity: 'critical' | 'warning';
  readonly host: string;
  readonly space: FreeSpace;
  readonly need: number;
  /** `restored data needs` */
  readonly what: string;
}

function short(facts: Facts, { severity, host, space, need, what }: Shortage): Flaw {
  return {
    severity,
    host,
    text: `${what} ${formatBytes(need)}, and ${formatBytes(space.freeBytes)} are free on ${space.mount}`,
    mend: [
      onHost(facts, host, undefined, 'du', '-x', '-d', '2', '-h', space.mount),
      'Free space there, or enlarge the volume.',
    ],
  };
}

export const SPACE_CHECKS: readonly Check[] = [
  {
    id: 'space.node',
    title: 'Every node has room for restored data beside its live data',
    meaning: 'Recovery there is refused: the live data is kept until the recovered data is accepted.',
    needs: ['host', 'sql', 'instance', 'cluster', 'stock'],
    judge: (facts) => {
      return [
        ...nodeFlaws(facts, ({ host, space, data, least }) => [
          ...(space.freeBytes < data + least
            ? [
                short(facts, {
                  severity: 'critical',
                  host,
                  space,
                  need: data + least,
                  what: 'restored data needs',
                }),
              ]
            : []),
          ...(space.freeInodes !== undefined && space.freeInodes < LEAST_FREE_INODES
            ? [
                {
                  severity: 'critical' as const,
                  host,
                  text: `only ${space.freeInodes} files can still be made on ${space.mount}`,
                  mend: [onHost(facts, host, undefined, 'df', '-i', space.mount)],
                },
              ]
            : []),
        ]),
        ...flawsOf(walToReplay(facts), undefined, (bytes) => walFlaws(facts, bytes)),
      ];
    },
  },
  {
    id: 'space.growth',
    title: 'There is room for it also when the data has doubled',
    meaning: 'Recovery will be refused one day, when nobody has looked in time.',
    needs: ['host', 'sql', 'instance', 'cluster', 'stock'],
    judge: (facts) => {
      return [
        ...nodeFlaws(facts, ({ host, space, data, least }) =>
          space.freeBytes >= data + least && space.freeBytes < 2 * data + least
            ? [
                short(facts, {
                  severity: 'warning',
                  host,
                  space,
                  need: 2 * data + least,
                  what: 'with twice the data, restored data needs',
                }),
              ]
            : [],
        ),
        // Without it there is less to ask for than a recovery will.
        ...flawsOf(walToReplay(facts), undefined, () => []),
      ];
    },
  },
  {
    id: 'space.barman',
    title: 'Barman has room for one more backup',
    meaning: 'The next backup fails, and soon no WAL can be archived.',
    needs: ['barman', 'sql', 'instance', 'cluster', 'stock'],
    judge: (facts) => {
      return flawsOf(needed(facts), undefined, (need) =>
        ofEachServer(
          facts,
          ({ spaces }, { name }) => spaces.some(({ server }) => server === name),
          ({ spaces }, barman) => {
            const full = spaces.filter(({ space }) => space.freeBytes < need);
            const mounts = [...new Map(full.map(({ space }) => [space.mount, space])).values()];
            return mounts.map((space) =>
              short(facts, {
                severity: 'critical',
                host: barman.place.name,
                space,
                need,
                what: 'a backup needs up to',
              }),
            );
          },
        ),
      );
    },
  },
];
