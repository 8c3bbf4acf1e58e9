import { isUp } from '../../patroni/cluster.ts';
import { isStandbyCluster, replicaMethods } from '../../patroni/member-config.ts';
import { livingWords } from '../../patroni/service-process.ts';
import { isStrict } from '../../patroni/synchronous.ts';
import { onHost, patronictlOn } from '../commands-to-type.ts';
import type { Facts, NodeFacts } from '../facts.ts';
import { type Check, type Flaw, flawsOf } from '../finding.ts';
import { anyNode, perNode } from '../views.ts';

function ownRest(facts: Facts): readonly Flaw[] {
  return perNode(facts, ({ name, cluster, place }) =>
    flawsOf(cluster, name, ({ source, members }) => {
      const up = members[name] !== undefined && isUp(members[name].state);
      if (source === 'node' || !up) return [];
      return [
        {
          severity: 'critical',
          host: name,
          text: `Patroni runs here, and its REST API does not answer at ${place?.patroni.url ?? `port ${place?.patroni.port ?? '?'}, nor where its configuration says`}`,
          mend: [
            `Set patroni_url for ${name} in the inventory to what restapi.listen of Patroni's configuration says.`,
            ...(place === undefined
              ? []
              : [onHost(facts, name, undefined, 'grep', '-A3', 'restapi', place.patroni.config)]),
          ],
        },
      ];
    }),
  );
}

const NO_PLACE = { service: 'patroni', manager: 'systemd', config: 'its configuration' } as const;

function service(facts: Facts): readonly Flaw[] {
  return perNode(facts, (node) => {
    const { name, service: answer, patroni, place } = node;
    return flawsOf(answer, name, ({ state, detail }) => {
      const beside = 'value' in patroni ? patroni.value.beside : undefined;
      if (state === 'running' && beside === undefined) return served(facts, node);
      const { service: unit, manager, config } = place?.patroni ?? NO_PLACE;
      const words =
        state === 'missing' ? `${manager} knows no service ${unit}` : `the service ${unit} is ${state}`;
      const told = `${words}${detail === undefined ? '' : ` (${detail})`}`;
      const text =
        beside === undefined
          ? told
          : `${state === 'running' ? `the service ${unit} does not run the Patroni of ${config}` : told}, and the Patroni of ${config} runs all the same (${livingWords(beside)})`;
      const mend =
        beside !== undefined
          ? [
              `Set patroni_service for ${name} in the inventory to the unit that runs it, and service_manager to its manager. Where it was started by hand, end it, and start the service.`,
              onHost(facts, name, undefined, 'pgrep', '-af', 'patroni'),
            ]
          : state === 'missing'
            ? [
                `Set patroni_service and service_manager for ${name} in the inventory to what runs Patroni there.`,
              ]
            : [
                manager === 'systemd'
                  ? onHost(facts, name, undefined, 'systemctl', 'start', unit)
                  : onHost(facts, name, undefined, 'supervisorctl', 'start', unit),
              ];
      return [{ severity: 'critical', host: name, text, mend }];
    });
  });
}

/** A service that runs may be that of another cluster on the same host. */
function served(facts: Facts, { name, patroni, place }: NodeFacts): readonly Flaw[] {
  return flawsOf(patroni, name, ({ served: told }) => {
    if (told === 'this' || place === undefined) return [];
    const { service: unit, config } = place.patroni;
    const mend = [
      `Set patroni_service for ${name} in the inventory to what runs the Patroni of ${config}.`,
      onHost(facts, name, undefined, 'pgrep', '-af', 'patroni'),
    ];
    if (told === 'unknown') {
      const text = `cannot tell whether the service ${unit} runs the Patroni of ${config}`;
      return [{ severity: 'unknown', host: name, text, mend }];
    }
    if ('among' in told) {
      const text = `the service ${unit} is ${told.among}, which runs Patroni among other things: a recovery would stop them all`;
      return [{ severity: 'critical', host: name, text, mend }];
    }
    const text = `the service ${unit} runs the Patroni of ${told.other}, and the inventory says ${config}`;
    return [{ severity: 'critical', host: name, text, mend }];
  });
}

