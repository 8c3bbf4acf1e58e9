import { PitrError } from '../../base/errors/pitr-error.ts';
import { rest } from '../../base/wait/until.ts';
import type { ReadHost } from '../../contract/host.ts';
import type { WorkContext } from '../../contract/module.ts';
import { probeScript } from '../../contract/probe.ts';
import { readOnlySession, type SessionTarget } from '../postgres/sql.ts';
import { isUp } from './cluster.ts';
import { type ClusterState, readCluster, readNode, readNodes } from './cluster-resource.ts';
import type { NodeView } from './node.ts';
import { RejoinProgress } from './rejoin-progress.ts';
import type { PatroniAccess } from './rest.ts';
import { compareData, type DataProof, isProved } from './same-data.ts';
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

const RECEIVER = `select json_build_object('receiver', (
    select json_build_object('status', status, 'timeline', received_tli) from pg_stat_wal_receiver),
  'delayed', (select setting <> '0' from pg_settings where name = 'recovery_min_apply_delay'))`;

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
  const told = received?.exitCode === 0 ? parseReceiver(received.stdout) : undefined;
  const direct = leaderNode?.replication.some(({ application }) => application === question.member) === true;
  const others = direct
    ? undefined
    : await readNodes(
        host,
        question.access,
        Object.values(cluster.members).filter(({ name, state }) => name !== cluster.leader && isUp(state)),
      );
  return {
    facts: {
      name: question.member,
      listed: cluster.members[question.member],
      leader,
      own: ownView(cluster),
      leaderNode,
      others,
      ...told,
    },
    ...(copied?.exitCode === 0 ? { copiedKib: Number(copied.stdout.trim()) } : {}),
  };
}

/** Without its own Patroni, what another member tells is not the node's own word. */
function ownView(cluster: ClusterState): NodeView | undefined {
  return cluster.source === 'node' ? cluster.own : undefined;
}

interface ReceiverAnswer {
  readonly receiver: { readonly status: string; readonly timeline: number | null } | null;
  readonly delayed: boolean;
}

function parseReceiver(stdout: string): { readonly receiver: WalReceiver | null; readonly delayed: boolean } {
  const { receiver, delayed } = JSON.parse(stdout) as ReceiverAnswer;
  if (receiver === null) return { receiver, delayed };
  const { status, timeline } = receiver;
  return { receiver: { status, ...(timeline === null ? {} : { timeline }) }, delayed };
}

export interface StreamingWait {
  /** How long nothing new may be seen: no state, no WAL received, nothing written to the disk. */
  readonly stallMs: number;
  readonly everyMs: number;
  /** A further condition, in words while it does not hold: "it has not been copied anew yet". */
  readonly also?: (facts: StreamingFacts) => string | undefined;
  /** `warn`: a member whose data cannot be compared with the leader's is believed to stream, and that is said. */
  readonly untold?: 'refuse' | 'warn';
}

/**
 * Waits until a member is proved a streaming replica with the leader's data. No clock ends a copy that goes on: it fails
 * when nothing new was seen for `stallMs`, or when the copy begins again and again, with all that keeps the member from
 * being proved (`not-streaming`); at once where its data is another (`other-data`), or cannot be compared
 * (`data-not-compared`).
 */
export async function awaitStreaming(
  host: ReadHost,
  question: StreamingQuestion,
  wait: StreamingWait,
  context: Pick<WorkContext, 'signal' | 'progress' | 'warn'>,
): Promise<StreamingFacts> {
  const progress = new RejoinProgress(wait.stallMs, performance.now());
  let told = '';
  let goal: number | undefined;
  for (let copying = false; ; ) {
    const look = await lookAtStreaming(host, question, copying);
    copying = look.facts.own === undefined || !isUp(look.facts.own.state);
    const also = wait.also?.(look.facts);
    const seen = [...streamingFlaws(look.facts), ...(also === undefined ? [] : [also])];
    if (seen.length === 0) goal ??= look.facts.leaderNode?.location;
    const flaws = seen.length === 0 ? streamingFlaws({ ...look.facts, goal }) : seen;
    if (flaws.length === 0) {
      await proveData(host, question, look.facts, wait.untold ?? 'refuse', context);
      return look.facts;
    }
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

async function proveData(
  host: ReadHost,
  { member, session }: StreamingQuestion,
  { leader, leaderNode }: StreamingFacts,
  untold: 'refuse' | 'warn',
  context: Pick<WorkContext, 'warn'>,
): Promise<void> {
  if (leader === undefined || leaderNode?.timeline === undefined) return;
  const proof = await compareData(host, { member, session, leader, timeline: leaderNode.timeline });
  if (isProved(proof)) return;
  if (proof.differs.length === 0 && untold === 'warn') {
    context.warn(
      `${member} streams; whether its data is that of ${leader.name} is not known: ${proof.untold.join('; ')}`,
    );
    return;
  }
  throw proof.differs.length > 0
    ? otherData(host.name, member, leader.name, proof)
    : notCompared(host.name, member, leader.name, proof);
}

function otherData(host: string, member: string, leader: string, { differs }: DataProof): PitrError {
  return new PitrError({
    kind: 'failed',
    code: 'other-data',
    message: `${member} streams from ${leader}, and yet it does not hold the data of ${leader}`,
    details: [
      ...differs,
      'Timeline, system identifier and lag are those of a healthy member: it would give wrong answers, and lose rows as a leader.',
    ],
    host,
    next: [
      `Stop Patroni on ${member}, move its data aside, and let it be copied anew: pitr play rejoin.yml -e target=${leader}`,
    ],
  });
}

function notCompared(host: string, member: string, leader: string, { same, untold }: DataProof): PitrError {
  return new PitrError({
    kind: 'failed',
    code: 'data-not-compared',
    message: `${member} streams from ${leader}; whether it holds the data of ${leader} cannot be told`,
    details: [...untold, ...(same.length === 0 ? [] : [`The same are: ${same.join('; ')}.`])],
    host,
    next: [
      `${leader} must be a host of the inventory under its name in Patroni, and its PostgreSQL must run as the same user as here.`,
    ],
  });
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
      `Copy it anew from the leader: pitr play rejoin.yml -e target=${leader?.name ?? 'LEADER'}`,
    ],
  });
}
