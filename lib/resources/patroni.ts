import type { ReadHost } from '../contract/module.ts';
import { probeScript } from '../contract/probe.ts';
import type { Resource } from '../contract/resource.ts';
import { PitrError } from '../errors/pitr-error.ts';
import {
  type ClusterView,
  isUp,
  type Member,
  parseClusterAnswer,
  parseMemberList,
} from '../patroni/cluster.ts';
import { type NodeView, parseNode } from '../patroni/node.ts';
import { evidenceOf } from '../transport/command-failed.ts';

/** How a node is asked about its cluster. */
export interface PatroniAccess {
  readonly port: number;
  readonly config: string;
  readonly cluster?: string | undefined;
}

export interface ClusterState extends ClusterView {
  /** Who told it: this node's REST API, another member's, or patronictl (the DCS). */
  readonly source: 'node' | 'member' | 'patronictl';
  /** What this very node says of itself; absent when its Patroni does not run. */
  readonly own?: NodeView | undefined;
  readonly systemId?: string | undefined;
}

const SILENT = '000';

// The addresses come from the DCS: -g takes their brackets as they are, --proto keeps curl from reading files.
const ASK = probeScript(`
for url in "$@"; do
  echo "@url $url"
  curl -sg --proto =http,https --max-time 5 -w '\\n@code %{http_code}\\n' -- "$url"
done
exit 0`);

const ASK_NODE = probeScript(`
cluster=$(curl -s --max-time 5 -w '\\n@code %{http_code}\\n' -- "http://127.0.0.1:$1/cluster")
printf '@url cluster\\n%s\\n' "$cluster"
case $cluster in
*"@code 200"*)
  echo "@url patroni"
  curl -s --max-time 5 -w '\\n@code %{http_code}\\n' -- "http://127.0.0.1:$1/patroni" ;;
*)
  echo "@url patronictl"
  list=$(timeout 30 patronictl -c "$2" list -f json) && printf '%s\\n@code 200\\n' "$list" || echo "@code ${SILENT}" ;;
esac
exit 0`);

/** One answer; `code` is that of HTTP, 0 when nothing answered. */
export interface RestAnswer {
  readonly code: number;
  readonly body: string;
}

/** Reads what the two probes above print: `@url`, the body, `@code`. */
export function parseAnswers(printed: string): ReadonlyMap<string, RestAnswer> {
  const answers = new Map<string, RestAnswer>();
  for (const part of printed.split(/^@url /m).slice(1)) {
    const [url = '', ...rest] = part.split('\n');
    const at = rest.findLastIndex((line) => line.startsWith('@code '));
    const code = Number(rest[at]?.slice('@code '.length) ?? 0);
    answers.set(url, {
      code: Number.isNaN(code) ? 0 : code,
      body: rest.slice(0, Math.max(at, 0)).join('\n').trim(),
    });
  }
  return answers;
}

/** Asks REST addresses from a host, in one round trip. */
export async function askRest(
  host: ReadHost,
  urls: readonly string[],
): Promise<ReadonlyMap<string, RestAnswer>> {
  return parseAnswers((await host.query(ASK(urls, { timeoutMs: 10_000 + 5_000 * urls.length }))).stdout);
}

/** The cluster that a host belongs to; one state for the whole run. The id is the cluster's name. */
export function patroniResource(access: PatroniAccess): Resource<ClusterState> {
  return { kind: 'patroni', scope: 'run', read: (host) => readCluster(host, access) };
}

/**
 * The cluster as this node shows it: its own REST API first; where its Patroni does not run, the list in the DCS
 * (patronictl), and the REST API of a member that is up. Throws kind `failed` (`patroni-silent`) when nobody answers,
 * kind `refused` (`other-cluster`) when the node belongs to another cluster than the expected one.
 */
export async function readCluster(host: ReadHost, access: PatroniAccess): Promise<ClusterState> {
  const result = await host.query(ASK_NODE([String(access.port), access.config], { timeoutMs: 45_000 }));
  const answers = parseAnswers(result.stdout);
  const cluster = answers.get('cluster');
  const node = answers.get('patroni');
  if (cluster?.code === 200) {
    const own = node === undefined || node.body === '' ? undefined : parseNode(node.body);
    return expected(host, access, { ...parseClusterAnswer(cluster.body), ...facts('node', own), own });
  }
  const list = answers.get('patronictl');
  if (list?.code !== 200) {
    throw new PitrError({
      kind: 'failed',
      code: 'patroni-silent',
      message: `Patroni does not answer: neither its REST API (port ${access.port}) nor patronictl tells about the cluster`,
      host: host.name,
      evidence: { ...evidenceOf(result), command: `patronictl -c ${access.config} list -f json` },
      next: [
        'Check patroni_port and patroni_config in the inventory.',
        'Check that the DCS (etcd) answers; without it nobody knows who leads.',
      ],
    });
  }
  const listed = parseMemberList(list.body);
  const better = await askMembers(host, access, Object.values(listed.members));
  return expected(host, access, better ?? { ...listed, source: 'patronictl' });
}

/** The first member that is up and answers. It tells more than the list: pause, exact lag, the system identifier. */
async function askMembers(
  host: ReadHost,
  access: PatroniAccess,
  members: readonly Member[],
): Promise<ClusterState | undefined> {
  for (const member of members) {
    if (member.host === undefined || !isUp(member.state)) continue;
    const base = `http://${member.host.includes(':') ? `[${member.host}]` : member.host}:${access.port}`;
    const answers = await askRest(host, [`${base}/cluster`, `${base}/patroni`]);
    const cluster = answers.get(`${base}/cluster`);
    const node = answers.get(`${base}/patroni`);
    if (cluster?.code !== 200 || node === undefined || node.code === 0) continue;
    return { ...parseClusterAnswer(cluster.body), ...facts('member', parseNode(node.body)) };
  }
  return undefined;
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
export async function readNode(host: ReadHost, member: Member): Promise<NodeView | undefined> {
  if (member.apiUrl === undefined) return undefined;
  const url = `${member.apiUrl}/patroni`;
  const answer = (await askRest(host, [url])).get(url);
  return answer === undefined || answer.code === 0 || answer.body === '' ? undefined : parseNode(answer.body);
}
