import { isUp, leads, type Member } from './cluster.ts';
import type { NodeView, WalSender } from './node.ts';

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
  /** Absent when PostgreSQL lets nobody in; `null` when it receives no WAL. */
  readonly receiver?: WalReceiver | null | undefined;
}

/**
 * What keeps a member from being proved a streaming replica of the leader; empty when it is one. Patroni's own word
 * counts for little: a replica stuck on an old timeline shows as running with lag 0 for ever.
 */
export function streamingFlaws(facts: StreamingFacts): readonly string[] {
  const { name, listed, leader, own, leaderNode, receiver } = facts;
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
  if (own.timeline !== leaderNode.timeline) {
    flaws.push(
      `it is on timeline ${own.timeline ?? 'unknown'}, the leader on ${leaderNode.timeline ?? 'unknown'}`,
    );
  }
  flaws.push(...senderFlaws(name, leaderNode.replication), ...receiverFlaws(receiver, leaderNode.timeline));
  return flaws;
}

/** A base backup also shows as streaming, under a name of its own. */
function senderFlaws(name: string, senders: readonly WalSender[]): readonly string[] {
  const own = senders.filter(({ application }) => application === name);
  if (own.some(({ state }) => state === 'streaming')) return [];
  const states = own.map(({ state }) => state).join(', ');
  return [states === '' ? 'the leader sends it no WAL' : `the leader's sender for it is in state ${states}`];
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

/** Whether Patroni shows a member as well although it is not proved to stream: the trap that this module is for. */
export function looksHealthy({ listed }: StreamingFacts): boolean {
  return listed !== undefined && isUp(listed.state) && (listed.lagBytes ?? 0) === 0;
}
