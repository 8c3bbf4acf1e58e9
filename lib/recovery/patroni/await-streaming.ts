import { PitrError } from '../../base/errors/pitr-error.ts';
import { rest } from '../../base/wait/until.ts';
import type { ReadHost } from '../../contract/host.ts';
import type { WorkContext } from '../../contract/module.ts';
import { probeScript } from '../../contract/probe.ts';
import { readOnlySession, type SessionTarget } from '../postgres/sql.ts';
import { isUp } from './cluster.ts';
import { type ClusterState, readCluster, readNode } from './cluster-resource.ts';
import type { NodeView } from './node.ts';
import { RejoinProgress } from './rejoin-progress.ts';
import type { PatroniAccess } from './rest.ts';
import { looksHealthy, type StreamingFacts, streamingFlaws, type WalReceiver } from './streaming.ts';

export interface StreamingQuestion {
  readonly access: PatroniAccess;
  readonly member: string;
  readonly session: SessionTarget;
}

/** One look at a member, from its own host, and at its leader. `copiedKib`: how much its data directory holds. */
export interface StreamingLook {
  readonly facts: StreamingFacts;
  readonly copiedKib?: number;
}

// Walks the whole directory: asked only while a copy is under way.
const COPIED = probeScript('du -sk -- "$1" 2>/dev/null | cut -f 1');

const RECEIVER = `select json_build_object('status', status, 'timeline', received_tli) from pg_stat_wal_receiver`;

/** Asks member, leader and PostgreSQL itself. Throws like `readCluster`. */
export async function lookAtStreaming(
  host: ReadHost,
  question: StreamingQuestion,
  copying = false,
): Promise<StreamingLook> {
  const cluster = await readCluster(host, question.access);
  const leader = cluster.leader === undefined ? undefined : cluster.members[cluster.leader];
  const [leaderNode, [received, copied]] = await Promise.all([
    leader === undefined ? undefined : readNode(host, question.access, leader),
    host.queryAll([
      readOnlySession(question.session, [RECEIVER]),
      ...(copying ? [COPIED([question.session.pgdata], { timeoutMs: 60_000 })] : []),
    ]),
  ]);
  const receiver = received?.exitCode === 0 ? parseReceiver(received.stdout) : undefined;
  return {
    facts: {
      name: question.member,
      listed: cluster.members[question.member],
      leader,
      own: ownView(cluster),
      leaderNode,
      receiver,
    },
    ...(copied?.exitCode === 0 ? { copiedKib: Number(copied.stdout.trim()) } : {}),
  };
}

/** Without its own Patroni, what another member tells is not the node's own word. */
function ownView(cluster: ClusterState): NodeView | undefined {
  return cluster.source === 'node' ? cluster.own : undefined;
}

function parseReceiver(stdout: string): WalReceiver | null {
  if (stdout.trim() === '') return null;
  const told = JSON.parse(stdout) as { readonly status: string; readonly timeline: number | null };
  return { status: told.status, ...(told.timeline === null ? {} : { timeline: told.timeline }) };
}

export interface StreamingWait {
  /** How long nothing new may be seen: no state, no WAL received, nothing written to the disk. */
  readonly stallMs: number;
  readonly everyMs: number;
  /** A further condition, in words while it does not hold: "it has not been copied anew yet". */
  readonly also?: (facts: StreamingFacts) => string | undefined;
}

/**
 * Waits until a member is proved a streaming replica. No clock ends a copy that goes on: it fails when nothing new was
 * seen for `stallMs`, or when the copy begins again and again, with all that keeps the member from being proved
 * (`not-streaming`).
 */
export async function awaitStreaming(
  host: ReadHost,
  question: StreamingQuestion,
  wait: StreamingWait,
  context: Pick<WorkContext, 'signal' | 'progress'>,
): Promise<StreamingFacts> {
  const progress = new RejoinProgress(wait.stallMs, performance.now());
  let told = '';
  for (let copying = false; ; ) {
    const look = await lookAtStreaming(host, question, copying);
    copying = look.facts.own === undefined || !isUp(look.facts.own.state);
    const also = wait.also?.(look.facts);
    const flaws = [...streamingFlaws(look.facts), ...(also === undefined ? [] : [also])];
    if (flaws.length === 0) return look.facts;
    const { own } = look.facts;
    const verdict = progress.saw(
      { flaws, received: own?.received, replayed: own?.replayed, copiedKib: look.copiedKib },
      performance.now(),
    );
    if (verdict !== 'goes-on') {
      const why =
        verdict === 'stalled'
          ? `Nothing new was seen for ${Math.round(wait.stallMs / 1000)} s.`
          : `Its copy has broken off ${progress.copies - 1} times.`;
      throw notStreaming(host.name, look.facts, flaws, why);
    }
    const words = `${question.member}: ${flaws.join('; ')}`;
    if (words !== told) context.progress(words);
    told = words;
    await rest(wait.everyMs, context.signal);
  }
}

function notStreaming(host: string, facts: StreamingFacts, flaws: readonly string[], why: string): PitrError {
  const { name, leader, listed } = facts;
  return new PitrError({
    kind: 'failed',
    code: 'not-streaming',
    message: `${name} is not a streaming replica of ${leader?.name ?? 'any leader'}: ${flaws.join('; ')}`,
    details: [
      why,
      ...(listed === undefined
        ? []
        : [`Patroni lists it as ${listed.role}, ${listed.state}, timeline ${listed.timeline ?? 'unknown'}.`]),
      ...(looksHealthy(facts)
        ? ['It looks healthy in that list and is not: it serves data that does not change any more.']
        : []),
    ],
    host,
    next: [
      `Look into Patroni's log on ${name}: it says why a copy fails.`,
      `Copy it anew from the leader: patroni.reinit for ${name}, or move its data aside and start Patroni.`,
    ],
  });
}
