import { z } from 'zod';
import type { ReadHost } from '../../contract/host.ts';
import { defineLook, type TaskContext } from '../../contract/module.ts';
import { timeOn } from '../../recovery/barman/host-time.ts';
import { behindWords, stopNotes } from '../../recovery/barman/moment-notes.ts';
import {
  afterLastCommit,
  beforeConsistency,
  type MomentFacts,
  type NoMarker,
  targetNotFound,
  walDamaged,
} from '../../recovery/barman/moment-refusals.ts';
import {
  askedLeaderParam,
  backupParam,
  serversParam,
  tailsParam,
  timelineParam,
  userParam,
} from '../../recovery/barman/params.ts';
import {
  linksToStop,
  type RecoveryWal,
  readableChain,
  readRecoveryWal,
  savingNodes,
} from '../../recovery/barman/prove-wal.ts';
import { provedParam, restsOn } from '../../recovery/barman/rests-on.ts';
import { farthestFirst, readingOf } from '../../recovery/barman/segment-source.ts';
import {
  mayMissCommits,
  refuseUnseen,
  type UnseenFacts,
  unseenNodes,
  unseenNotes,
} from '../../recovery/barman/unseen-wal.ts';
import type { Link } from '../../recovery/wal/chain.ts';
import { goneOn, linesHolding } from '../../recovery/wal/choose-line.ts';
import { formatInstant, SECOND } from '../../recovery/wal/instant.ts';
import { linesFrom } from '../../recovery/wal/lineage.ts';
import { formatLsn, type Lsn } from '../../recovery/wal/lsn.ts';
import { aimAt, aimWords, preparedWords } from '../../recovery/wal/moment/aim.ts';
import { findMoment, type Moment } from '../../recovery/wal/moment/find.ts';
import type { CommitPoint } from '../../recovery/wal/moment/scan.ts';
import { DamagedWal } from '../../recovery/wal/moment/scan-chain.ts';
import { reachedWords } from '../../recovery/wal/plan-words.ts';
import { silentNodes } from '../../recovery/wal/tail.ts';
import { checkedTarget, type RecoveryTarget, targetData, targetSchema } from '../../recovery/wal/target.ts';

const params = z.strictObject({
  backup: backupParam.describe('the backup to start from: its id, or the result of barman.backup'),
  target: targetSchema
    .default('latest')
    .describe('`latest`, a time, or a mapping with one of time, lsn, xid, name, immediate, and inclusive'),
  tails: tailsParam,
  timeline: timelineParam,
  wal: provedParam,
  marker: z
    .boolean()
    .default(false)
    .describe('a target after the last archived commit is not refused where the leader can write one more'),
  leader_timeline: askedLeaderParam,
  accept_gap: z
    .boolean()
    .default(false)
    .describe('as for barman.wal: the target is then the end of WAL before the first gap')
    .meta({ variable: 'accept_gap' }),
  nodes: z
    .array(z.string())
    .default([])
    .describe('the hosts of the cluster: one that `tails` says nothing of was not looked at either'),
  members: z
    .record(z.string(), z.unknown())
    .default({})
    .describe('likewise the members, as patroni.cluster lists them'),
  accept_unseen: z
    .boolean()
    .default(false)
    .describe(
      '`latest` is not refused where only a node that could not be looked at may have the last commits',
    )
    .meta({ variable: 'accept_unseen_wal' }),
  server: z.string().optional().describe('the Barman server that holds the backup; found when left out'),
  servers: serversParam,
  user: userParam,
});

type Params = z.output<typeof params>;

