import { formatLsn, lsnAt } from '../wal/lsn.ts';
import { isUp, leads, type Member } from './cluster.ts';
import type { NodeView } from './node.ts';

/** A replica's own receiver of WAL (`pg_stat_wal_receiver`). */
export interface WalReceiver {
  readonly status: string;
  readonly timeline?: number;
}

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
  /** Absent when PostgreSQL lets nobody in; `null` when it receives no WAL. */
  readonly receiver?: WalReceiver | null | undefined;
  /** It replays late on purpose (`recovery_min_apply_delay`). */
  readonly delayed?: boolean | undefined;
  /** Where the leader was when the member was first seen to stream: bytes since the beginning. */
  readonly goal?: number | undefined;
}

/**
 * What keeps a member from being proved a streaming replica of the leader, directly or by other members; empty when it
 * is one. Patroni's own word counts for little: a replica stuck on an old timeline shows as running with lag 0 for ever.
 */
export function streamingFlaws(facts: StreamingFacts): readonly string[] {
  const { listed, leader, own, leaderNode, receiver } = facts;
  const flaws: string[] = [];
  if (leader === undefined) flaws.push('the cluster has no leader');
  if (leader !== undefined && leaderNode === undefined)
    flaws.push(`the leader ${leader.name} does not answer`);
  if (leaderNode !== undefined && !(leads(leaderNode.role) && isUp(leaderNode.state))) {
    flaws.push(`${leader?.name ?? 'the leader'} says that it is a ${leaderNode.role} (${leaderNode.state})`);
  }
  if (listed === undefined) flaws.push('the cluster does not list it');
  if (own === undefined) flaws.push('its Patroni does not answer');
  if (own === undefined || leaderNode === undefined) return flaws;
  if (!isUp(own.state)) return [...flaws, `its state is ${own.state}`];
  if (leads(own.role)) flaws.push('it is the leader itself');
  if (own.systemId !== leaderNode.systemId) {
    flaws.push(
      `it is another database: system identifier ${own.systemId ?? 'unknown'}, the leader's is ${leaderNode.systemId ?? 'unknown'}`,
    );
  }
  // Patroni learns a replica's timeline by a login for replication from 127.0.0.1; the receiver knows it without.
  const timeline = own.timeline ?? receiver?.timeline;
  if (timeline === undefined || timeline !== leaderNode.timeline) {
    flaws.push(
      `it is on timeline ${timeline ?? 'unknown'}, the leader on ${leaderNode.timeline ?? 'unknown'}`,
    );
  }
  flaws.push(...senderFlaws(facts, leaderNode), ...receiverFlaws(receiver, leaderNode.timeline));
  return [...flaws, ...replayFlaws(facts)];
}

/**
 * Follows the WAL from the member to who sends it, up to the leader. A base backup also shows as streaming, under a name
 * of its own.
 */
function senderFlaws({ name, leader, others }: StreamingFacts, leaderNode: NodeView): readonly string[] {
  const leaderName = leader?.name ?? 'the leader';
  const nodes = new Map([[leaderName, leaderNode], ...(others ?? [])]);
  const passed = new Set<string>();
  for (let member = name; !passed.has(member); ) {
    passed.add(member);
    const senders = [...nodes].flatMap(([sender, { replication }]) =>
      replication
        .filter(({ application }) => application === member && sender !== member)
        .map(({ state }) => ({ sender, state })),
    );
    const sender = senders.find(({ state }) => state === 'streaming')?.sender;
    if (sender === leaderName) return [];
    if (sender === undefined) return [unfed(member, name, leaderName, senders)];
    member = sender;
  }
  return [
    `it and ${[...passed].slice(1).join(', ')} send WAL to each other, and ${leaderName} to none of them`,
  ];
}

function unfed(
  member: string,
  name: string,
  leader: string,
  senders: readonly { readonly sender: string; readonly state: string }[],
): string {
  const who = member === name ? 'it' : `${member}, from which it streams,`;
  if (senders.length === 0)
    return member === name
      ? 'the leader sends it no WAL, and no other member does'
      : `${who} receives none of ${leader}`;
  const states = senders.map(({ sender, state }) =>
    sender === leader
      ? `the leader's sender for ${who} is in state ${state}`
      : `the sender of ${sender} for ${who} is in state ${state}`,
  );
  return states.join(', ');
}

function receiverFlaws(
  receiver: WalReceiver | null | undefined,
  timeline: number | undefined,
): readonly string[] {
  if (receiver === undefined) return ['its PostgreSQL does not let us in'];
  if (receiver === null) return ['it receives no WAL'];
  if (receiver.status !== 'streaming') return [`its receiver of WAL is in state ${receiver.status}`];
  if (receiver.timeline !== undefined && timeline !== undefined && receiver.timeline !== timeline) {
    return [`it receives timeline ${receiver.timeline}, the leader is on ${timeline}`];
  }
  return [];
}

/** What is received and cannot be replayed is of another history: Patroni's lag counts what was received. */
function replayFlaws({ own, goal, delayed }: StreamingFacts): readonly string[] {
  if (delayed === true || goal === undefined || own === undefined) return [];
  const { replayed } = own;
  if (replayed !== undefined && replayed >= goal) return [];
  const position = (bytes: number): string => formatLsn(lsnAt(BigInt(bytes)));
  return [
    `it has replayed up to ${replayed === undefined ? 'nobody knows where' : position(replayed)}, and the leader was at ${position(goal)}`,
  ];
}

/** Whether Patroni shows a member as well although it is not proved to stream: the trap that this module is for. */
export function looksHealthy({ listed }: StreamingFacts): boolean {
  return listed !== undefined && isUp(listed.state) && (listed.lagBytes ?? 0) === 0;
}
