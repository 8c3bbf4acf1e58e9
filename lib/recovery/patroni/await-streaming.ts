import { PitrError } from '../../base/errors/pitr-error.ts';
import { pauseAfter, rest } from '../../base/wait/until.ts';
import type { ReadHost } from '../../contract/host.ts';
import type { WorkContext } from '../../contract/module.ts';
import {
  type ServiceManager,
  type ServiceState,
  serviceId,
  serviceResource,
} from '../../system/service/service-resource.ts';
import { postgresResource } from '../postgres/instance-resource.ts';
import { readOnlySession, type SessionTarget } from '../postgres/sql.ts';
import { followsByArchive, isUp } from './cluster.ts';
import { type ClusterState, readCluster, readNode, readNodes } from './cluster-resource.ts';
import { type CopyLook, copyProbe, parseCopyLook, tablespacePlaces, waitsForLeader } from './copy-look.ts';
import type { NodeView } from './node.ts';
import { RejoinProgress } from './rejoin-progress.ts';
import type { PatroniAccess } from './rest.ts';
import { compareData, isProved } from './same-data.ts';
import {
  CREATING,
  STARTING,
  type StreamingFacts,
  type StreamingFlaw,
  streamingFlaws,
  streamingVerdict,
  type WalReceiver,
} from './streaming.ts';
import { brokenOffWords, notCompared, otherData, unproved } from './streaming-failures.ts';

export interface StreamingQuestion {
  readonly access: PatroniAccess;
  /** What runs the member's Patroni: it tells one that is down from one that does not answer. */
  readonly runs: { readonly manager: ServiceManager; readonly service: string };
  readonly member: string;
  readonly session: SessionTarget;
}

/** One look at a member, from its own host, and at its leader. */
export interface StreamingLook {
  readonly facts: StreamingFacts;
  readonly copy?: CopyLook;
}

/** Where the tablespaces of a copy that is under way come to; nothing where none is. */
type Copying = readonly string[] | undefined;

const RECEIVER = `select json_build_object('receiver', (
    select json_build_object('status', status, 'timeline', received_tli) from pg_stat_wal_receiver),
  'delayed', (select setting <> '0' from pg_settings where name = 'recovery_min_apply_delay'),
  'paused', case when pg_is_in_recovery() then pg_is_wal_replay_paused() else false end,
  'waits', (select wait_event from pg_stat_activity where backend_type = 'startup' limit 1))`;

/** Asks member, leader and PostgreSQL itself. Throws like `readCluster`. */
export async function lookAtStreaming(host: ReadHost, question: StreamingQuestion): Promise<StreamingLook> {
  return lookWith(host, question, await readCluster(host, question.access), undefined);
}

async function lookWith(
  host: ReadHost,
  question: StreamingQuestion,
  cluster: ClusterState,
  copying: Copying,
): Promise<StreamingLook> {
  const leader = cluster.leader === undefined ? undefined : cluster.members[cluster.leader];
  const [leaderNode, [received, copied]] = await Promise.all([
    leader === undefined ? undefined : readNode(host, question.access, leader),
    host.queryAll([readOnlySession(question.session, [RECEIVER]), copyProbe(question.session, copying)]),
  ]);
  const told = received?.exitCode === 0 ? parseReceiver(received.stdout) : undefined;
  const direct = leaderNode?.replication.some(({ application }) => application === question.member) === true;
  const asked = direct
    ? []
    : Object.values(cluster.members).filter(
        ({ name, state }) => name !== cluster.leader && name !== question.member && isUp(state),
      );
  const others = await readNodes(host, question.access, asked);
  return {
    facts: {
      name: question.member,
      listed: cluster.members[question.member],
      leader,
      own: ownView(cluster),
      leaderNode,
      others,
      silent: asked.flatMap(({ name }) => (others.has(name) ? [] : [name])),
      fromArchive: Object.values(cluster.members).flatMap((member) =>
        followsByArchive(member) ? [member.name] : [],
      ),
      ...told,
    },
    ...(copied === undefined ? {} : { copy: parseCopyLook(copied) }),
  };
}

/**
 * A look that stands silence: nobody tells of the cluster for a moment (its DCS is away, the node's Patroni is started
 * again), and a copy goes on meanwhile. Throws like `readCluster` otherwise.
 */
