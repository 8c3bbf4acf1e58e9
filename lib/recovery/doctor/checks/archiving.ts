import { whyNoArchive } from '../../postgres/archive-command.ts';
import type { Told } from '../answer.ts';
import { countedServers } from '../backups-and-archives.ts';
import { barmanOn, onHost, pitrCommand, psqlOn } from '../commands-to-type.ts';
import type { BarmanFacts, Facts, NodeFacts, Stock } from '../facts.ts';
import { type Check, type Flaw, flawsOf } from '../finding.ts';
import { serversHolding } from '../last-archived.ts';
import type { NodeSql } from '../node-sql.ts';
import { ofBarman } from '../of-barman.ts';
import { leaderNode } from '../views.ts';

/** So many finished segments that wait are a backlog; so many more are an archive that stands still. */
const BACKLOG = { warning: 3, critical: 32 } as const;

/** Bytes of WAL that an idle slot may hold before it is named: a replica that restarts holds some for a moment. */
const HELD_BYTES = 1024 * 1024 * 1024;

function ofLeader(
  facts: Facts,
  judge: (sql: NodeSql, leader: NodeFacts) => readonly Flaw[],
): readonly Flaw[] {
  const leader = leaderNode(facts);
  if (leader === undefined) {
    return [
      {
        severity: 'unknown',
        text: 'cannot tell: nobody leads who could be asked',
        mend: [pitrCommand(facts, 'status')],
      },
    ];
  }
  return flawsOf(leader.sql, leader.name, (sql) => judge(sql, leader));
}

/** Whether Barman receives the leader's WAL by streaming: by the leader's own server, and one that works. */
function archivesByStreaming({ barman }: Facts, { name, place }: NodeFacts): Told<boolean> {
  if (barman === undefined) return { unknown: 'it is not known where Barman is', next: [] };
  if (!('value' in barman.stock)) return barman.stock;
  const wanted = place?.barmanServer;
  if (wanted === undefined)
    return { unknown: `it is not known which server of Barman is that of ${name}`, next: [] };
  const server = barman.stock.value.servers.find((one) => one.name === wanted);
  return { value: server?.streamingArchiver === true && server.idle.length === 0 };
}

function unlessStreamed(facts: Facts, leader: NodeFacts, flaw: Flaw): readonly Flaw[] {
  const streamed = archivesByStreaming(facts, leader);
  if ('value' in streamed) return streamed.value ? [] : [flaw];
  const text = `${flaw.text}, and whether Barman receives its WAL by streaming cannot be told: ${streamed.unknown}`;
  return [{ ...flaw, severity: 'unknown', text, mend: [...streamed.next, ...flaw.mend] }];
}

function isOn(facts: Facts): readonly Flaw[] {
  return ofLeader(facts, ({ settings }, leader) => {
    const { name } = leader;
    const why = whyNoArchive({
      mode: settings.archive_mode ?? 'off',
      command: settings.archive_command ?? '',
      library: settings.archive_library ?? '',
    });
    if (why === undefined) return [];
    return unlessStreamed(facts, leader, {
      severity: 'critical',
      host: name,
      text: why,
      mend: [
        psqlOn(
          facts,
          name,
          "select name, setting, source, sourcefile from pg_settings where name like 'archive%'",
        ),
        "Set archive_mode and archive_command in Patroni's configuration, as barman-wal-archive(1) shows.",
      ],
    });
  });
}

function works(facts: Facts): readonly Flaw[] {
  return ofLeader(facts, ({ archived }, { name, place }) =>
    archived.failing
      ? [
          {
            severity: 'critical',
            host: name,
            text: `archiving fails: the last try was of ${archived.failed ?? 'a segment'}, the last that was archived is ${archived.last ?? 'none'}`,
            mend: [
              psqlOn(facts, name, "select current_setting('archive_command')"),
              ...(place?.barmanSsh === undefined
                ? []
                : [onHost(facts, name, place.user, 'ssh', '-o', 'BatchMode=yes', place.barmanSsh, 'true')]),
              ...(place?.barmanServer === undefined ? [] : [barmanOn(facts, 'check', place.barmanServer)]),
            ],
          },
        ]
      : [],
  );
}

function backlog(facts: Facts): readonly Flaw[] {
  return ofLeader(facts, ({ ready }, { name }) => {
    if (ready < BACKLOG.warning) return [];
    return [
      {
        severity: ready >= BACKLOG.critical ? 'critical' : 'warning',
        host: name,
        text: `${ready} finished WAL files wait to be archived`,
        mend: [psqlOn(facts, name, 'select * from pg_stat_archiver')],
      },
    ];
  });
}

/** What PostgreSQL believes to be archived must lie in an archive: an archive_command may say yes and store nothing. */
function arrives(facts: Facts): readonly Flaw[] {
  return ofLeader(facts, ({ archived: { last }, system_id: id }, leader) => {
    const { name } = leader;
    if (last === null) {
      return unlessStreamed(facts, leader, {
        severity: 'warning',
        host: name,
        text: 'no segment was archived yet since its statistics began',
        mend: [
          psqlOn(facts, name, 'select pg_switch_wal()'),
          psqlOn(facts, name, 'select * from pg_stat_archiver'),
        ],
      });
    }
    return ofBarman(facts, (barman) =>
      flawsOf(barman.stock, barman.place.name, (stock) => {
        const holding = serversHolding(stock, barman.place, id, last);
        if (holding.length > 0) return elsewhere(leader, barman, holding, last);
        return flawsOf(countedServers(facts, stock, barman), barman.place.name, () => [
          nowhere(facts, leader, last),
        ]);
      }),
    );
  });
}