export const module = defineLook({
  summary: 'Reads the archived WAL around a target and says exactly where recovery will stop, or refuses.',
  description: `Reads the records themselves, every checksum verified, and decides as PostgreSQL does. Only the segments around the
target are read; for a transaction id or a restore point all of them are searched on Barman's host, from the backup on. Refuses a target at which
nothing that is archived would stop PostgreSQL (it would wait for ever, or end in FATAL), what is not found, damaged WAL,
and \`latest\` where the last commits may lie on a node that could not be looked at. Where a transaction that is open at the stop would keep tables locked (a DROP TABLE right before its
commit), \`aim\` is the position before it took the lock, when no commit lies between: the data is the same, and can be read.
PostgreSQL pauses at such a stop with those locks held until the promotion (seen with PostgreSQL 15).`,
  examples: `- barman.moment: { backup: "{{ base }}", target: { time: "2026-11-22 09:34:43+00" }, timeline: "{{ wal.timeline }}" }
  delegate_to: "{{ barman_host }}"
  register: moment`,
  params,
  returns: {
    target: 'the target as a mapping; of a transaction or restore point with found_at, where it is',
    aim: 'the target that PostgreSQL is told, with stops_at, how far it will have replayed there',
    moved: 'where the aim is not the target: from, to (positions), bytes, locks',
    locked: 'locks that will be held at the stop: xid, database, relation',
    prepared:
      'transactions that are prepared at the stop, as far as the WAL that was read tells: gid, xid, time, numbers of database, owner, and locks (database, relation, mode)',
    stop: 'where recovery stops: side (before or after), lsn, what, xid, time; absent for latest',
    last_commit:
      'the last commit that is recovered: time, lsn, xid; absent when there is none since the backup',
    next_commit: 'the first one that is not',
    end: 'for latest: the last record that can be proved: lsn, and end_lsn after it',
    partial:
      'where WAL ends with a segment of which only the beginning is archived: segment, and the server whose copy reaches farthest',
    unseen: 'nodes whose pg_wal was not looked at: node, why',
    save: 'nodes that have WAL of it which no archive has (see `tails`): archive it with postgres.archive_tail',
    marker_needed: 'whether the leader must write one more commit to end the recovery there',
    servers_used: 'the servers whose archives have WAL that is read up to there, the one of the backup first',
    holds: 'backups that barman.keep must hold for that until the recovery is decided: server, backup',
    unheld: 'servers whose WAL is read and is older than all of their backups: nothing holds it',
    timeline: 'the timeline that recovery follows',
    words: 'the target in words; with an accepted gap the end of what lies before it',
    notes: 'lines for the operator',
    segments_read: 'how many segments were read',
  },
  // No dependsOn: check mode reads what is archived now too, and so knows the aim that the run will take.
  read: async (host, wish, context) => {
    const wal = await readRecoveryWal(host, {
      ...wish,
      target: checkedTarget(wish.target),
      leaderTimeline: wish.leader_timeline,
      acceptGap: wish.accept_gap,
      allowUnarchived: wish.marker,
    });
    const { target, backup, plan } = wal;
    const facts: MomentFacts = {
      target,
      backupId: backup.id,
      timeline: plan.line.timeline,
      gap: plan.gapAfter?.segment,
      silent: silentNodes(wish.tails),
      host: host.name,
    };
    const hidden: UnseenFacts = {
      unseen: unseenNodes(wish.tails, { hosts: wish.nodes, members: Object.keys(wish.members) }),
      latest: checkedTarget(wish.target).kind === 'latest',
      timeline: plan.line.timeline,
      leaderTimeline: wish.leader_timeline,
      goneOn: mayGoOn(wal, wish),
      gap: wal.gap !== undefined,
    };
    refuseUnseen(hidden, wish.accept_unseen, host.name);
    const needed = plan.needed.length;
    const chain = await farthestFirst(host, readableChain(wal), wal, { user: wish.user, context, needed });
    const moment = await readMoment(host, { wal, chain }, wish.user, context, facts);
    const markerNeeded = await needsMarker(host, moment, wish, facts);
    await checkStop(moment, wal, wish, facts);
    const partial = chain.at(-1)?.partial === true ? chain.at(-1) : undefined;
    const aim = aimAt(target, moment, backup.endLsn, partial?.segment, wal.gap !== undefined);
    const back = behindWords(target, moment);
    const { prepared } = moment;
    const read = linksToStop(wal, chain, moment.stop);
    const aside = [...aimWords(aim, prepared), ...preparedWords(prepared)];
    const notes = [...stopNotes(target, moment, markerNeeded), ...back, ...aside, ...unseenNotes(hidden)];
    if (mayMissCommits(hidden)) context.warn(unseenNotes(hidden).join(' '));
    if (back.length > 0) context.warn(back.join(' '));
    if (aim.moved !== undefined || aim.locked.length > 0 || prepared.length > 0)
      context.warn(aside.join(' '));
    const { stop, lastCommit, nextCommit, last } = moment;
    return {
      target: targetData(located(target, stop?.lsn)),
      aim: targetData({ ...located(aim.target, stop?.lsn), stopsAt: aim.stopsAt }),
      ...(aim.moved === undefined
        ? {}
        : {
            moved: {
              from: formatLsn(aim.moved.from),
              to: formatLsn(aim.moved.to),
              bytes: Number(aim.moved.from - aim.moved.to),
              locks: aim.moved.locks.map(({ xid, database, relation }) => ({ xid, database, relation })),
            },
          }),
      locked: aim.locked.map(({ xid, database, relation }) => ({ xid, database, relation })),
      prepared: prepared.map(({ time, ...one }) => ({ ...one, time: formatInstant(time) })),
      ...(stop === undefined
        ? {}
        : {
            stop: {
              side: stop.side,
              lsn: formatLsn(stop.lsn),
              what: stop.what,
              ...(stop.xid === undefined ? {} : { xid: stop.xid }),
              ...(stop.time === undefined ? {} : { time: formatInstant(stop.time) }),
            },
          }),
      ...(lastCommit === undefined ? {} : { last_commit: commitData(lastCommit) }),
      ...(nextCommit === undefined ? {} : { next_commit: commitData(nextCommit) }),
      ...(target.kind !== 'latest' || last === undefined
        ? {}
        : { end: { lsn: formatLsn(last.lsn), end_lsn: formatLsn(last.endLsn) } }),
      ...partialData(partial, wal),
      unseen: hidden.unseen,
      save: savingNodes(wal, read),
      ...restsOn(wal, read, wish.wal),
      marker_needed: markerNeeded,
      timeline: plan.line.timeline,
      words: reachedWords(target, plan, wal.gap),
      notes,
      segments_read: moment.segmentsRead,
    };
  },
});