async function lookOrSilence(
  host: ReadHost,
  question: StreamingQuestion,
  copying: Copying,
): Promise<StreamingLook & { readonly silence?: PitrError }> {
  let cluster: ClusterState;
  try {
    cluster = await readCluster(host, question.access);
  } catch (thrown) {
    if (!(thrown instanceof PitrError) || thrown.code !== 'patroni-silent') throw thrown;
    const facts = { name: question.member };
    if (copying === undefined) return { facts, silence: thrown };
    const copied = await host.query(copyProbe(question.session, copying));
    return { facts, silence: thrown, copy: parseCopyLook(copied) };
  }
  return lookWith(host, question, cluster, copying);
}

/** Without its own Patroni, what another member tells is not the node's own word. */
function ownView(cluster: ClusterState): NodeView | undefined {
  return cluster.source === 'node' ? cluster.own : undefined;
}

interface ReceiverAnswer {
  readonly receiver: { readonly status: string; readonly timeline: number | null } | null;
  readonly delayed: boolean;
  readonly paused: boolean;
  readonly waits: string | null;
}

type OwnWord = Pick<StreamingFacts, 'delayed' | 'paused' | 'replayWaits'> & {
  readonly receiver: WalReceiver | null;
};

function parseReceiver(stdout: string): OwnWord {
  const { receiver, delayed, paused, waits } = JSON.parse(stdout) as ReceiverAnswer;
  const replay = { delayed, paused, replayWaits: waits };
  if (receiver === null) return { receiver, ...replay };
  const { status, timeline } = receiver;
  return { receiver: { status, ...(timeline === null ? {} : { timeline }) }, ...replay };
}

export interface StreamingWait {
  /** How long nothing new may be seen: no state, no WAL received, fetched or replayed, no copy that grows or waits for the leader. */
  readonly stallMs: number;
  readonly everyMs: number;
  /** A further condition, in words while it does not hold: "it has not been copied anew yet". */
  readonly also?: (facts: StreamingFacts) => string | undefined;
  /** One that is only on its way up has shown nothing that speaks against it: it replays what it was copied with. */
  readonly mayStart?: boolean;
  /** `warn`: a member whose data cannot be compared with the leader's is believed to stream, and that is said. */
  readonly untold?: 'refuse' | 'warn';
}

/**
 * Waits until a member is proved a streaming replica with the leader's data. No clock ends a copy that goes on: it fails
 * when nothing new was seen for `stallMs`, or when the copy begins again and again, with all that keeps the member from
 * being proved (`not-streaming`, or `streaming-unknown` where nothing was seen that speaks against it, `member-leads`,
 * `no-leader`, `replay-paused`), where nobody has told of the cluster (`patroni-silent`), or its data could not be compared
 * (`data-not-compared`); at once where its data is another (`other-data`).
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
  let places: Copying;
  for (let copying = false; ; ) {
    const from = performance.now();
    const { facts, silence, copy } = await lookOrSilence(
      host,
      question,
      copying ? (places ?? []) : undefined,
    );
    const lookMs = performance.now() - from;
    copying = facts.own === undefined || !isUp(facts.own.state);
    if (copying && facts.leader !== undefined)
      places ??= await tablespacePlaces(host, question.session, facts.leader, facts.leaderNode?.systemId);
    const seen = silence === undefined ? flawsOf(facts, wait) : [unseen('nobody tells of the cluster')];
    if (seen.length === 0) goal ??= facts.leaderNode?.location;
    const behind = seen.length === 0 ? streamingFlaws({ ...facts, goal }) : seen;
    const untold =
      behind.length === 0
        ? await proveData(host, question, facts, wait.untold ?? 'refuse', context)
        : undefined;
    if (behind.length === 0 && untold === undefined) return facts;
    // In the same words each time: what could not be compared may be told otherwise at each look, and is nothing new.
    const flaws = untold === undefined ? behind : [unseen('its data could not be compared')];
    const words = flaws.map((flaw) => flaw.words);
    const waits = waitsForLeader(facts, copy);
    const verdict = progress.saw(
      {
        flaws: words,
        waits: waits !== undefined,
        creates: facts.own?.state === CREATING,
        ...movingWal(flaws, facts.own),
        ...copy,
        started: facts.own?.state === STARTING || copy?.replays !== undefined,
      },
      performance.now(),
    );
    if (verdict !== 'goes-on') {
      const cause = silence ?? untold;
      if (cause !== undefined) throw cause;
      const why =
        verdict === 'stalled'
          ? `Nothing new was seen for ${Math.round(wait.stallMs / 1000)} s.`
          : brokenOffWords(progress.copies - 1);
      const down = streamingVerdict(flaws) === 'unknown' ? await seenDown(host, question) : [];
      throw unproved(host.name, facts, [...flaws, ...down], why);
    }
    const line = `${question.member}: ${[...words, ...(waits === undefined ? [] : [waits])].join('; ')}`;
    if (line !== told) context.progress(line);
    told = line;
    await rest(pauseAfter(lookMs, wait.everyMs), context.signal);
  }
}

const unseen = (words: string): StreamingFlaw => ({ kind: 'unseen', words });

function flawsOf(facts: StreamingFacts, { also, mayStart }: StreamingWait): readonly StreamingFlaw[] {
  const words = also?.(facts);
  return [
    ...streamingFlaws(facts).map((flaw) =>
      mayStart === true && flaw.about === 'start' ? { ...flaw, kind: 'unseen' as const } : flaw,
    ),
    ...(words === undefined ? [] : [{ kind: 'seen' as const, about: 'copy' as const, words }]),
  ];
}

/**
 * The WAL that counts as progress: a leader that writes moves it on for ever, also where that mends nothing. While a member
 * has only to replay, what it receives does not count; nor does either where nobody answers.
 */
