import { followsByArchive, isUp } from '../../patroni/cluster.ts';
import { patronictlOn, pitrCommand, psqlOn, reinitOf } from '../commands-to-type.ts';
import type { Facts } from '../facts.ts';
import { type Check, type Flaw, flawsOf } from '../finding.ts';
import { anyNode, clusterViews, leaderIn, leaderNode, perNode } from '../views.ts';

function leaderFlaws(facts: Facts): readonly Flaw[] {
  const views = clusterViews(facts.nodes);
  const silent = perNode(facts, ({ name, cluster }) => flawsOf(cluster, name, () => []));
  if (views.length === 0 || leaderIn(facts.nodes) !== undefined) return silent;
  const says = views.map(({ name, cluster }) => `${name} says ${cluster.leader ?? 'none'}`);
  const text = `the nodes do not name one leader: ${says.join(', ')}`;
  return [{ severity: 'critical', text, mend: [patronictlOn(facts, anyNode(facts), 'list')] }, ...silent];
}

/** How a member is copied anew. Not advised where nobody leads: it may be the one with the newest data. */
function copied(facts: Facts, member: string, when: string): readonly string[] {
  return leaderIn(facts.nodes) === undefined ? [] : [`${when}: ${reinitOf(facts, member)}`];
}

function membersUp(facts: Facts): readonly Flaw[] {
  const [view] = clusterViews(facts.nodes);
  if (view === undefined)
    return [
      {
        severity: 'unknown',
        text: 'cannot tell: no node tells of the cluster',
        mend: [pitrCommand(facts, 'status')],
      },
    ];
  const leader = leaderIn(facts.nodes);
  const { members, timeline } = view.cluster;
  return Object.values(members).flatMap((member): readonly Flaw[] => {
    const mend = [
      patronictlOn(facts, anyNode(facts), 'list'),
      ...copied(facts, member.name, 'Where it does not come back by itself'),
    ];
    if (!isUp(member.state)) {
      return [{ severity: 'critical', host: member.name, text: `its state is "${member.state}"`, mend }];
    }
    if (member.timeline === undefined || timeline === undefined || member.timeline === timeline) return [];
    return [
      {
        severity: 'critical',
        host: member.name,
        text: `it is on timeline ${member.timeline}, and ${leader === undefined ? 'another member' : 'the leader'} on ${timeline}`,
        mend: [
          ...copied(facts, member.name, 'Copy it anew from the leader'),
          patronictlOn(facts, anyNode(facts), 'list'),
        ],
      },
    ];
  });
}

function streaming(facts: Facts): readonly Flaw[] {
  const leader = leaderIn(facts.nodes);
  const byArchive = new Set(
    clusterViews(facts.nodes).flatMap(({ cluster }) =>
      Object.values(cluster.members).flatMap((member) => (followsByArchive(member) ? [member.name] : [])),
    ),
  );
  return perNode(facts, ({ name, sql }) => {
    if (name === leader?.name) return [];
    return flawsOf(sql, name, ({ in_recovery: replica, receiving }) => {
      if (!replica && leader === undefined) {
        const text =
          'cannot tell whether it should follow: PostgreSQL takes writes here, and nobody is known to lead';
        return [{ severity: 'unknown', host: name, text, mend: [pitrCommand(facts, 'status')] }];
      }
      if (!replica && leader !== undefined) {
        return [
          {
            severity: 'critical',
            host: name,
            text: `PostgreSQL takes writes here, and ${leader.name} leads`,
            mend: [`Stop it before anybody writes there: ${patronictlOn(facts, name, 'list')}`],
          },
        ];
      }
      if (receiving === 'streaming' || byArchive.has(name)) return [];
      return [
        {
          severity: 'critical',
          host: name,
          text: `it receives no WAL by streaming (${receiving ?? 'no WAL receiver runs'})`,
          mend: [
            psqlOn(facts, name, 'select * from pg_stat_wal_receiver'),
            ...copied(facts, name, 'Where it does not come back by itself'),
          ],
        },
      ];
    });
  });
}

