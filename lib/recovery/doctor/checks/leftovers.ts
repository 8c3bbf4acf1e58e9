import { KEPT_HBA_FILE } from '../../postgres/instance.ts';
import { leftovers } from '../../postgres/recovery-files.ts';
import { isRecoverySetting } from '../../postgres/recovery-settings.ts';
import { onHost, pitrCommand, psqlOn } from '../commands-to-type.ts';
import type { Facts, NodeFacts } from '../facts.ts';
import { type Check, type Flaw, flawsOf } from '../finding.ts';
import type { NodeLook } from '../node-script.ts';
import { ofBarman } from '../of-barman.ts';
import { leaderIn } from '../views.ts';

function each(facts: Facts, judge: (look: NodeLook, node: NodeFacts) => readonly Flaw[]): readonly Flaw[] {
  return facts.nodes.flatMap((node) => flawsOf(node.host, node.name, (look) => judge(look, node)));
}

const BECOME = 'Let the login become root or the owner of the data (ansible_become: true).';

/** What lies beside the data directory; unknown where nobody may look. */
function besides(
  facts: Facts,
  judge: (beside: readonly string[], node: NodeFacts) => readonly Flaw[],
): readonly Flaw[] {
  return each(facts, ({ beside }, node) => {
    if (beside !== undefined) return judge(beside, node);
    const text = `cannot tell: the directory of ${node.place?.pgdata ?? 'the data directory'} cannot be looked into`;
    return [{ severity: 'unknown', host: node.name, text, mend: [BECOME] }];
  });
}

/** Names in the data directory; unknown where it cannot be looked into. */
function names(
  facts: Facts,
  judge: (there: ReadonlySet<string>, node: NodeFacts) => readonly Flaw[],
): readonly Flaw[] {
  return each(facts, (look, node) => {
    if (look.names !== undefined) return judge(look.names, node);
    return [
      {
        severity: 'unknown',
        host: node.name,
        text: `cannot tell: ${node.place?.pgdata ?? 'the data directory'} cannot be looked into`,
        mend: [BECOME],
      },
    ];
  });
}

function waiting(facts: Facts): readonly Flaw[] {
  return besides(facts, (beside, { name, place }) =>
    beside.includes(`${place?.pgdata ?? ''}.pitr.json`)
      ? [
          {
            severity: 'warning',
            host: name,
            text: 'a recovery waits there for a decision',
            mend: [
              `Go on with it: pitr play cutover.yml${facts.inventoryOptions} -e target=${name}`,
              `Take it back: pitr play rollback.yml${facts.inventoryOptions} -e target=${name}`,
            ],
          },
        ]
      : [],
  );
}

function besideData(facts: Facts): readonly Flaw[] {
  return besides(facts, (beside, { name, place }) => {
    const note = `${place?.pgdata ?? ''}.pitr.json`;
    const kept = beside.filter((path) => path !== note);
    // What belongs to a recovery that waits is told with it.
    if (kept.length === 0 || beside.includes(note)) return [];
    return [
      {
        severity: 'warning',
        host: name,
        text: `earlier recoveries have left ${kept.join(', ')}`,
        mend: [
          'Let the old data of an accepted recovery go: pitr runs, then pitr commit RUN',
          onHost(facts, name, undefined, 'du', '-sh', ...kept),
        ],
      },
    ];
  });
}

/** Patroni keeps it on every replica. */
const OF_A_REPLICA = 'standby.signal';

/** Whether a node is a replica: where nobody leads, as far as what runs there tells. A stopped one tells nothing. */
function isReplica({ name, instance }: NodeFacts, leader: string | undefined): boolean | 'unknown' {
  if (leader !== undefined) return leader !== name;
  const runs = 'value' in instance && instance.value.running && instance.value.role === 'recovering';
  return runs ? true : 'unknown';
}

function inData(facts: Facts): readonly Flaw[] {
  const leader = leaderIn(facts.nodes);
  return names(facts, (there, node) => {
    const { name, instance } = node;
    if ('value' in instance && instance.value.mode === 'isolated') return [];
    const replica = isReplica(node, leader?.name);
    const all = leftovers(there);
    const found = all.filter((file) => replica === false || file !== OF_A_REPLICA);
    return [
      ...(found.length === 0 ? [] : [leftOver(facts, node, found)]),
      ...(replica === 'unknown' && all.includes(OF_A_REPLICA)
        ? [
            {
              severity: 'unknown' as const,
              host: name,
              text: `cannot tell whether ${OF_A_REPLICA} in the data directory is that of a replica: nobody leads`,
              // Without it a replica would start as a second primary.
              mend: [`Leave it there, and look who leads first: ${pitrCommand(facts, 'status')}`],
            },
          ]
        : []),
    ];
  });
}

