import { z } from 'zod';
import { PitrError } from '../../base/errors/pitr-error.ts';
import { Unknown } from '../../base/values/unknown.ts';
import { lastSeen, pauseAfter, rest } from '../../base/wait/until.ts';
import type { ReadHost } from '../../contract/host.ts';
import { defineLook, type Result, type TaskContext } from '../../contract/module.ts';
import { BROKEN_OFF } from '../../contract/script-report.ts';
import { postgresResource } from '../../recovery/postgres/instance-resource.ts';
import { runFiles } from '../../recovery/postgres/isolation.ts';
import { lookAtReplay } from '../../recovery/postgres/look-replay.ts';
import { absolutePath, instanceParams, seconds, sessionParams } from '../../recovery/postgres/params.ts';
import { endOfReplay, judgeReplay, type ReplayWish } from '../../recovery/postgres/replay-verdict.ts';
import {
  observe,
  type ReplayWatch,
  replayRate,
  replayWords,
  startWatch,
} from '../../recovery/postgres/replay-watch.ts';
import { programsOf, sessionTarget } from '../../recovery/postgres/sql.ts';
import { formatLsn } from '../../recovery/wal/lsn.ts';
import { DEFAULT_SEGMENT_SIZE, parseSegment } from '../../recovery/wal/segment.ts';
import { checkedTarget, targetSchema } from '../../recovery/wal/target.ts';

const params = z.strictObject({
  target: targetSchema.default('latest').describe('as postgres.recovery was told'),
  last: z
    .string()
    .regex(/^[0-9A-F]{24}$/, 'must be the name of a WAL segment')
    .optional()
    .describe(
      'the last segment that is known to be archived (barman.wal): a hole before it is an error, not the end',
    ),
  stall: seconds
    .default(300)
    .describe('seconds without anything replayed or fetched after which a replay counts as stalled')
    .meta({ variable: 'replay_stall' }),
  interval: z.number().min(0.1).max(60).default(0.5).describe('seconds between two looks'),
  log: absolutePath.optional().describe("the instance's log; beside the data by default"),
  ...instanceParams,
  ...sessionParams,
});

type Params = z.output<typeof params>;

export const module = defineLook({
  summary:
    'Follows the replay of WAL on an isolated instance until it is at its target or at the end of WAL.',
  description:
    'No clock ends a replay that goes on, however slowly: it has stalled when for `stall` seconds nothing was replayed ' +
    'and nothing was fetched. Ends with reached: target (paused there, nothing later applied), or end-of-wal (the ' +
    'archive has proved twice that the next segment does not exist, or `last` is replayed to its end). With a ' +
    'target end-of-wal means that nothing that is archived has stopped it there; the instance stays up and readable. ' +
    "That it stopped where it was told to is proved from PostgreSQL's own words. " +
    'Fails when PostgreSQL ends, with the FATAL lines of its log.',
  examples: `- postgres.replay:
    target: "{{ wal.target_time }}"
    last: "{{ wal.last }}"
  register: replay
- core.assert:
    that: replay.reached == "target"`,
  params,
  returns: {
    reached: 'target or end-of-wal',
    lsn: 'position replayed to',
    last_commit: 'commit time of the last replayed transaction, UTC',
    paused: 'whether it is paused there',
    promoted: 'whether it has promoted itself (signal: recovery without a target does)',
    timeline: 'that is replayed, or the new one when promoted',
    stopped: "PostgreSQL's words on where it stopped: before commit of transaction ..., time ...",
    replayed_bytes: 'of WAL seen to be replayed',
    seconds: 'that were waited',
  },
  awaits: true,
  dependsOn: (p: Params) => [{ kind: 'postgres', id: p.pgdata }],
  read: (host, p, context) => tellingWhatGoesOn(p, host.name, context.runId, () => follow(host, p, context)),
});