function movingWal(
  flaws: readonly StreamingFlaw[],
  own: NodeView | undefined,
): Pick<NodeView, 'received' | 'replayed'> {
  const follows = flaws.some(({ kind, about }) => kind === 'seen' && about === undefined);
  const replays = flaws.some(({ about }) => about === 'replay');
  return {
    ...(follows && own?.received !== undefined ? { received: own.received } : {}),
    ...((follows || replays) && own?.replayed !== undefined ? { replayed: own.replayed } : {}),
  };
}

/**
 * Tells a member that is down from one that does not answer: by its processes, and by what runs its Patroni. One that
 * has just been stopped may still be listed as running.
 */
async function seenDown(
  host: ReadHost,
  { runs, session }: StreamingQuestion,
): Promise<readonly StreamingFlaw[]> {
  // Where one of the two cannot tell, nothing is added to what was not seen.
  const [instance, service] = await Promise.allSettled([
    postgresResource.read(host, session.pgdata),
    serviceResource.read(host, serviceId(runs.manager, runs.service)),
  ]);
  const down = (words: string): StreamingFlaw => ({ kind: 'seen', words });
  return [
    ...(instance.status === 'fulfilled' && !instance.value.running
      ? [down(`no PostgreSQL works in ${session.pgdata}`)]
      : []),
    ...(service.status === 'fulfilled' && isServiceDown(service.value) ? [down('its Patroni is down')] : []),
  ];
}

function isServiceDown({ state, changing }: ServiceState): boolean {
  return (state === 'stopped' || state === 'failed') && changing === undefined;
}

/**
 * Gives the error of a comparison that could not be made: the leader's host may be out of reach for a moment. Throws where
 * the data is another.
 */
async function proveData(
  host: ReadHost,
  { member, session }: StreamingQuestion,
  { leader, leaderNode }: StreamingFacts,
  untold: 'refuse' | 'warn',
  context: Pick<WorkContext, 'warn'>,
): Promise<PitrError | undefined> {
  if (leader === undefined || leaderNode?.timeline === undefined) return undefined;
  const { timeline, systemId } = leaderNode;
  const proof = await compareData(host, { member, session, leader, systemId, timeline });
  if (isProved(proof)) return undefined;
  if (proof.differs.length > 0) throw otherData(host.name, member, leader.name, proof);
  if (untold === 'refuse') return notCompared(host.name, member, leader.name, proof);
  context.warn(
    `${member} streams; whether its data is that of ${leader.name} is not known: ${proof.untold.join('; ')}`,
  );
  return undefined;
}