function paused(facts: Facts): readonly Flaw[] {
  const view = clusterViews(facts.nodes).find(({ cluster }) => cluster.paused !== undefined);
  if (view === undefined) {
    return [
      {
        severity: 'unknown',
        text: 'cannot tell whether automatic failover is paused',
        mend: [patronictlOn(facts, anyNode(facts), 'show-config')],
      },
    ];
  }
  if (view.cluster.paused !== true) return [];
  return [
    {
      severity: 'critical',
      text: 'the cluster is in pause (maintenance mode)',
      mend: [patronictlOn(facts, anyNode(facts), 'resume')],
    },
  ];
}

function replayPaused(facts: Facts): readonly Flaw[] {
  return perNode(facts, ({ name, sql }) =>
    flawsOf(sql, name, ({ replay_paused: isPaused }) =>
      isPaused
        ? [
            {
              severity: 'warning',
              host: name,
              text: 'replay is paused: it receives changes and does not apply them',
              mend: [psqlOn(facts, name, 'select pg_wal_replay_resume()')],
            },
          ]
        : [],
    ),
  );
}

function sameCluster(facts: Facts): readonly Flaw[] {
  const leader = leaderNode(facts);
  if (leader === undefined || !('value' in leader.sql)) {
    return [
      {
        severity: 'unknown',
        text: "cannot tell: the leader's PostgreSQL does not say which cluster it is",
        mend: [pitrCommand(facts, 'status')],
      },
    ];
  }
  const id = leader.sql.value.system_id;
  return perNode(facts, ({ name, instance }) =>
    flawsOf(instance, name, ({ control }) => {
      if (control === undefined)
        return [
          {
            severity: 'unknown',
            host: name,
            text: 'cannot tell: its control file could not be read',
            mend: [],
          },
        ];
      if (control.systemId === id) return [];
      return [
        {
          severity: 'critical',
          host: name,
          text: `its data is of another cluster: system id ${control.systemId}, and the leader has ${id}`,
          mend: [`Copy it anew from the leader: ${reinitOf(facts, name)}`],
        },
      ];
    }),
  );
}

export const CLUSTER_CHECKS: readonly Check[] = [
  {
    id: 'cluster.leader',
    title: 'The nodes agree on one leader',
    meaning: 'Without a leader a recovery cannot know what is lost by it, and nobody would archive its end.',
    needs: ['cluster'],
    judge: leaderFlaws,
  },
  {
    id: 'cluster.members',
    title: "Every member is up, on the leader's timeline",
    meaning:
      'What is down or on another timeline protects nothing, and cannot take over while a node is being recovered.',
    needs: ['cluster'],
    judge: membersUp,
  },
  {
    id: 'cluster.streaming',
    title: 'Every replica receives WAL from the leader',
    meaning:
      'It falls behind. A failover to it loses what it does not have, and its old data is no copy to go back to.',
    needs: ['cluster', 'sql', 'instance'],
    judge: streaming,
  },
  {
    id: 'cluster.replay',
    title: 'No replica has paused its replay',
    meaning: 'It shows old data for as long as that lasts, and a failover to it has to replay first.',
    needs: ['sql', 'instance'],
    judge: replayPaused,
  },
  {
    id: 'cluster.paused',
    title: 'Automatic failover is not paused',
    meaning:
      'In pause Patroni starts and stops no PostgreSQL, and no member takes over by itself: a cut-over and every way back are refused.',
    needs: ['cluster'],
    judge: paused,
  },
  {
    id: 'cluster.identity',
    title: 'All nodes hold data of one cluster',
    meaning: 'The backups of one cluster do not fit the data of another: a recovery there is refused.',
    needs: ['cluster', 'sql', 'instance'],
    judge: sameCluster,
  },
];