/** Timelines without any WAL that may hold the last commits, where nobody tells which timeline is meant. */
function mayGoOn({ backup, merged, plan }: RecoveryWal, wish: Params): readonly number[] {
  if (wish.timeline !== undefined || (wish.leader_timeline ?? 0) !== 0) return [];
  return goneOn(plan.line, linesFrom(backup, merged), backup.segmentSize).map(({ timeline }) => timeline);
}

/** Nothing while the best copy is still in the pg_wal of a node. */
function partialData(
  link: Link | undefined,
  { servers }: RecoveryWal,
): { readonly partial?: { readonly segment: string; readonly server: string } } {
  const [server] = link?.servers ?? [];
  return link === undefined || !servers.some(({ name }) => name === server) || server === undefined
    ? {}
    : { partial: { segment: link.segment, server } };
}

async function readMoment(
  host: ReadHost,
  { wal, chain }: { readonly wal: RecoveryWal; readonly chain: readonly Link[] },
  user: string,
  context: TaskContext,
  facts: MomentFacts,
): Promise<Moment> {
  const { segmentSize, endLsn: consistentAt, systemId } = wal.backup;
  const question = { target: wal.target, chain, segmentSize, consistentAt, systemId };
  try {
    return await findMoment(question, readingOf(wal, { host, user, context }));
  } catch (thrown) {
    if (!(thrown instanceof DamagedWal)) throw thrown;
    const servers = chain.find(({ segment }) => segment === thrown.segment)?.servers ?? [];
    throw walDamaged(thrown, servers, facts);
  }
}

/** Whether one more commit of the leader must end the recovery; throws where that is needed and cannot be. */
async function needsMarker(
  host: ReadHost,
  moment: Moment,
  wish: Params,
  facts: MomentFacts,
): Promise<boolean> {
  const { target } = facts;
  if (moment.stop !== undefined || (target.kind !== 'time' && target.kind !== 'lsn')) return false;
  const no = (why: NoMarker) => afterLastCommit(moment, why, facts);
  if (target.kind === 'time') {
    if (target.time >= (await timeOn(host)) + SECOND) throw no('in-future');
  }
  if (wish.leader_timeline === undefined) throw no('not-asked');
  if (wish.leader_timeline === 0) throw no('no-leader');
  if (wish.leader_timeline !== facts.timeline) throw no('other-timeline');
  if (!wish.marker) throw no('not-wanted');
  return true;
}

async function checkStop(moment: Moment, wal: RecoveryWal, wish: Params, facts: MomentFacts): Promise<void> {
  const { target, backup, merged } = wal;
  const { stop } = moment;
  if (stop === undefined) {
    if (target.kind === 'xid' || target.kind === 'name') throw targetNotFound(moment, facts);
    return;
  }
  if (stop.replayedTo < backup.endLsn) throw beforeConsistency(stop, formatLsn(backup.endLsn), facts);
  if (wish.timeline !== undefined || (target.kind !== 'xid' && target.kind !== 'name')) return;
  // A number or a name can mean something else on every branch.
  const candidates = linesHolding(linesFrom(backup, merged), merged, stop.lsn);
  if (candidates.length > 1) {
    await wal.refuse({ ok: false, why: 'timeline-ambiguous', candidates, reachable: wal.plan.reachable });
  }
}

/** With the place of what had to be looked for. */
function located(target: RecoveryTarget, lsn: Lsn | undefined): RecoveryTarget {
  return target.kind === 'xid' || target.kind === 'name'
    ? { ...target, foundAt: target.foundAt ?? lsn }
    : target;
}

function commitData({ time, lsn, xid }: CommitPoint): Readonly<Record<string, string | number>> {
  return { time: formatInstant(time), lsn: formatLsn(lsn), xid };
}
