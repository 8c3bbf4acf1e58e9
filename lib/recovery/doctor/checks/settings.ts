import { isOfTheNode } from '../../postgres/in-force.ts';
import { isRecoverySetting } from '../../postgres/recovery-settings.ts';
import { patronictlOn, psqlOn } from '../commands-to-type.ts';
import type { Facts, NodeFacts } from '../facts.ts';
import { type Check, type Flaw, flawsOf } from '../finding.ts';
import type { NodeSql } from '../node-sql.ts';
import { leaderNode } from '../views.ts';

function each(facts: Facts, judge: (sql: NodeSql, node: NodeFacts) => readonly Flaw[]): readonly Flaw[] {
  return facts.nodes.flatMap((node) => flawsOf(node.sql, node.name, (sql) => judge(sql, node)));
}

/** Settings that need a restart, where they are not those of the leader. */
function differences(facts: Facts): readonly Flaw[] {
  const leader = leaderNode(facts);
  if (leader === undefined) {
    return [
      { severity: 'unknown', text: 'cannot tell: nobody leads whose settings could be compared', mend: [] },
    ];
  }
  return flawsOf(leader.sql, leader.name, ({ restart: wanted }) =>
    each(facts, ({ restart }, { name, memberConfig }) => {
      const own = 'value' in memberConfig ? memberConfig.value.parameters : [];
      const other = Object.keys(wanted).filter(
        (setting) =>
          restart[setting] !== undefined &&
          restart[setting] !== wanted[setting] &&
          !isOfTheNode(setting) &&
          !own.includes(setting),
      );
      if (other.length === 0) return [];
      const words = other.map(
        (setting) => `${setting} is ${restart[setting]} here and ${wanted[setting]} on ${leader.name}`,
      );
      return [
        {
          severity: 'warning',
          host: name,
          text: words.join(', '),
          mend: [patronictlOn(facts, name, 'show-config'), restartOf(facts, name)],
        },
      ];
    }),
  );
}

function restartOf(facts: Facts, name: string): string {
  const cluster = facts.nodes.find((node) => node.name === name)?.place?.patroni.cluster;
  return patronictlOn(facts, name, 'restart', ...(cluster === undefined ? [] : [cluster]), name, '--force');
}

const UNSAFE = { fsync: 'off', full_page_writes: 'off' } as const;

export const SETTING_CHECKS: readonly Check[] = [
  {
    id: 'settings.answers',
    title: 'PostgreSQL answers on every node',
    meaning:
      'What it does not tell cannot be examined, and a node that lets nobody in cannot be proved to follow.',
    needs: ['sql', 'instance'],
    judge: (facts) =>
      facts.nodes.flatMap(({ name, sql, instance }) =>
        flawsOf(instance, name, ({ running, data }) => {
          if ('value' in sql || data === 'absent') return [];
          return [
            {
              severity: running ? 'unknown' : 'critical',
              host: name,
              text: running ? `cannot tell: ${sql.unknown}` : 'PostgreSQL does not run here',
              mend: [...sql.next, patronictlOn(facts, name, 'list')],
            },
          ];
        }),
      ),
  },
  {
    id: 'settings.pending-restart',
    title: 'No setting waits for a restart',
    meaning:
      'After the cut-over PostgreSQL starts with what waits: other memory, libraries or limits than have been tried.',
    needs: ['sql', 'instance'],
    judge: (facts) =>
      each(facts, ({ pending }, { name }) => {
        // Patroni takes the settings of a replica out of the file of a new leader. They wait for ever, and nobody uses them.
        const used = pending.filter((setting) => !isRecoverySetting(setting));
        if (used.length === 0) return [];
        return [
          {
            severity: 'warning',
            host: name,
            text: `${used.join(', ')} will have another value after a restart`,
            mend: [restartOf(facts, name)],
          },
        ];
      }),
  },
  {
    id: 'settings.differ',
    title: 'All nodes work with the same settings that need a restart',
    meaning:
      'Another node works differently when it leads after a recovery. The cut-over compares them, tells the differences, and goes on.',
    needs: ['cluster', 'sql', 'instance', 'member-config'],
    judge: differences,
  },
  {
    id: 'settings.files',
    title: 'The configuration files have no errors',
    meaning: 'PostgreSQL does not start with a wrong line: not after a recovery, and not after a crash.',
    needs: ['sql', 'instance'],
    judge: (facts) =>
      each(facts, ({ file_errors: errors }, { name }) =>
        errors.map((text) => ({
          severity: 'critical',
          host: name,
          text: `a line of its configuration is wrong: ${text}`,
          mend: [psqlOn(facts, name, 'select * from pg_file_settings where error is not null')],
        })),
      ),
  },
  {
    id: 'settings.hba',
    title: 'The rules of access (pg_hba.conf) have no errors',
    meaning:
      'PostgreSQL does not start with a wrong rule, and lets nobody in by rules that it could not reload.',
    needs: ['sql', 'instance'],
    judge: (facts) =>
      each(facts, ({ hba_errors: errors }, { name }) =>
        errors.map((text) => ({
          severity: 'critical',
          host: name,
          text: `a rule of pg_hba.conf is wrong: ${text}`,
          mend: [psqlOn(facts, name, 'select * from pg_hba_file_rules where error is not null')],
        })),
      ),
  },
  {
    id: 'settings.durability',
    title: 'Nothing that was committed can be lost by a crash',
    meaning: 'After a crash the data may be damaged, and so may every backup that is taken of it.',
    needs: ['sql', 'instance'],
    judge: (facts) =>
      each(facts, ({ settings }, { name }) =>
        Object.entries(UNSAFE)
          .filter(([setting, unsafe]) => settings[setting] === unsafe)
          .map(([setting, unsafe]) => ({
            severity: 'critical',
            host: name,
            text: `${setting} is ${unsafe}`,
            mend: [
              psqlOn(facts, name, `alter system reset ${setting}`),
              psqlOn(facts, name, 'select pg_reload_conf()'),
              `Where it comes from: ${psqlOn(facts, name, `select source, sourcefile from pg_settings where name = '${setting}'`)}`,
            ],
          })),
      ),
  },
];
