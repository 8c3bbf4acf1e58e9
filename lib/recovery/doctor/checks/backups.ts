import { type BackupInfo, isComplete } from '../../barman/backup-info.ts';
import { checksOf, completeBackups, inStock, noBackup, takeOne } from '../backups-and-archives.ts';
import { barmanOn, pitrCommand } from '../commands-to-type.ts';
import type { BarmanFacts, Facts } from '../facts.ts';
import { type Check, type Flaw, flawsOf, unproved } from '../finding.ts';
import { timeBy } from '../host-clock.ts';
import { ofBarman } from '../of-barman.ts';
import { withoutStaging } from '../packed-backup.ts';
import { clusterId, leaderNode } from '../views.ts';

const DAY = 86_400;

/** A backup older than this leaves so much WAL to replay that a recovery takes long. */
const OLD_DAYS = { warning: 2, critical: 8 } as const;

const DRILL_DAYS = 90;

function servers(facts: Facts): readonly Flaw[] {
  return ofBarman(facts, (barman) => {
    return flawsOf(barman.stock, barman.place.name, (stock) => {
      const known = stock.servers.map(({ name }) => name);
      const wanted = [
        ...(barman.place.servers ?? []).map((server) => [server, 'barman_servers'] as const),
        ...facts.nodes.flatMap(({ name, place }) =>
          place?.barmanServer === undefined
            ? []
            : [[place.barmanServer, `barman_server of ${name}`] as const],
        ),
      ];
      const unknown = wanted
        .filter(([server]) => !known.includes(server))
        .map(
          ([server, where]): Flaw => ({
            severity: 'critical',
            host: barman.place.name,
            text: `Barman knows no server ${server} (${where} in the inventory)`,
            mend: [
              `It knows ${known.join(', ')}. Set ${where.replace(/ of .*/, '')} in the inventory.`,
              barmanOn(facts, 'list-servers'),
            ],
          }),
        );
      return [...unknown, ...leftOut(facts, barman, known)];
    });
  });
}

/** Servers of nodes that `barman_servers` does not name: what they hold is looked at by nobody. */
function leftOut(
  { nodes }: Facts,
  { place: { name: host, servers: named } }: Pick<BarmanFacts, 'place'>,
  known: readonly string[],
): readonly Flaw[] {
  return nodes.flatMap(({ name, place }): readonly Flaw[] => {
    const server = place?.barmanServer;
    if (server === undefined || named === undefined || named.includes(server) || !known.includes(server))
      return [];
    const text = `barman_servers in the inventory does not have ${server}, the barman_server of ${name}`;
    return [
      { severity: 'critical', host, text, mend: [`Put ${server} into barman_servers in the inventory.`] },
    ];
  });
}

/** Without the system id of the cluster every backup would count as one of it. */
export function ofWhom(facts: Facts, host: string): readonly Flaw[] {
  if (clusterId(facts.nodes) !== undefined) return [];
  const text = 'cannot tell whether the backups are of this cluster: no node tells its system id';
  return [{ severity: 'unknown', host, text, mend: [pitrCommand(facts, 'status')] }];
}

function present(facts: Facts): readonly Flaw[] {
  return inStock(facts, (stock, { place }) => {
    if (completeBackups(stock, facts).length > 0) return ofWhom(facts, place.name);
    const others = stock.servers.flatMap(({ backups }) => backups).filter(isComplete);
    return [
      {
        severity: 'critical',
        host: place.name,
        text:
          others.length === 0
            ? 'there is no complete backup'
            : 'no backup is of this cluster: they have other system ids',
        mend: [takeOne(facts)],
      },
    ];
  });
}

function age(facts: Facts): readonly Flaw[] {
  return inStock(facts, (stock, { place, look }) => {
    const [newest] = completeBackups(stock, facts);
    if (newest === undefined) return [noBackup(facts, place.name)];
    const unknown = ofWhom(facts, place.name);
    const days = (timeBy(facts.now, look) / 1000 - Number(newest.endTime / 1_000_000n)) / DAY;
    if (days < OLD_DAYS.warning) return unknown;
    return [
      ...unknown,
      {
        severity: days < OLD_DAYS.critical ? 'warning' : 'critical',
        host: place.name,
        text: `the newest backup, ${newest.id} of ${newest.server}, is ${Math.floor(days)} days old`,
        mend: [takeOne(facts)],
      },
    ];
  });
}

/** A backup that is still being taken after so many hours does not come to an end. */
const HOURS = 24;

/**
 * Epoch seconds of when a backup began. One that waits for PostgreSQL has no time yet; its name has that of Barman's own zone,
 * which is not known here.
 */
function beganAt({ id, beginTime }: BackupInfo): { readonly began: number; readonly withinHours: number } {
  if (beginTime !== undefined) return { began: Number(beginTime / 1_000_000n), withinHours: 0 };
  const named = id.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)$/, '$1-$2-$3T$4:$5:$6Z');
  return { began: (Date.parse(named) || 0) / 1000, withinHours: 14 };
}

function failed(facts: Facts): readonly Flaw[] {
  return inStock(facts, ({ servers: all }, { place, look }) =>
    all.flatMap(({ name, backups }): readonly Flaw[] => {
      const [newest] = backups;
      if (newest === undefined || newest.status === 'DONE') return [];
      if (newest.status === 'STARTED' || newest.status === 'EMPTY' || newest.status === 'SYNCING') {
        const { began, withinHours } = beganAt(newest);
        if ((timeBy(facts.now, look) / 1000 - began) / 3_600 < HOURS + withinHours) return [];
      }
      return [
        {
          severity: 'warning',
          host: place.name,
          text: `the newest backup of ${name}, ${newest.id}, has status ${newest.status}${newest.error === undefined ? '' : `: ${newest.error}`}`,
          mend: [barmanOn(facts, 'show-backup', name, newest.id), takeOne(facts)],
        },
      ];
    }),
  );
}

