import { z } from 'zod';
import { PitrError } from '../../base/errors/pitr-error.ts';
import { Unknown } from '../../base/values/unknown.ts';
import { until } from '../../base/wait/until.ts';
import type { ReadHost } from '../../contract/host.ts';
import { defineLook } from '../../contract/module.ts';
import { isUp, leads } from '../../recovery/patroni/cluster.ts';
import { type ClusterState, nodeIn, readCluster } from '../../recovery/patroni/cluster-resource.ts';
import { tellingLogs } from '../../recovery/patroni/member-logs.ts';
import type { NodeView } from '../../recovery/patroni/node.ts';
import { memberName, patroniParams, patroniServiceParams } from '../../recovery/patroni/params.ts';
import { askRest, SILENCE } from '../../recovery/patroni/rest.ts';
import { postgresResource } from '../../recovery/postgres/instance-resource.ts';
import { absolutePath, seconds } from '../../recovery/postgres/params.ts';
import { quote } from '../../transport/quote.ts';

const params = z.strictObject({
  member: memberName.optional().describe("member that must lead; the host's name by default"),
  timeout: seconds
    .default(60)
    .describe('seconds until it must lead')
    .meta({ variable: 'leadership_timeout' }),
  // Nobody can write while this is asked.
  interval: z.number().min(0.1).max(60).default(0.1).describe('seconds between two looks'),
  pgdata: absolutePath
    .optional()
    .describe("its data directory, to be asked beside Patroni when the task runs on the member's own host")
    .meta({ variable: 'pgdata' }),
  ...patroniParams,
  ...patroniServiceParams,
});

type Params = z.output<typeof params>;

/** What one look has seen, and what of the proof is missing. */
interface Look {
  readonly cluster: ClusterState;
  readonly node?: NodeView | undefined;
  readonly flaws: readonly string[];
}

export const module = defineLook({
  summary: 'Waits until a member is proved to be the leader.',
  description:
    'The proof: the DCS names it, its REST API answers /leader with 200 (it holds the lock), its PostgreSQL is out of ' +
    'recovery. At the deadline the error says who leads instead and what stands in the way.',
  examples: `- patroni.leader:
    member: "{{ target }}"`,
  params,
  returns: {
    leader: 'its name',
    timeline: 'that it writes on',
    system_id: 'database system identifier, as text',
  },
  awaits: true,
  dependsOn: (p: Params) => [{ kind: 'patroni', id: p.cluster ?? '' }],
  read: async (host, p, context) => {
    const member = p.member ?? host.name;
    const wait = (): Promise<Look> =>
      until(() => look(host, p, member), {
        everyMs: p.interval * 1000,
        deadlineMs: p.timeout * 1000,
        signal: context.signal,
        done: ({ flaws }) => flaws.length === 0,
        passing: SILENCE,
        late: (seen, waited) => stillNot(host.name, p, member, seen, waited),
      });
    const { pgdata } = p;
    const ownHost = pgdata !== undefined && member === host.name;
    const proved = await (ownHost ? tellingLogs(host, { ...p, pgdata }, wait) : wait());
    return { leader: member, timeline: proved.node?.timeline, system_id: proved.node?.systemId };
  },
});

async function look(host: ReadHost, p: Params, member: string): Promise<Look> {
  const cluster = await readCluster(host, p);
  const listed = cluster.members[member];
  if (listed === undefined) {
    const names = Object.keys(cluster.members).join(', ');
    return {
      cluster,
      flaws: [`the cluster does not list it (it lists: ${names === '' ? 'nobody' : names})`],
    };
  }
  const flaws: string[] = [];
  if (cluster.leader !== member) flaws.push(`the DCS names ${cluster.leader ?? 'nobody'} as leader`);
  const ownPgdata = member === host.name ? p.pgdata : undefined;
  const [{ node, answer }, instance] = await Promise.all([
    asked(host, p, listed.apiUrl),
    ownPgdata === undefined ? undefined : host.look(postgresResource, ownPgdata),
  ]);
  if (node === undefined) return { cluster, flaws: [...flaws, 'its REST API does not answer'] };
  if (answer?.code !== 200) flaws.push(`its REST API answers /leader with ${answer?.code ?? 'nothing'}`);
  if (!leads(node.role)) flaws.push(`its PostgreSQL is a ${node.role}`);
  if (!isUp(node.state)) flaws.push(`its PostgreSQL is ${node.state}`);
  if (instance === undefined || instance instanceof Unknown) return { cluster, node, flaws };
  if (!instance.running) flaws.push('no PostgreSQL runs there');
  else if (instance.role !== 'primary') flaws.push('its control file says that it is in recovery');
  return { cluster, node, flaws };
}

