import type { ReadHost, TaskContext } from '../contract/module.ts';
import { probeScript } from '../contract/probe.ts';
import { PitrError } from '../errors/pitr-error.ts';
import { isUp } from '../patroni/cluster.ts';
import type { NodeView } from '../patroni/node.ts';
import { looksHealthy, type StreamingFacts, streamingFlaws, type WalReceiver } from '../patroni/streaming.ts';
import { type ClusterState, type PatroniAccess, readCluster, readNode } from './patroni.ts';
import { readOnlySession, type SessionTarget } from './sql.ts';
import { rest } from './until.ts';

export interface StreamingQuestion {
  readonly access: PatroniAccess;
  readonly member: string;
  readonly session: SessionTarget;
}

/** One look at a member, from its own host, and at its leader. `copied`: how much its data directory holds, in KiB. */
export interface StreamingLook {
  readonly facts: StreamingFacts;
  readonly copied?: string;
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
    leader === undefined ? undefined : readNode(host, leader),
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
    ...(copied?.exitCode === 0 ? { copied: copied.stdout.trim() } : {}),
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
  /** How long nothing may change: no state, no WAL received, nothing written to the disk. */
  readonly stallMs: number;
  readonly everyMs: number;
  /** A further condition, in words while it does not hold: "it has not been copied anew yet". */
  readonly also?: (facts: StreamingFacts) => string | undefined;
}

/**
 * Waits until a member is proved a streaming replica. No clock ends a copy that goes on: it fails when nothing has
 * changed for `stallMs`, with all that keeps the member from being proved (`not-streaming`).
 */
export async function awaitStreaming(
  host: ReadHost,
  question: StreamingQuestion,
  wait: StreamingWait,
  context: Pick<TaskContext, 'signal' | 'progress'>,
): Promise<StreamingFacts> {
  let seen = { mark: '', at: performance.now() };
  let told = '';
  for (let copying = false; ; ) {
    const look = await lookAtStreaming(host, question, copying);
    copying = look.facts.own === undefined || !isUp(look.facts.own.state);
    const also = wait.also?.(look.facts);
    const flaws = [...streamingFlaws(look.facts), ...(also === undefined ? [] : [also])];
    if (flaws.length === 0) return look.facts;
    const mark = JSON.stringify([flaws, look.facts.own?.received, look.facts.own?.replayed, look.copied]);
    const now = performance.now();
    if (mark !== seen.mark) seen = { mark, at: now };
    else if (now - seen.at >= wait.stallMs) throw notStreaming(host.name, look.facts, flaws, wait.stallMs);
    if (mark !== told) context.progress(`${question.member}: ${flaws.join('; ')}`);
    told = mark;
    await rest(wait.everyMs, context.signal);
  }
}

function notStreaming(
  host: string,
  facts: StreamingFacts,
  flaws: readonly string[],
  stallMs: number,
): PitrError {
  const { name, leader, listed } = facts;
  return new PitrError({
    kind: 'failed',
    code: 'not-streaming',
    message: `${name} is not a streaming replica of ${leader?.name ?? 'any leader'}: ${flaws.join('; ')}`,
    details: [
      `Nothing has changed for ${Math.round(stallMs / 1000)} s.`,
      ...(listed === undefined
        ? []
        : [`Patroni lists it as ${listed.role}, ${listed.state}, timeline ${listed.timeline ?? 'unknown'}.`]),
      ...(looksHealthy(facts)
        ? ['It looks healthy in that list and is not: it serves data that does not change any more.']
        : []),
    ],
    host,
    next: [
      `Copy it anew from the leader: patroni.reinit for ${name}, or move its data aside and start Patroni.`,
    ],
  });
}
