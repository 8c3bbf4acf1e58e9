import { asPitrError } from '../../base/errors/pitr-error.ts';
import type { ReadHost } from '../../contract/host.ts';
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
  /** Hosts that were named, and are none of its members as far as can be told; with why. */
  readonly unlisted: readonly { readonly name: string; readonly why: string }[];
  readonly barman: BarmanDiscovery;
}

/** Asks one node for its cluster, then all its members, then Barman. Throws where the first node tells nothing. */
export async function discoverSite(connect: Connect, wish: DiscoveryWish): Promise<SiteDiscovery> {
  const from = connect('the first node', wish.from);
  const node = await discoverNode(from, wish.config);
  const { members, systemId = node.systemId } = await readCluster(from, {
    port: node.restPort ?? 8008,
    config: node.config,
    cluster: node.cluster,
  });
  const first: NodeDiscovery = { ...node, ...(systemId === undefined ? {} : { systemId }) };
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
  const unlisted: { readonly name: string; readonly why: string }[] = [];
  for (const { name, tried, reach, how } of await namedBeside(connect, wish, {
    first,
    own: node.systemId,
    listed,
  }))
    if (typeof tried !== 'string') asked.push({ name, reach, node: tried });
    else
      unlisted.push({
        name,
        why: `${how}, and the cluster does not list it; ${reachWords(reach)}: ${tried}`,
      });
  return {
    cluster: first.cluster,
    members: asked,
    unlisted,
    barman: await discoverBarman(connect, wish, asked, systemId),
  };
}

interface Beside {
  readonly name: string;
  readonly reach: Reach;
  /** How it came to be looked at. */
  readonly how: string;
  /** What it tells, or why it is no member. */
  readonly tried: NodeDiscovery | string;
}

/**
 * Hosts that the operator has named and that the cluster does not list: their Patroni may be down, and a name may be
 * mistyped. They are tried as members are.
 */
async function namedBeside(
  connect: Connect,
  wish: DiscoveryWish,
  {
    first,
    own,
    listed,
  }: {
    readonly first: NodeDiscovery;
    /** The system id of the first node by its own data. */
    readonly own: string | undefined;
    readonly listed: readonly Member[];
  },
): Promise<readonly Beside[]> {
  const isListed = (name: string): boolean => listed.some((member) => member.name === name);
  const named = [...wish.hosts].filter(([name]) => name !== first.member && !isListed(name));
  const beside = await Promise.all(
    named.map(async ([name, reach]) => ({
      ...{ name, reach, how: 'it was named' },
      tried: await tryMember(connect, wish, first, { name, reach, said: true }),
    })),
  );
  if (isListed(first.member)) return beside;
  const { member: name } = first;
  const foreign = whyNotMember(
    first,
    { ...first, ...(own === undefined ? {} : { systemId: own }) },
    name,
    true,
  );
  return [{ name, reach: wish.from, how: 'it was asked first', tried: foreign ?? first }, ...beside];
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
  // What the cluster itself announces comes first: a name may lead elsewhere from here.
  const names = [member.host ?? '', member.name];
  const tries =
    said === undefined ? guesses(wish.from, [first.member, first.identity.name ?? ''], names) : [said];
  const whys: string[] = [];
  for (const reach of tries) {
    const tried = await tryMember(connect, wish, first, {
      name: member.name,
      reach,
      said: said !== undefined,
    });
    if (typeof tried !== 'string') return { ...announced(member), reach, node: tried };
    whys.push(`${reachWords(reach)}: ${tried}`);
  }
  return { ...announced(member), why: whys.join('; ') };
}

interface Try {
  readonly name: string;
  readonly reach: Reach;
  /** A person has said that it is there; else it is a guess. */
  readonly said: boolean;
}

async function tryMember(
  connect: Connect,
  wish: DiscoveryWish,
  first: NodeDiscovery,
  { name, reach, said }: Try,
): Promise<NodeDiscovery | string> {
  try {
    const host = connect(name, reach);
    const seen = await discoverNode(host, wish.config);
    const node = isNamed(first, seen, name) ? await withSystemId(host, seen) : seen;
    return whyNotMember(first, node, name, said) ?? node;
  } catch (thrown) {
    const error = asPitrError(thrown);
    if (error.kind === 'interrupted') throw thrown;
    const detail = error.evidence?.stderr?.trim().split('\n').at(-1) ?? '';
    return detail === '' ? error.message : `${error.message} (${detail})`;
  }
}

/** The system id by its Patroni, as that of the first node, where the login may not read the data. */
async function withSystemId(host: ReadHost, node: NodeDiscovery): Promise<NodeDiscovery> {
  if (node.systemId !== undefined) return node;
  const { restPort: port = 8008, config, cluster } = node;
  try {
    const { systemId } = await readCluster(host, { port, config, cluster });
    return systemId === undefined ? node : { ...node, systemId };
  } catch (thrown) {
    // It does not run, as before its first copy: then nothing tells.
    if (asPitrError(thrown).kind === 'interrupted') throw thrown;
    return node;
  }
}

type Named = Pick<NodeDiscovery, 'cluster' | 'member'>;

function isNamed(first: Pick<Named, 'cluster'>, node: Named, name: string): boolean {
  return node.cluster === first.cluster && node.member === name;
}

/**
 * Who answers must say itself that it is this member, and of this cluster: another host may have taken its name, and two
 * environments that were made alike have the same names in both. Nothing where it is.
 */
export function whyNotMember(
  first: Pick<NodeDiscovery, 'cluster' | 'systemId'>,
  node: Pick<NodeDiscovery, 'cluster' | 'member' | 'systemId'>,
  name: string,
  said: boolean,
): string | undefined {
  if (!isNamed(first, node, name)) return `there is member ${node.member} of cluster ${node.cluster}`;
  if (node.systemId !== undefined && first.systemId !== undefined)
    return node.systemId === first.systemId
      ? undefined
      : `there is another cluster of the same name (system id ${node.systemId}, and not ${first.systemId})`;
  // A member without data has nothing to tell it by, and one may not be let into the data of another.
  return said
    ? undefined
    : 'whether it is of this cluster, or of another one of the same name, its data does not tell; let the login become root (-e ansible_become=true), or say where it is: --host NAME=WHERE';
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
    const tried = await tryMember(connect, wish, first, { name: member.name, reach, said: true });
    if (typeof tried !== 'string') {
      const { why: _, ...rest } = member;
      return { ...rest, reach, node: tried };
    }
    why = `${reachWords(reach)}: ${tried}`;
  }
}