/** What its Patroni says of itself, and whether it says that it leads. */
async function asked(host: ReadHost, p: Params, api: string | undefined) {
  if (api === undefined) return { node: undefined, answer: undefined };
  const [own, leads] = [`${api}/patroni`, `${api}/leader`];
  const answers = await askRest(host, p, [own, leads]);
  return { node: nodeIn(answers.get(own)), answer: answers.get(leads) };
}

/** What the words of the operator's manual call "still not the leader". */
function stillNot(host: string, p: Params, member: string, seen: Look, waited: number): PitrError {
  const { cluster, node } = seen;
  const role = node?.role ?? cluster.members[member]?.role ?? 'unknown';
  const waitedSeconds = Math.round(waited / 1000);
  return new PitrError({
    kind: 'failed',
    code: 'not-the-leader',
    message:
      cluster.leader === member
        ? `the cluster names ${member} as its leader, and that it leads is not proved after ${waitedSeconds} s (its role: ${role})`
        : `${member} is still not the leader (current role: ${role}) after ${waitedSeconds} s`,
    details: [...seen.flaws, ...hints(member, seen)],
    host,
    state: 'This task has changed nothing.',
    next: waysOn(host, p, member, seen),
  });
}

function waysOn(host: string, p: Params, member: string, seen: Look): readonly string[] {
  const { cluster } = seen;
  const config = `patronictl -c ${quote(p.config)}`;
  if (cluster.leader === member) {
    // Clients write to it: to stop it would cost them the leader, and proves nothing.
    const url = cluster.members[member]?.apiUrl;
    return [
      url === undefined
        ? `Let its REST API answer where restapi.connect_address of its configuration says, and the cluster list that address: ${config} list`
        : `Try on ${host} what must answer with 200: curl -sk -o /dev/null -w '%{http_code}' ${url}/leader`,
      `Where nothing answers there, set restapi.connect_address in Patroni's configuration on ${member} to an address that ${host} reaches, and open its port.`,
    ];
  }
  if (cluster.leader !== undefined)
    return [
      `${config} list`,
      `Stop Patroni on ${cluster.leader} (patroni.member with state: stopped), then run again.`,
    ];
  const failover = [config, 'failover', ...clusterWord(seen, p), '--candidate', member, '--force'].join(' ');
  return [
    `${config} list`,
    `${config} history`,
    `Look into Patroni's log on ${member}: it says at each turn why it does not lead.`,
    ...(followsNobody(seen)
      ? [`Where it is meant to lead with the data that it has, even if others have newer: ${failover}`]
      : []),
  ];
}

/** Said where it is known, as `patroni.failover` says it: commands that write are given it in any version. */
function clusterWord({ cluster }: Look, p: Params): readonly string[] {
  const name = cluster.cluster ?? p.cluster;
  return name === undefined ? [] : [name];
}

/** Nobody leads, and it runs as a replica: it could take over, and Patroni does not let it. */
function followsNobody({ cluster, node }: Look): boolean {
  return cluster.leader === undefined && node !== undefined && !leads(node.role) && isUp(node.state);
}

function hints(member: string, seen: Look): readonly string[] {
  const { cluster } = seen;
  if (cluster.leader === member) {
    return [
      'It leads, as the cluster has it: what is missing is the word of its own node, at the address that it announces there.',
    ];
  }
  if (cluster.leader !== undefined) {
    return [`${cluster.leader} holds the leader lock: as long as it does, ${member} becomes its replica.`];
  }
  if (followsNobody(seen)) {
    return [
      'Nobody leads, and it runs as a replica: its position lies behind the one that the DCS remembers of the last',
      'leader (maximum_lag_on_failover). A promoted PostgreSQL that runs already when Patroni starts is not asked.',
    ];
  }
  return [];
}
