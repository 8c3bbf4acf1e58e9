import type { ReadHost } from '../../contract/host.ts';
import { askBarmanLogins } from '../barman/logins.ts';
import { findConfig } from '../patroni/dynamic-config.ts';
import { parseTried, tryMemberLogins } from '../patroni/logins.ts';
import { NOT_ASKED, type Told, told } from './answer.ts';
import { barmanChecks, gatherBarmanFacts } from './barman-facts.ts';
import type { BarmanFacts, ControllerFacts, Facts, Need, NodeFacts } from './facts.ts';
import { stockSince } from './last-archived.ts';
import { gatherNodeFacts, unknownNode } from './node-facts.ts';
import type { BarmanPlace, NodePlace, VariableFlaw } from './place.ts';
import { clusterId, leaderIn } from './views.ts';

/** What is to be examined. */
export interface Site {
  readonly nodes: readonly { readonly name: string; readonly place?: NodePlace | undefined }[];
  readonly barman?: BarmanPlace | undefined;
  readonly variableFlaws: readonly VariableFlaw[];
  readonly controller: ControllerFacts;
  readonly inventoryOptions: string;
  readonly host: (name: string) => ReadHost;
}

/** Looks at all hosts at the same time, at no more than is needed. Changes nothing. */
export async function lookAround(site: Site, needs: ReadonlySet<Need>): Promise<Facts> {
  const places = site.nodes.flatMap(({ place }) => place ?? []);
  const nodesSeen = Promise.all(
    site.nodes.map(({ name, place }) => {
      if (place !== undefined) return gatherNodeFacts(site.host(name), place, needs);
      const why = { unknown: `the inventory does not say enough of ${name}`, next: [] };
      return unknownNode(name, why, why);
    }),
  );
  const id = nodesSeen.then(clusterId);
  // An interruption is told by nodesSeen: who needs the id may not await it yet, or never will.
  id.catch(() => {});
  const [nodes, barman] = await Promise.all([
    nodesSeen,
    site.barman === undefined
      ? undefined
      : gatherBarmanFacts(site.host(site.barman.name), site.barman, places, needs, id),
  ]);
  const [dynamic, logins, checks, barmanLogins, stock] = await Promise.all([
    needs.has('dynamic') ? dynamicConfig(site, nodes) : NOT_ASKED,
    needs.has('member-logins') ? Promise.all(nodes.map((node) => memberLogins(site, node, nodes))) : [],
    needs.has('barman-checks') && barman !== undefined ? checksOfBarman(site, barman, nodes) : NOT_ASKED,
    needs.has('barman-logins') && barman !== undefined ? loginsOfBarman(site, barman, nodes) : NOT_ASKED,
    needs.has('stock') && barman !== undefined
      ? stockSince(site.host(barman.place.name), barman, nodes)
      : barman?.stock,
  ]);
  return {
    now: Date.now(),
    nodes: nodes.map((node, index) => ({ ...node, logins: logins[index] ?? NOT_ASKED })),
    barman:
      barman === undefined
        ? undefined
        : { ...barman, checks, logins: barmanLogins, stock: stock ?? barman.stock },
    variableFlaws: site.variableFlaws,
    dynamic,
    controller: site.controller,
    inventoryOptions: site.inventoryOptions,
  };
}

/** From the first node that can tell. */
async function dynamicConfig(site: Site, nodes: readonly NodeFacts[]): Promise<Facts['dynamic']> {
  let last: Facts['dynamic'] = { unknown: 'no node is reached', next: [] };
  for (const { name, place, reached } of nodes) {
    if (place === undefined || !('value' in reached)) continue;
    last = await told(() => findConfig(site.host(name), place.patroni));
    if ('value' in last) return last;
  }
  return last;
}

const NO_LEADER: Told<never> = { unknown: 'nobody leads on whom they could be tried', next: [] };

async function memberLogins(
  site: Site,
  { name, place, reached }: NodeFacts,
  nodes: readonly NodeFacts[],
): Promise<NodeFacts['logins']> {
  const leader = leaderIn(nodes);
  if (place === undefined || !('value' in reached)) {
    return { unknown: `${name} is not reached`, next: [] };
  }
  if (leader?.host === undefined) return NO_LEADER;
  const at = { host: leader.host, port: leader.port ?? 5432 };
  const { pgdata, user, patroni } = place;
  const member = { name, config: patroni.config, pgdata, user };
  return told(() => tryMemberLogins(site.host(name), member, at));
}

/**
 * Barman's own checks of the leader's server: only the leader archives, so the others' servers fail checks in which
 * nothing is wrong.
 */
async function checksOfBarman(
  site: Site,
  { place, reached }: BarmanFacts,
  nodes: readonly NodeFacts[],
): Promise<BarmanFacts['checks']> {
  const leader = leaderIn(nodes);
  const server = nodes.find(({ name }) => name === leader?.name)?.place?.barmanServer;
  if (!('value' in reached)) return { unknown: `${place.name} is not reached`, next: [] };
  if (server === undefined) return { unknown: "it is not known which server is the leader's", next: [] };
  return told(() => barmanChecks(site.host(place.name), place.user, server));
}

async function loginsOfBarman(
  site: Site,
  { place, reached }: BarmanFacts,
  nodes: readonly NodeFacts[],
): Promise<BarmanFacts['logins']> {
  const leader = leaderIn(nodes);
  const node = nodes.find(({ name }) => name === leader?.name)?.place;
  if (!('value' in reached)) return { unknown: `${place.name} is not reached`, next: [] };
  if (leader?.host === undefined || node?.barmanServer === undefined) return NO_LEADER;
  const at = { host: leader.host, port: leader.port ?? 5432 };
  const server = node.barmanServer;
  return told(async () => {
    const answer = await askBarmanLogins(
      site.host(place.name),
      { host: place.name, server, user: place.user },
      at,
      'log in',
    );
    if (typeof answer !== 'string') throw new Error(answer.untried);
    return parseTried(answer, place.name);
  });
}
