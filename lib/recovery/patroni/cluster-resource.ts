import { PitrError } from '../../base/errors/pitr-error.ts';
import type { ReadHost, Resource } from '../../contract/host.ts';
import { evidenceOf } from '../../transport/command-failed.ts';
import { quote } from '../../transport/quote.ts';
import { type ClusterView, isUp, type Member, parseClusterAnswer, parseMemberList } from './cluster.ts';
import { type NodeView, parseNode } from './node.ts';
import { askPause, askRest, nodeProbe, type PatroniAccess, parseAnswers, type RestAnswer } from './rest.ts';

export interface ClusterState extends ClusterView {
  /** Who told it: this node's REST API, another member's, or patronictl (the DCS). */
  readonly source: 'node' | 'member' | 'patronictl';
  /** What this very node says of itself; absent when its Patroni does not run. */
  readonly own?: NodeView | undefined;
  readonly systemId?: string | undefined;
}

/** The cluster that a host belongs to; one state for the whole run. The id is the cluster's name. */
export function patroniResource(access: PatroniAccess): Resource<ClusterState> {
  return { kind: 'patroni', scope: 'run', read: (host) => readCluster(host, access) };
}

/**
 * The cluster as this node shows it: its own REST API first; where its Patroni does not run, the list in the DCS
 * (patronictl), and the REST API of a member that is up. Throws kind `failed` (`patroni-silent`) when nobody answers,
 * kind `refused` (`other-cluster`) when the node belongs to another cluster than the expected one. Without `withPause` a
 * list of the DCS is not asked about a pause: that takes patronictl once more.
 */
export async function readCluster(
  host: ReadHost,
  access: PatroniAccess,
  { withPause = true }: { readonly withPause?: boolean } = {},
): Promise<ClusterState> {
  const result = await host.query(nodeProbe(access));
  const answers = parseAnswers(result.stdout);
  const cluster = answers.get('/cluster');
  const node = answers.get('/patroni');
  const base = answers.get('base')?.body;
  if (cluster?.code === 200) {
    const own = nodeIn(node);
    const view = clusterIn(cluster);
    if (view === undefined) throw foreign(host, access, base ?? 'its address');
    return expected(host, access, { ...view, ...facts('node', own), own });
  }
  const list = answers.get('patronictl');
  const listed = list?.code === 200 ? listIn(list) : undefined;
  if (listed === undefined) {
    const other = answers.get('foreign')?.body;
    if (other !== undefined) throw foreign(host, access, other);
    throw new PitrError({
      kind: 'failed',
      code: 'patroni-silent',
      message: `Patroni does not answer: neither its REST API (${access.url ?? `port ${access.port}`}) nor patronictl tells about the cluster`,
      host: host.name,
      evidence: { ...evidenceOf(result), command: `patronictl -c ${quote(access.config)} list -f json` },
      next: [
        'Check patroni_port, patroni_url and patroni_config in the inventory.',
        'Check that the DCS (etcd) answers; without it nobody knows who leads.',
      ],
    });
  }
  const better = await askMembers(
    host,
    access,
    answers.get('scheme')?.body === 'https' ? 'https' : 'http',
    Object.values(listed.members),
  );
  if (better !== undefined) return expected(host, access, better);
  const paused = withPause ? pausedByConfig(await askPause(host, access)) : undefined;
  return expected(host, access, {
    ...listed,
    ...(paused === undefined ? {} : { paused }),
    source: 'patronictl',
  });
}

/** The list does not tell of a pause; the dynamic configuration does. */
function pausedByConfig(answer: RestAnswer | undefined): boolean | undefined {
  if (answer?.code !== 200) return undefined;
  return !['false', 'null', 'no', 'off', '~', ''].includes(answer.body.trim().toLowerCase());
}