function dataPlace(facts: Facts): readonly Flaw[] {
  return perNode(facts, ({ name, dataPlace: answer, place }) =>
    flawsOf(answer, name, (same) =>
      same
        ? []
        : [
            {
              severity: 'critical',
              host: name,
              text: `Patroni keeps its data elsewhere than in ${place?.pgdata ?? 'pgdata'}`,
              mend: [
                `Set pgdata for ${name} in the inventory to postgresql.data_dir of ${place?.patroni.config ?? 'its configuration'}.`,
              ],
            },
          ],
    ),
  );
}

function standby(facts: Facts): readonly Flaw[] {
  return flawsOf(facts.dynamic, undefined, (dynamic) =>
    isStandbyCluster(dynamic)
      ? [
          {
            severity: 'critical',
            text: 'this is a standby cluster: it follows another one, and has no leader of its own',
            mend: [
              'Recover the cluster that it follows, then copy each member here anew.',
              `To recover this one by itself, end its following for good: ${patronictlOn(facts, anyNode(facts), 'edit-config', '--force', '--set', 'standby_cluster=null')}`,
            ],
          },
        ]
      : [],
  );
}

function strict(facts: Facts): readonly Flaw[] {
  return flawsOf(facts.dynamic, undefined, (dynamic) =>
    isStrict(dynamic)
      ? [
          {
            severity: 'warning',
            text: 'synchronous_mode_strict is on',
            mend: [
              'Know that writes wait, or let them go on without a synchronous standby:',
              patronictlOn(
                facts,
                anyNode(facts),
                'edit-config',
                '--force',
                '--set',
                'synchronous_mode_strict=false',
              ),
            ],
          },
        ]
      : [],
  );
}

function methods(facts: Facts): readonly Flaw[] {
  return flawsOf(facts.dynamic, undefined, (dynamic) =>
    perNode(facts, ({ name, memberConfig }) =>
      flawsOf(memberConfig, name, (config) => {
        const ways = replicaMethods(config, dynamic);
        if (ways.length === 1 && ways[0] === 'basebackup') return [];
        return [
          {
            severity: 'warning',
            host: name,
            text: `Patroni makes a replica here by ${ways.join(', ')} (create_replica_methods)`,
            mend: [
              'pitr copies members from the new leader itself after a recovery. Do not reinit one by hand before a new backup is there.',
              `To let Patroni do it: ${patronictlOn(facts, anyNode(facts), 'edit-config', '--force', '--set', 'postgresql.create_replica_methods=[basebackup]')}, and take it out of Patroni's configuration on ${name}.`,
            ],
          },
        ];
      }),
    ),
  );
}

/** How Patroni runs, and how it is configured. */
export const PATRONI_CHECKS: readonly Check[] = [
  {
    id: 'cluster.rest',
    title: "Each node's own Patroni answers",
    meaning: 'A recovered node could not be handed back to Patroni, so its recovery is refused.',
    needs: ['cluster'],
    judge: ownRest,
  },
  {
    id: 'cluster.service',
    title: "Patroni's service is known, and runs it",
    meaning: 'A recovery stops and starts Patroni by its service. What it cannot stop it will not touch.',
    needs: ['service'],
    judge: service,
  },
  {
    id: 'cluster.data-directory',
    title: 'Patroni keeps its data where the inventory says',
    meaning: 'What is restored elsewhere would never be opened by Patroni.',
    needs: ['data-place'],
    judge: dataPlace,
  },
  {
    id: 'cluster.standby',
    title: 'The cluster follows no other cluster',
    meaning:
      'Patroni would make a recovered node follow the other cluster, and what was recovered would be gone again.',
    needs: ['dynamic'],
    judge: standby,
  },
  {
    id: 'cluster.synchronous',
    title: 'Writes do not wait for a synchronous standby whatever happens',
    meaning: 'After a cut-over nobody can write until a rebuilt replica has become the synchronous standby.',
    needs: ['dynamic'],
    judge: strict,
  },
  {
    id: 'cluster.replica-methods',
    title: 'Patroni makes replicas as copies of the leader',
    meaning:
      'A replica that is made from a backup after a recovery may bring back what the recovery took away.',
    needs: ['dynamic', 'member-config'],
    judge: methods,
  },
];
