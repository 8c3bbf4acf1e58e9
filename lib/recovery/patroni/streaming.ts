import { formatLsn, lsnAt } from '../wal/lsn.ts';
import { isUp, leads, type Member } from './cluster.ts';
import type { NodeView } from './node.ts';

/** A replica's own receiver of WAL (`pg_stat_wal_receiver`). */
export interface WalReceiver {
  readonly status: string;
  readonly timeline?: number;
}

/** Patroni's word for a PostgreSQL that lets nobody in yet: it replays until its data is consistent. */
export const STARTING = 'starting';
/** While its data is copied. */
export const CREATING = 'creating replica';

/** All that is known of one member and of its leader. */
export interface StreamingFacts {
  readonly name: string;
  /** As the cluster lists it; absent when it does not. */
  readonly listed?: Member | undefined;
  readonly leader?: Member | undefined;
  /** What the two nodes say of themselves; absent when they do not answer. */
  readonly own?: NodeView | undefined;
  readonly leaderNode?: NodeView | undefined;
  /** What the other members say of themselves, by name: one of them may send the WAL on (`replicatefrom`). */
  readonly others?: ReadonlyMap<string, NodeView> | undefined;
  /** Those of them that are up and do not answer. */
  readonly silent?: readonly string[] | undefined;
  /** The members that get their WAL from the archive alone (tag `nostream`). */
  readonly fromArchive?: readonly string[] | undefined;
  /** Absent when PostgreSQL lets nobody in; `null` when it receives no WAL. */
  readonly receiver?: WalReceiver | null | undefined;
  /** It replays late on purpose (`recovery_min_apply_delay`). */
  readonly delayed?: boolean | undefined;
  /** Replay is paused on it (`pg_is_wal_replay_paused()`). */
  readonly paused?: boolean | undefined;
  /** What the process that replays waits for (`wait_event`); `null` where it is at work, or that is not told. */
  readonly replayWaits?: string | null | undefined;
  /** Where the leader was when the member was first seen to stream: bytes since the beginning. */
  readonly goal?: number | undefined;
}

/**
 * What a flaw is worth as evidence:
 *
 * - `seen`: it was seen that the member does not follow
 * - `unseen`: somebody who would know has not told, and it may follow all the same
 * - `paused`: it would follow, and somebody keeps it from that
 * - `leads`: it is the leader itself
 * - `leaderless`: there is nobody to follow
 */
export type FlawKind = 'seen' | 'unseen' | 'paused' | 'leads' | 'leaderless';

export interface StreamingFlaw {
  readonly words: string;
  readonly kind: FlawKind;
  /**
   * `replay`: no WAL that comes in mends it, only replay does. `copy`: only a new copy does. `start`: its PostgreSQL is on its
   * way up.
   */
  readonly about?: 'replay' | 'copy' | 'start';
}

/**
 * What keeps a member from being proved a streaming replica of the leader, directly or by other members; empty when it
 * is one, or is meant to follow by the archive. Patroni's own word counts for little: a replica stuck on an old timeline shows as running with lag 0 for ever.
 */