/** The first member that is up and answers. It tells more than the list: pause, exact lag, the system identifier. */
async function askMembers(
  host: ReadHost,
  access: PatroniAccess,
  scheme: 'http' | 'https',
  members: readonly Member[],
): Promise<ClusterState | undefined> {
  for (const member of members) {
    if (member.host === undefined || !isUp(member.state)) continue;
    const base = `${scheme}://${member.host.includes(':') ? `[${member.host}]` : member.host}:${access.port}`;
    const answers = await askRest(host, access, [`${base}/cluster`, `${base}/patroni`]);
    const cluster = answers.get(`${base}/cluster`);
    const node = answers.get(`${base}/patroni`);
    const view = cluster?.code === 200 ? clusterIn(cluster) : undefined;
    const told = nodeIn(node);
    if (view === undefined || told === undefined) continue;
    return { ...view, ...facts('member', told) };
  }
  return undefined;
}

/** What a node has answered; nothing where it has not, or where something else than Patroni has. */
export function nodeIn(answer: RestAnswer | undefined): NodeView | undefined {
  if (answer === undefined || answer.code === 0 || answer.body === '') return undefined;
  try {
    return parseNode(answer.body);
  } catch {
    // No such answer: it is not Patroni that is there.
    return undefined;
  }
}

function clusterIn(answer: RestAnswer): ClusterView | undefined {
  try {
    return parseClusterAnswer(answer.body);
  } catch {
    // As above.
    return undefined;
  }
}

function listIn(answer: RestAnswer): ClusterView | undefined {
  try {
    return parseMemberList(answer.body);
  } catch {
    // Words of patronictl, or of what stands before it, and no list: an answer that tells of no cluster.
    return undefined;
  }
}

function foreign(host: ReadHost, access: PatroniAccess, address: string): PitrError {
  return new PitrError({
    kind: 'failed',
    code: 'patroni-silent',
    message: `something else than Patroni answers at ${address}, and patronictl does not tell about the cluster`,
    host: host.name,
    next: [
      `See what it is, on ${host.name}: curl -s ${address}/cluster`,
      `Set patroni_url in the inventory to where restapi.listen of ${access.config} says that Patroni is, or patroni_port.`,
    ],
  });
}

function facts(
  source: ClusterState['source'],
  node: NodeView | undefined,
): Pick<ClusterState, 'source' | 'systemId' | 'cluster'> {
  return {
    source,
    ...(node?.systemId === undefined ? {} : { systemId: node.systemId }),
    ...(node?.cluster === undefined ? {} : { cluster: node.cluster }),
  };
}

function expected(host: ReadHost, access: PatroniAccess, state: ClusterState): ClusterState {
  if (access.cluster === undefined || state.cluster === undefined || state.cluster === access.cluster)
    return state;
  throw new PitrError({
    kind: 'refused',
    code: 'other-cluster',
    message: `${host.name} belongs to the Patroni cluster "${state.cluster}", not to "${access.cluster}"`,
    host: host.name,
    next: ['Check patroni_cluster and the hosts of the group in the inventory.'],
  });
}

/** What a member says of itself, asked from this host; nothing when it does not answer. */
export async function readNode(
  host: ReadHost,
  access: Pick<PatroniAccess, 'config'>,
  member: Member,
): Promise<NodeView | undefined> {
  if (member.apiUrl === undefined) return undefined;
  const url = `${member.apiUrl}/patroni`;
  return nodeIn((await askRest(host, access, [url])).get(url));
}

/** What several members say of themselves, by name; those that do not answer are not in it. */
export async function readNodes(
  host: ReadHost,
  access: Pick<PatroniAccess, 'config'>,
  members: readonly Member[],
): Promise<ReadonlyMap<string, NodeView>> {
  const urls = members.flatMap(({ name, apiUrl }) =>
    apiUrl === undefined ? [] : [[name, `${apiUrl}/patroni`] as const],
  );
  if (urls.length === 0) return new Map();
  const answers = await askRest(
    host,
    access,
    urls.map(([, url]) => url),
  );
  return new Map(
    urls.flatMap(([name, url]) => {
      const node = nodeIn(answers.get(url));
      return node === undefined ? [] : [[name, node] as const];
    }),
  );
}
