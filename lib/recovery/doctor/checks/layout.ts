import { quote } from '../../../transport/quote.ts';
import type { Layout } from '../../postgres/layout.ts';
import { onHost, psqlOn } from '../commands-to-type.ts';
import type { Facts, NodeFacts } from '../facts.ts';
import { type Check, type Flaw, flawsOf } from '../finding.ts';
import { leaderNode } from '../views.ts';

function each(facts: Facts, judge: (layout: Layout, node: NodeFacts) => Flaw | undefined): readonly Flaw[] {
  return facts.nodes.flatMap((node) =>
    flawsOf(node.layout, node.name, (layout) => {
      const flaw = judge(layout, node);
      return flaw === undefined ? [] : [flaw];
    }),
  );
}

/** Without touching the nodes there is always this way. */
function beside({ inventoryOptions }: Facts, name: string): string {
  return `Without touching the nodes: pitr play prepare.yml${inventoryOptions} -e prepare_for=${name} restores the files on the Barman host.`;
}

function linked(facts: Facts, { link }: Layout, host: string, pgdata?: string): Flaw | undefined {
  if (link === undefined) return undefined;
  return {
    severity: 'critical',
    host,
    text: `${pgdata ?? 'the data directory'} is a link to ${link}`,
    mend: [
      `Let data_dir in Patroni's configuration and pgdata in the inventory name ${link}, and restart the member.`,
      beside(facts, host),
    ],
  };
}

/** A directory in which the owner of the data can make none. */
interface Closed {
  readonly above: string | undefined;
  readonly ofSystem: boolean | undefined;
  readonly words: (owner: string) => string;
  /** How what lies in it gets another one above it. */
  readonly deeper: (owner: string) => string;
}

function closed(facts: Facts, host: string, { above, ofSystem, words, deeper }: Closed): Flaw | undefined {
  if (above === undefined) return undefined;
  const owner = facts.nodes.find(({ name }) => name === host)?.place?.user ?? 'postgres';
  return {
    severity: 'critical',
    host,
    text: words(owner),
    mend: [
      ofSystem === true
        ? `Leave ${above} to root: whoever owns it can replace what else lies in it.`
        : `Where ${above} is PostgreSQL's alone: ${onHost(facts, host, undefined, 'chown', owner, above)}`,
      `Put ${deeper(owner)}, start Patroni.`,
      beside(facts, host),
    ],
  };
}

export const LAYOUT_CHECKS: readonly Check[] = [
  {
    id: 'layout.mount-point',
    title: 'No data directory is a mount point, a link, or in a place that is closed',
    meaning:
      'The old data could not be kept beside the new: a mount point cannot be renamed, and what a link leads to stays where it is; or a copy could not be made there. Recovery there is refused.',
    needs: ['layout'],
    judge: (facts) =>
      each(facts, (layout, { name, place }) =>
        layout.mount_point
          ? {
              severity: 'critical',
              host: name,
              text: `${place?.pgdata ?? 'the data directory'} is a mount point`,
              mend: [
                `Move the data into a directory below it, member by member, while the cluster serves: pitr play data-below-mount.yml${facts.inventoryOptions}`,
                beside(facts, name),
              ],
            }
          : (linked(facts, layout, name, place?.pgdata) ??
            closed(facts, name, {
              above: layout.data_closed,
              ofSystem: layout.data_closed_of_system,
              words: (owner) =>
                `${owner} cannot make a directory in ${layout.data_closed}: Patroni could not copy the leader there`,
              deeper: (owner) =>
                `the data one directory deeper, member by member: stop Patroni, as ${owner} mkdir -m 0700 ${quote(`${place?.pgdata ?? ''}/data`)}, move everything else into it, let data_dir in Patroni's configuration and pgdata in the inventory name that`,
            })),
      ),
  },
  {
    id: 'layout.configuration',
    title: 'PostgreSQL is configured where Patroni says',
    meaning:
      'Restored data could not be started with a configuration that Patroni does not know of: recovery there is refused.',
    needs: ['layout', 'member-config'],
    judge: (facts) =>
      facts.nodes.flatMap(({ name, place, layout, memberConfig }) =>
        flawsOf(layout, name, ({ config_file: file }) =>
          file === undefined
            ? []
            : flawsOf(memberConfig, name, ({ configDirectory }) => {
                const known =
                  configDirectory !== undefined &&
                  [`${configDirectory}/postgresql.conf`, 'a place outside'].includes(file);
                if (known) return [];
                return [
                  {
                    severity: 'critical',
                    host: name,
                    text: `PostgreSQL is configured outside ${place?.pgdata ?? 'its data directory'}, in ${file}, and Patroni's configuration does not name that place`,
                    mend: [
                      `Let config_dir in Patroni's configuration (${place?.patroni.config ?? 'patroni_config'}) name its directory, or patroni_config in the inventory the file that does, and restart the member.`,
                      beside(facts, name),
                    ],
                  },
                ];
              }),
        ),
      ),
  },
  {
    id: 'layout.wal-mount-point',
    title: 'No WAL directory is a mount point, or in a place that is closed',
    meaning:
      'The old WAL could not be kept, or other WAL could not take its place: recovery there is refused.',
    needs: ['layout'],
    judge: (facts) =>
      each(facts, (layout, { name }) =>
        layout.wal_mount_point
          ? {
              severity: 'critical',
              host: name,
              text: `pg_wal links to ${layout.wal ?? 'a mount point'}, which is a mount point`,
              mend: [
                `Put the WAL into a directory below it, member by member: stop Patroni, mkdir ${quote(`${layout.wal ?? ''}/wal`)}, move everything into it, let pg_wal and waldir of Patroni's basebackup name that, start Patroni.`,
              ],
            }
          : closed(facts, name, {
              above: layout.wal_closed,
              ofSystem: layout.wal_closed_of_system,
              words: (owner) =>
                `pg_wal links into ${layout.wal_closed}, and ${owner} cannot make a directory there`,
              deeper: (owner) =>
                `the WAL one directory deeper, member by member: stop Patroni, as ${owner} mkdir ${quote(`${layout.wal ?? ''}/wal`)}, move everything else into it, let pg_wal and waldir of Patroni's basebackup name that`,
            }),
      ),
  },
  {
    id: 'layout.tablespaces',
    title: 'There are no tablespaces whose places must be said',
    meaning:
      'A recovery must be told where each goes (-e tablespaces=...), and the cut-over is a step of its own.',
    needs: ['cluster', 'sql', 'instance'],
    judge: (facts) => {
      const leader = leaderNode(facts);
      if (leader === undefined) {
        return [{ severity: 'unknown', text: 'cannot tell: nobody leads who could be asked', mend: [] }];
      }
      return flawsOf(leader.sql, leader.name, ({ tablespaces }) =>
        tablespaces.length === 0
          ? []
          : [
              {
                severity: 'warning',
                host: leader.name,
                text: `the cluster has tablespaces: ${tablespaces.join(', ')}`,
                mend: [
                  `See where they lie: ${psqlOn(facts, leader.name, 'select spcname, pg_tablespace_location(oid) from pg_tablespace')}`,
                  `Keep it with your notes: -e '{"tablespaces": {${tablespaces.map((name) => `"${name}": "/place/that/is/not/there/yet"`).join(', ')}}}'`,
                ],
              },
            ],
      );
    },
  },
];