export function streamingFlaws(facts: StreamingFacts): readonly StreamingFlaw[] {
  const { listed, leader, own, leaderNode } = facts;
  const flaws: StreamingFlaw[] = [];
  if (leader === undefined) flaws.push({ kind: 'leaderless', words: 'the cluster has no leader' });
  if (leader !== undefined && leaderNode === undefined)
    flaws.push(unseen(`the leader ${leader.name} does not answer`));
  const leading = leaderNode !== undefined && leads(leaderNode.role) && isUp(leaderNode.state);
  if (leaderNode !== undefined && !leading) {
    flaws.push(
      unseen(`${leader?.name ?? 'the leader'} says that it is a ${leaderNode.role} (${leaderNode.state})`),
    );
  }
  if (listed === undefined) flaws.push(seen('the cluster does not list it'));
  if (own === undefined) flaws.push(unseen('its Patroni does not answer'));
  if (own !== undefined && leads(own.role)) flaws.push({ kind: 'leads', words: 'it is the leader itself' });
  // Patroni's word for a PostgreSQL that it could not ask, because too many are logged in for one.
  const asked = own !== undefined && own.state !== 'unknown';
  if (own !== undefined && !isUp(own.state))
    flaws.push({
      kind: asked ? 'seen' : 'unseen',
      words: `its state is ${own.state}`,
      ...(own.state === STARTING ? { about: 'start' as const } : {}),
    });
  if (asked && !isUp(own.state)) return flaws;
  // Of a leader that is not up, or is none, nothing can be held against the member.
  if (leaderNode === undefined || !leading) return flaws;
  if (own !== undefined) flaws.push(...differences(facts, own, leaderNode));
  // Where its Patroni is silent these two tell a member that follows by itself from one that does not.
  const way = wayOfWal(facts, leaderNode);
  flaws.push(...way.flaws, ...receiverFlaws(facts, leaderNode.timeline));
  // When the archive gets what the leader writes is not up to the member.
  return [...flaws, ...replayFlaws(way.byArchive ? { ...facts, goal: undefined } : facts)];
}

const seen = (words: string): StreamingFlaw => ({ kind: 'seen', words });
const unseen = (words: string): StreamingFlaw => ({ kind: 'unseen', words });

function differences(
  { receiver }: StreamingFacts,
  own: NodeView,
  leaderNode: NodeView,
): readonly StreamingFlaw[] {
  const flaws: StreamingFlaw[] = [];
  if (own.systemId !== leaderNode.systemId) {
    const told = own.systemId !== undefined && leaderNode.systemId !== undefined;
    const words = `system identifier ${own.systemId ?? 'unknown'}, the leader's is ${leaderNode.systemId ?? 'unknown'}`;
    flaws.push(
      told
        ? seen(`it is another database: ${words}`)
        : unseen(`whether it is another database is not told: ${words}`),
    );
  }
  // Patroni learns a replica's timeline by a login for replication from 127.0.0.1; the receiver knows it without.
  const timeline = own.timeline ?? receiver?.timeline;
  if (timeline === undefined || timeline !== leaderNode.timeline) {
    const words = `it is on timeline ${timeline ?? 'unknown'}, the leader on ${leaderNode.timeline ?? 'unknown'}`;
    flaws.push(timeline === undefined || leaderNode.timeline === undefined ? unseen(words) : seen(words));
  }
  return flaws;
}

interface WayOfWal {
  readonly flaws: readonly StreamingFlaw[];
  /** It comes from the archive, to the member or to one that sends it on. */
  readonly byArchive?: true;
}

/**
 * Follows the WAL from the member to who sends it, up to the leader, or to a member that nobody is meant to send any. A
 * base backup also shows as streaming, under a name of its own.
 */
function wayOfWal(facts: StreamingFacts, leaderNode: NodeView): WayOfWal {
  const { name, leader, others, fromArchive = [] } = facts;
  const leaderName = leader?.name ?? 'the leader';
  const nodes = new Map([[leaderName, leaderNode], ...(others ?? [])]);
  const passed = new Set<string>();
  for (let member = name; !passed.has(member); ) {
    passed.add(member);
    if (fromArchive.includes(member)) return { flaws: [], byArchive: true };
    const senders = [...nodes].flatMap(([sender, { replication }]) =>
      replication
        .filter(({ application }) => application === member && sender !== member)
        .map(({ state }) => ({ sender, state })),
    );
    const sender = senders.find(({ state }) => state === 'streaming')?.sender;
    if (sender === leaderName) return { flaws: [] };
    if (sender === undefined) return { flaws: [unfed(facts, member, leaderName, senders)] };
    member = sender;
  }
  const circle = [...passed].slice(1).join(', ');
  return { flaws: [seen(`it and ${circle} send WAL to each other, and ${leaderName} to none of them`)] };
}

