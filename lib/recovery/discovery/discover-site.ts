import { asPitrError } from '../../base/errors/pitr-error.ts';
import type { Member } from '../patroni/cluster.ts';
import { readCluster } from '../patroni/cluster-resource.ts';
import { type BarmanDiscovery, discoverBarman } from './discover-barman.ts';
import { discoverNode, type NodeDiscovery } from './discover-node.ts';
import type { Connect, DiscoveryWish, FoundMember } from './found.ts';
import { guesses, type Reach, reachWords } from './reach.ts';

/** A cluster as it was found. */
export interface SiteDiscovery {
  readonly cluster: string;
  readonly members: readonly FoundMember[];
  readonly barman: BarmanDiscovery;
}

/** Asks one node for its cluster, then all its members, then Barman. Throws where the first node tells nothing. */
export async function discoverSite(connect: Connect, wish: DiscoveryWish): Promise<SiteDiscovery> {
  const from = connect('the first node', wish.from);
  const first = await discoverNode(from, wish.config);
  const { members } = await readCluster(from, {
    port: first.restPort ?? 8008,
    config: first.config,
    cluster: first.cluster,
  });
  const listed: readonly Member[] = Object.values(members);
  const found = await Promise.all(
    listed.map((member) =>
      member.name === first.member
        ? { ...announced(member), reach: wish.from, node: first }
        : findMember(connect, wish, first, member),
    ),
  );
  const asked: FoundMember[] = [];
  for (const member of found)
    asked.push(member.node === undefined ? await askFor(connect, wish, first, member) : member);
  return {
    cluster: first.cluster,
    members: asked,
    barman: await discoverBarman(connect, wish, asked),
  };
}

function announced({ name, host }: Member): Pick<FoundMember, 'name' | 'address'> {
  return host === undefined ? { name } : { name, address: host };
}

async function findMember(
  connect: Connect,
  wish: DiscoveryWish,
  first: NodeDiscovery,
  member: Member,
): Promise<FoundMember> {
  const said = wish.hosts.get(member.name);
  const tries =
    said === undefined
      ? guesses(wish.from, [first.member, first.identity.name ?? ''], [member.name, member.host ?? ''])
      : [said];
  const whys: string[] = [];
  for (const reach of tries) {
    const tried = await tryMember(connect, wish, first, member.name, reach);
    if (typeof tried !== 'string') return { ...announced(member), reach, node: tried };
    whys.push(`${reachWords(reach)}: ${tried}`);
  }
  return { ...announced(member), why: whys.join('; ') };
}

/** Who answers must say itself that it is this member: another host may have taken its name. */
async function tryMember(
  connect: Connect,
  wish: DiscoveryWish,
  first: NodeDiscovery,
  name: string,
  reach: Reach,
): Promise<NodeDiscovery | string> {
  try {
    const node = await discoverNode(connect(name, reach), wish.config);
    if (node.cluster === first.cluster && node.member === name) return node;
    return `there is member ${node.member} of cluster ${node.cluster}`;
  } catch (thrown) {
    const error = asPitrError(thrown);
    if (error.kind === 'interrupted') throw thrown;
    return error.message;
  }
}

async function askFor(
  connect: Connect,
  wish: DiscoveryWish,
  first: NodeDiscovery,
  member: FoundMember,
): Promise<FoundMember> {
  let { why = 'it was not found' } = member;
  for (;;) {
    const reach = await wish.ask(member.name, why);
    if (reach === undefined) return { ...member, why };
    const tried = await tryMember(connect, wish, first, member.name, reach);
    if (typeof tried !== 'string') {
      const { why: _, ...rest } = member;
      return { ...rest, reach, node: tried };
    }
    why = `${reachWords(reach)}: ${tried}`;
  }
}