function leftOver(facts: Facts, { name, place }: NodeFacts, found: readonly string[]): Flaw {
  const dangerous = found.some((file) => file.endsWith('.signal'));
  const paths = found.map((file) => `${place?.pgdata ?? ''}/${file}`);
  return {
    severity: dangerous ? 'critical' : 'warning',
    host: name,
    text: dangerous
      ? `${found.join(', ')} in the data directory: at its next start PostgreSQL goes into recovery`
      : `${found.join(', ')} in the data directory, where every backup and every new replica takes them along`,
    mend: [`Look at them, then remove them: ${onHost(facts, name, place?.user, 'ls', '-ld', ...paths)}`],
  };
}

function settings(facts: Facts): readonly Flaw[] {
  return each(facts, ({ autoConf }, { name, place, instance }) => {
    if (autoConf === undefined) {
      const text = `cannot tell: postgresql.auto.conf in ${place?.pgdata ?? 'the data directory'} cannot be read`;
      return [{ severity: 'unknown', host: name, text, mend: [BECOME] }];
    }
    const isolated = 'value' in instance && instance.value.mode === 'isolated';
    // archive_command may have been set there by anybody, and what is in force archiving.* tells.
    const found = [...new Set(autoConf)].filter((one) => isRecoverySetting(one) && one !== 'archive_command');
    if (found.length === 0 || isolated) return [];
    return [
      {
        severity: 'warning',
        host: name,
        text: `postgresql.auto.conf holds settings of a recovery: ${found.join(', ')}`,
        mend: found.map((setting) => psqlOn(facts, name, `alter system reset ${setting}`)),
      },
    ];
  });
}

function closed(facts: Facts): readonly Flaw[] {
  return names(facts, (there, { name }) =>
    there.has(KEPT_HBA_FILE)
      ? [
          {
            severity: 'warning',
            host: name,
            text: `${KEPT_HBA_FILE} is there: a recovery has closed the rules of access and has not opened them again`,
            mend: ['See which run it was, and go on with it or take it back: pitr runs'],
          },
        ]
      : [],
  );
}

function lock(facts: Facts): readonly Flaw[] {
  return ofBarman(facts, (barman) => {
    return flawsOf(barman.lock, barman.place.name, ({ held, claim }) => {
      if (!held && claim === undefined) return [];
      const who = claim === undefined ? 'somebody' : `run ${claim.run} of ${claim.owner} (${claim.purpose})`;
      return [
        {
          severity: 'warning',
          host: barman.place.name,
          text: held
            ? `${who} is at work on this cluster`
            : `${who} has left its lock: it ${claim?.state === 'waiting' ? 'waits for a decision' : `did not end well${claim?.ended === undefined ? '' : ` (${claim.ended})`}`}`,
          mend: [
            ...(claim?.ways ?? []),
            'What it did and what can be done now, where it was started: pitr runs',
          ],
        },
      ];
    });
  });
}

export const LEFTOVER_CHECKS: readonly Check[] = [
  {
    id: 'leftovers.waiting',
    title: 'No recovery waits for a decision',
    meaning: 'The node is out of the cluster until then, and no other recovery can begin on it.',
    needs: ['host'],
    judge: waiting,
  },
  {
    id: 'leftovers.beside',
    title: 'No old data of earlier recoveries lies beside the data',
    meaning: 'It takes the space that the next recovery needs.',
    needs: ['host'],
    judge: besideData,
  },
  {
    id: 'leftovers.data',
    title: 'No files of a recovery lie in a data directory',
    meaning: 'They go into every backup, and a signal file sends PostgreSQL into recovery at its next start.',
    needs: ['host', 'instance', 'cluster'],
    judge: inData,
  },
  {
    id: 'leftovers.settings',
    title: 'No settings of a recovery are left',
    meaning: 'The next recovery, or a plain start as a replica, stops where the last one was to stop.',
    needs: ['host', 'instance'],
    judge: settings,
  },
  {
    id: 'leftovers.closed',
    title: 'No node is closed by a recovery',
    meaning: 'Only the host itself gets in: no client, no replica.',
    needs: ['host'],
    judge: closed,
  },
  {
    id: 'leftovers.lock',
    title: 'Nobody is at work on the cluster, and no lock was left',
    meaning: 'A recovery is refused until that run has ended well or was taken back.',
    needs: ['lock'],
    judge: lock,
  },
];