function unfed(
  { name, silent = [] }: StreamingFacts,
  member: string,
  leader: string,
  senders: readonly { readonly sender: string; readonly state: string }[],
): StreamingFlaw {
  const who = member === name ? 'it' : `${member}, from which it streams,`;
  if (senders.length === 0) {
    // One of those that are silent may send it.
    const others = silent.filter((other) => other !== member);
    if (others.length > 0)
      return unseen(`${leader} sends ${who} no WAL, and ${others.join(', ')}, which may, does not answer`);
    return seen(
      member === name
        ? 'the leader sends it no WAL, and no other member does'
        : `${who} receives none of ${leader}`,
    );
  }
  const states = senders.map(({ sender, state }) =>
    sender === leader
      ? `the leader's sender for ${who} is in state ${state}`
      : `the sender of ${sender} for ${who} is in state ${state}`,
  );
  return seen(states.join(', '));
}

function receiverFlaws(
  { name, receiver, fromArchive }: StreamingFacts,
  timeline: number | undefined,
): readonly StreamingFlaw[] {
  if (receiver === undefined) return [unseen('its PostgreSQL does not let us in')];
  if (fromArchive?.includes(name)) return [];
  if (receiver === null) return [seen('it receives no WAL')];
  if (receiver.status !== 'streaming') return [seen(`its receiver of WAL is in state ${receiver.status}`)];
  if (receiver.timeline !== undefined && timeline !== undefined && receiver.timeline !== timeline) {
    return [seen(`it receives timeline ${receiver.timeline}, the leader is on ${timeline}`)];
  }
  return [];
}

/** A process that replays and waits for WAL has nothing that it could replay (`WalAll` and `WalStream` before 13). */
const WAITS_FOR_WAL: ReadonlySet<string> = new Set([
  'RecoveryWalAll',
  'RecoveryWalStream',
  'RecoveryRetrieveRetryInterval',
]);

/**
 * What is received and cannot be replayed is of another history: Patroni's lag counts what was received. A replay that
 * waits for something else than WAL is only held up, by a query on the member for one.
 */
function replayFlaws({ own, goal, delayed, paused, replayWaits }: StreamingFacts): readonly StreamingFlaw[] {
  if (paused === true)
    return [{ kind: 'paused', about: 'replay', words: 'replay is paused on it (pg_wal_replay_pause)' }];
  if (delayed === true || goal === undefined || own === undefined) return [];
  const { replayed } = own;
  if (replayed !== undefined && replayed >= goal) return [];
  const position = (bytes: number): string => formatLsn(lsnAt(BigInt(bytes)));
  const stuck = replayed !== undefined && (replayWaits === undefined || WAITS_FOR_WAL.has(replayWaits ?? ''));
  const words = `it has replayed up to ${replayed === undefined ? 'nobody knows where' : position(replayed)}, and the leader was at ${position(goal)}`;
  return [
    {
      kind: stuck ? 'seen' : 'unseen',
      about: 'replay',
      words: stuck ? words : `${words} (replay waits for ${replayWaits ?? 'nothing that it tells'})`,
    },
  ];
}

/**
 * What flaws prove together. Where all that is wrong is that somebody does not answer, the member may follow all the same:
 * `unknown`. A leader that nobody can look at proves nothing about who follows it.
 */
export function streamingVerdict(
  flaws: readonly StreamingFlaw[],
): 'leads' | 'leaderless' | 'not' | 'paused' | 'unknown' {
  const has = (kind: FlawKind): boolean => flaws.some((flaw) => flaw.kind === kind);
  if (has('leads')) return 'leads';
  if (has('leaderless')) return 'leaderless';
  if (has('seen')) return 'not';
  return has('paused') ? 'paused' : 'unknown';
}

/** Whether Patroni shows a member as well although it is not proved to stream: the trap that this module is for. */
export function looksHealthy({ listed }: StreamingFacts): boolean {
  return listed !== undefined && isUp(listed.state) && (listed.lagBytes ?? 0) === 0;
}
