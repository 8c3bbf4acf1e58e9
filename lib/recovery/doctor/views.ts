import type { Member } from '../patroni/cluster.ts';
import type { ClusterState } from '../patroni/cluster-resource.ts';
import type { Facts, NodeFacts } from './facts.ts';
import type { Flaw } from './finding.ts';

/** What the nodes say of their cluster, of those that say something. */
export function clusterViews(
  nodes: readonly NodeFacts[],
): readonly { readonly name: string; readonly cluster: ClusterState }[] {
  return nodes.flatMap(({ name, cluster }) => ('value' in cluster ? [{ name, cluster: cluster.value }] : []));
}

/** The leader that the nodes agree on; nothing where they do not, or where there is none. */
export function leaderIn(nodes: readonly NodeFacts[]): Member | undefined {
  const views = clusterViews(nodes);
  const leaders = new Set(views.map(({ cluster }) => cluster.leader));
  const [first] = views;
  const name = leaders.size === 1 ? first?.cluster.leader : undefined;
  return name === undefined ? undefined : first?.cluster.members[name];
}

/** The facts of the node that leads, where it is a host of the inventory. */
export function leaderNode({ nodes }: Facts): NodeFacts | undefined {
  const leader = leaderIn(nodes);
  return leader === undefined ? undefined : nodes.find(({ name }) => name === leader.name);
}

/**
 * The system id of the cluster: as the PostgreSQL of its leader tells it, else as the control files of all nodes do that
 * could be read. Nothing where they do not agree.
 */
export function clusterId(nodes: readonly NodeFacts[]): string | undefined {
  const leader = leaderIn(nodes);
  const own = nodes.find(({ name }) => name === leader?.name);
  if (own !== undefined && 'value' in own.sql) return own.sql.value.system_id;
  const ids = new Set(
    nodes.flatMap(({ instance }) => ('value' in instance ? (instance.value.control?.systemId ?? []) : [])),
  );
  const [id] = ids;
  return ids.size === 1 ? id : undefined;
}

export function perNode(facts: Facts, judge: (node: NodeFacts) => readonly Flaw[]): readonly Flaw[] {
  return facts.nodes.flatMap(judge);
}

/** A host on which patronictl can be typed. */
export function anyNode({ nodes }: Facts): string {
  return nodes.find(({ reached }) => 'value' in reached)?.name ?? nodes[0]?.name ?? '';
}