function redundancy(facts: Facts): readonly Flaw[] {
  return inStock(facts, ({ servers: all }, { place }) =>
    all.flatMap(({ name, backups, retention }) => {
      const count = backups.filter(isComplete).length;
      if (count >= retention.minimum) return [];
      return [
        {
          severity: 'warning' as const,
          host: place.name,
          text: `server ${name} has ${count} complete backups, and is to have ${retention.minimum} (minimum_redundancy)`,
          mend: [`Take one: ${barmanOn(facts, 'backup', '--wait', name)}`],
        },
      ];
    }),
  );
}

function files(facts: Facts): readonly Flaw[] {
  return ofBarman(facts, (barman) => {
    return unproved(barman.files, barman.place.name, [takeOne(facts)]);
  });
}

/** Of the leader's server alone: only the leader archives, so the others' servers fail checks in which nothing is wrong. */
function barmanCheck(facts: Facts): readonly Flaw[] {
  return ofBarman(facts, (barman) => {
    const leader = leaderNode(facts);
    const server = leader?.place?.barmanServer;
    if (server === undefined)
      return [
        {
          severity: 'unknown',
          text: "cannot tell: it is not known which server is the leader's",
          mend: [pitrCommand(facts, 'status')],
        },
      ];
    return flawsOf(checksOf(barman.checks, server), barman.place.name, (checks) =>
      checks
        .filter(({ ok }) => !ok)
        .map(({ name, hint }) => ({
          severity: 'critical',
          host: barman.place.name,
          text: `barman check ${server}: "${name}" fails${hint === '' ? '' : ` (${hint})`}`,
          mend: [barmanOn(facts, 'check', server)],
        })),
    );
  });
}

function drill(facts: Facts): readonly Flaw[] {
  return flawsOf(facts.controller.drills, undefined, ([last]) => {
    const days = last === undefined ? undefined : (facts.now - last.ended) / 1000 / DAY;
    if (days !== undefined && days < DRILL_DAYS) return [];
    const [node] = facts.nodes.filter(({ name }) => name !== leaderNode(facts)?.name);
    return [
      {
        severity: 'warning',
        text:
          days === undefined
            ? 'no backup of this cluster was ever restored from here'
            : `the last recovery from here was ${Math.floor(days)} days ago (run ${last?.run ?? ''})`,
        mend: [
          `See what it would do: pitr play recover.yml${facts.inventoryOptions} -e target=${node?.name ?? 'NODE'} --check`,
          `Try it on a replica, isolated: pitr play recover.yml${facts.inventoryOptions} -e target=${node?.name ?? 'NODE'}; then take it back: pitr play rollback.yml${facts.inventoryOptions} -e target=${node?.name ?? 'NODE'}`,
        ],
      },
    ];
  });
}

export const BACKUP_CHECKS: readonly Check[] = [
  {
    id: 'backups.servers',
    title: 'Barman knows every server that the inventory names, and barman_servers has those of all nodes',
    meaning: 'Its backups and its WAL would not be looked for where they are.',
    needs: ['stock'],
    judge: servers,
  },
  {
    id: 'backups.present',
    title: 'There is a complete backup of this cluster',
    meaning: 'Nothing can be recovered.',
    needs: ['stock', 'cluster', 'sql', 'instance'],
    judge: present,
  },
  {
    id: 'backups.age',
    title: 'The newest backup is not old',
    meaning: 'All WAL since then has to be fetched and replayed: the recovery takes long.',
    needs: ['barman', 'stock', 'cluster', 'sql', 'instance'],
    judge: age,
  },
  {
    id: 'backups.failed',
    title: 'The newest backup of each server went well',
    meaning: 'Backups may have stopped working: those that are there only grow older.',
    needs: ['barman', 'stock', 'cluster'],
    judge: failed,
  },
  {
    id: 'backups.files',
    title: 'The files of the newest backup are all there',
    meaning: 'It cannot be restored, whatever its status says.',
    needs: ['files', 'cluster', 'sql', 'instance'],
    judge: files,
  },
  {
    id: 'backups.redundancy',
    title: 'Each server has as many backups as its configuration asks for',
    meaning: 'If the newest backup proves to be damaged, there may be no older one to start from.',
    needs: ['stock'],
    judge: redundancy,
  },
  {
    id: 'backups.compressed',
    title: 'A compressed backup can be unpacked',
    meaning: 'A recovery is refused until it is told where the backup is to be unpacked, or put together.',
    needs: ['stock', 'barman', 'cluster', 'sql', 'instance'],
    judge: withoutStaging,
  },
  {
    id: 'backups.barman-check',
    title: "Barman's own checks of the leader's server pass",
    meaning: 'Backups or archiving do not work as Barman needs them.',
    needs: ['barman-checks', 'cluster'],
    judge: barmanCheck,
  },
  {
    id: 'backups.drill',
    title: 'A recovery was tried within the last three months',
    meaning: 'A backup that was never restored is a hope. Nobody knows how long a recovery takes either.',
    needs: ['controller', 'cluster'],
    judge: drill,
  },
];