function nowhere(facts: Facts, { name, place }: NodeFacts, last: string): Flaw {
  const server = place?.barmanServer;
  return {
    severity: 'critical',
    host: name,
    text: `${last} counts as archived, and lies in no archive of Barman: archive_command says yes without storing`,
    mend: [
      psqlOn(facts, name, "select current_setting('archive_command')"),
      'Set it right, and let PostgreSQL read it: pg_reload_conf().',
      `While it still lies in pg_wal, save it: pitr play save-wal.yml${facts.inventoryOptions} -e node=${name}`,
      ...(server === undefined
        ? []
        : [`Then take a new backup: ${barmanOn(facts, 'backup', '--wait', server)}`]),
    ],
  };
}

function elsewhere(
  { name, place }: NodeFacts,
  barman: BarmanFacts,
  holding: Stock['servers'],
  last: string,
): readonly Flaw[] {
  const wanted = place?.barmanServer;
  if (holding.some((server) => server.name === wanted)) return [];
  const proved = holding.filter(
    (server) => server.systemId !== undefined || barman.place.servers?.includes(server.name) === true,
  );
  if (proved.length === 0) {
    const servers = holding.map((server) => server.name).join(', ');
    return [
      {
        severity: 'unknown',
        host: name,
        text: `cannot tell whether ${last} is archived: one of that name lies in the archive of ${servers}, of which it is not known what cluster it archives`,
        mend: ['Name in barman_servers only the servers that belong to this cluster.'],
      },
    ];
  }
  if (wanted === undefined) return [];
  return [
    {
      severity: 'warning',
      host: name,
      text: `it archives to ${proved.map((server) => server.name).join(', ')}, and the inventory says ${wanted}`,
      mend: [
        `Set barman_server for ${name} in the inventory to ${proved[0]?.name ?? 'that server'}, or let archive_command name ${wanted}.`,
      ],
    },
  ];
}

function timeout(facts: Facts): readonly Flaw[] {
  return ofLeader(facts, ({ settings }, leader) => {
    if (settings.archive_timeout !== '0') return [];
    const { name } = leader;
    return unlessStreamed(facts, leader, {
      severity: 'warning',
      host: name,
      text: 'archive_timeout is 0: a segment is archived only when it is full',
      mend: [
        `Archive at least every five minutes: ${psqlOn(facts, name, "alter system set archive_timeout = '5min'")}; ${psqlOn(facts, name, 'select pg_reload_conf()')}`,
        "For all nodes: set it in Patroni's dynamic configuration.",
      ],
    });
  });
}

function slots(facts: Facts): readonly Flaw[] {
  return ofLeader(facts, ({ slots: all, settings }, { name }) => {
    const members = new Set(facts.nodes.map((node) => node.name.replaceAll(/[.-]/g, '_').toLowerCase()));
    return all
      .filter((slot) => !slot.active)
      .map((slot) => ({
        severity: (slot.held ?? 0) > HELD_BYTES ? ('critical' as const) : ('warning' as const),
        host: name,
        text: `nobody reads the replication slot ${slot.name}, which holds ${Math.round((slot.held ?? 0) / 1024 / 1024)} MiB of WAL${settings.max_slot_wal_keep_size === '-1' ? ', without limit' : ''}`,
        mend: members.has(slot.name)
          ? [`It is the slot of a member: ${pitrCommand(facts, 'status')}`]
          : [
              `If it is Barman's: ${barmanOn(facts, 'cron')}`,
              `If nobody needs it: ${psqlOn(facts, name, `select pg_drop_replication_slot('${slot.name.replaceAll("'", "''")}')`)}`,
            ],
      }));
  });
}

export const ARCHIVING_CHECKS: readonly Check[] = [
  {
    id: 'archiving.on',
    title: 'The leader archives its WAL',
    meaning: 'Nothing that is written from now on can be recovered.',
    needs: ['cluster', 'sql', 'instance', 'stock'],
    judge: isOn,
  },
  {
    id: 'archiving.works',
    title: 'The last try to archive went well',
    meaning:
      'Nothing after the last archived segment can be recovered from the archive, and pg_wal fills its volume.',
    needs: ['cluster', 'sql', 'instance'],
    judge: works,
  },
  {
    id: 'archiving.backlog',
    title: 'No WAL waits to be archived',
    meaning: 'What waits is lost with the leader. A recovery to its end has to fetch it from there first.',
    needs: ['cluster', 'sql', 'instance'],
    judge: backlog,
  },
  {
    id: 'archiving.arrives',
    title: "What PostgreSQL counts as archived lies in Barman's archive",
    meaning:
      'PostgreSQL removes what it counts as archived. There is a hole in the archive that no recovery of these backups gets past.',
    needs: ['cluster', 'sql', 'instance', 'stock'],
    judge: arrives,
  },
  {
    id: 'archiving.timeout',
    title: 'WAL is archived in time also when little is written',
    meaning: 'On a quiet cluster the last hours may lie in a segment that is nowhere but on the leader.',
    needs: ['cluster', 'sql', 'instance', 'stock'],
    judge: timeout,
  },
  {
    id: 'archiving.slots',
    title: 'Every replication slot is read',
    meaning: 'The leader keeps all WAL for it until its volume is full, and then stops.',
    needs: ['cluster', 'sql', 'instance'],
    judge: slots,
  },
];