async function follow(
  host: ReadHost,
  p: Params,
  context: Pick<TaskContext, 'progress' | 'signal' | 'runId'>,
): Promise<Result> {
  const instance = await host.look(postgresResource, p.pgdata);
  if (instance instanceof Unknown) return { unknown: instance };
  const place = {
    session: { ...sessionTarget(p, instance.programs), bin: programsOf(p, instance.programs) },
    version: instance.version,
    log: p.log ?? runFiles(p.pgdata).log,
  };
  const segmentSize = instance.control?.segmentSize ?? DEFAULT_SEGMENT_SIZE;
  const lastSegment = p.last === undefined ? undefined : parseSegment(p.last);
  const wish: ReplayWish = {
    target: checkedTarget(p.target),
    segmentSize,
    stallMs: p.stall * 1000,
    lastSegment,
    runId: context.runId,
  };
  const end = endOfReplay(wish);
  const begun = performance.now();
  let watch = startWatch(begun);
  let offset = 0;
  let said = '';
  for (let first: bigint | undefined; ; ) {
    const from = performance.now();
    const look = await lastSeen(() => lookAtReplay(host, place, offset), {
      everyMs: p.interval * 1000,
      deadlineMs: wish.stallMs,
      signal: context.signal,
      done: () => true,
      passing: BROKEN_OFF,
    });
    offset += look.logBytes;
    const now = performance.now();
    watch = observe(watch, look, now);
    first ??= watch.last?.lsn;
    const verdict = judgeReplay(watch, wish, now);
    if (verdict.kind === 'failed') {
      throw new PitrError({
        ...verdict,
        kind: 'failed',
        host: host.name,
        state: stateWords(watch, p.pgdata),
      });
    }
    const data = figures(watch, first, now - begun);
    if (verdict.kind === 'reached') {
      return {
        reached: verdict.what,
        paused: watch.last?.paused ?? false,
        promoted: verdict.promoted,
        timeline: watch.log.newTimeline ?? timelineOfInstance(watch, instance.control?.timeline),
        ...(watch.log.stopping === undefined ? {} : { stopped: watch.log.stopping }),
        ...data,
      };
    }
    const words = replayWords(watch, end);
    if (words !== said) context.progress(words, { ...data, rate: replayRate(watch) });
    said = words;
    if (!look.moreLog) await rest(pauseAfter(now - from, p.interval * 1000), context.signal);
  }
}

/** An interruption or a lost connection, wherever it comes, tells what is true of the instance: nobody has told it to stop. */
async function tellingWhatGoesOn(
  p: Params,
  host: string,
  runId: string,
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await work();
  } catch (thrown) {
    if (!(thrown instanceof PitrError)) throw thrown;
    const { kind } = thrown;
    if (kind !== 'interrupted' && kind !== 'unreachable') throw thrown;
    const end =
      checkedTarget(p.target).kind === 'latest'
        ? 'waits at the end of the archived WAL'
        : 'pauses at the target';
    // What was ended on the host was a look.
    throw new PitrError({
      ...thrown,
      message: thrown.message,
      state: `PostgreSQL on ${p.pgdata} was left as it is: where it replays, it goes on by itself, isolated, and ${end}. No other node was stopped.`,
      ...(kind === 'unreachable'
        ? { next: [`When ${host} answers again, go on: pitr resume ${runId}`] }
        : {}),
    });
  }
}

function figures(
  watch: ReplayWatch,
  first: bigint | undefined,
  waitedMs: number,
): Readonly<Record<string, unknown>> {
  const { last } = watch;
  return {
    ...(last?.lsn === undefined ? {} : { lsn: formatLsn(last.lsn) }),
    ...(last?.lastCommit === undefined ? {} : { last_commit: last.lastCommit }),
    replayed_bytes: last?.lsn === undefined || first === undefined ? 0 : Number(last.lsn - first),
    seconds: Math.round(waitedMs / 100) / 10,
  };
}

/** The timeline of the last file that was fetched, else the one that the control file named at the beginning. */
function timelineOfInstance(watch: ReplayWatch, before: number | undefined): number | undefined {
  const segment = parseSegment(watch.log.restored ?? '');
  return segment === undefined ? before : Number.parseInt(segment.slice(0, 8), 16);
}

function stateWords(watch: ReplayWatch, pgdata: string): string {
  return watch.alive
    ? `PostgreSQL still runs isolated on ${pgdata}; other nodes are untouched.`
    : `PostgreSQL does not run on ${pgdata} any more; its data is kept, other nodes are untouched.`;
}
