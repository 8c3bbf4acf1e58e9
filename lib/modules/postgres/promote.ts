import { z } from 'zod';
import { PitrError } from '../../base/errors/pitr-error.ts';
import { refusal } from '../../base/errors/refusal.ts';
import { Unknown } from '../../base/values/unknown.ts';
import { until } from '../../base/wait/until.ts';
import type { WriteHost } from '../../contract/host.ts';
import type { WorkContext } from '../../contract/module.ts';
import { defineModule } from '../../contract/module.ts';
import { predicted } from '../../contract/resource.ts';
import { BROKEN_OFF } from '../../contract/script-report.ts';
import { endRecoveryHere } from '../../recovery/postgres/end-of-wal.ts';
import {
  fetchPassedOver,
  forgetFreeNumbers,
  isPromotionLeft,
  proveFreeNumber,
  putHistories,
} from '../../recovery/postgres/history-files.ts';
import { startLog } from '../../recovery/postgres/instance-control.ts';
import { postgresResource } from '../../recovery/postgres/instance-resource.ts';
import { instanceParams, seconds, sessionParams } from '../../recovery/postgres/params.ts';
import { querySql, runSql, type SessionTarget, sessionTarget } from '../../recovery/postgres/sql.ts';
import { postgresAbilities } from '../../recovery/postgres/version.ts';
import { writingTimeline } from '../../recovery/postgres/writing-timeline.ts';

const params = z.strictObject({
  unreached_target: z
    .enum(['refuse', 'accept'])
    .default('refuse')
    .describe(
      'accept: promote at the end of WAL although a target is set that lies after the last archived commit',
    ),
  any: z
    .boolean()
    .default(false)
    .describe(
      'promote also an instance that is not isolated; a member of a cluster is promoted by Patroni instead',
    ),
  histories: z
    .array(z.looseObject({ file: z.string().regex(/^[0-9A-F]{8}\.history$/), base64: z.base64() }))
    .default([])
    .describe(
      'history files that are proved to be right (`histories` of barman.timelines): asked for no more',
    ),
  again: z
    .string()
    .optional()
    .describe('the command that starts it again and replays to its moment, for the error where it has ended'),
  timeout: seconds
    .default(300)
    .describe('seconds until it must be out of recovery')
    .meta({ variable: 'promotion_timeout' }),
  ...instanceParams,
  ...sessionParams,
});

type Params = z.output<typeof params>;

export const module = defineModule({
  summary: 'Ends the recovery of an isolated instance: it becomes a primary on a new timeline.',
  description:
    'Waits until it is out of recovery and has made a checkpoint, and checks that no signal file is left. With a ' +
    'target that was not reached PostgreSQL would end in FATAL: that is refused, or (unreached_target: accept) the ' +
    'instance is restarted without its target and without further WAL, and promoted where it stands. The new timeline ' +
    'gets the number after the last one whose history file restore_command finds. Those that are passed over are put ' +
    'into pg_wal: a standby asks for the history file of every number up to the new one. Before anything else it is ' +
    'proved that the archives answer for the number to come: an instance that PostgreSQL asks in vain ends in FATAL.',
  examples: `- postgres.promote:
  register: promoted   # promoted.timeline`,
  params,
  returns: {
    timeline: 'the new timeline',
    lsn: 'where it begins to write',
    history: "the last line of its history file: the old timeline, where it was left, PostgreSQL's reason",
  },
  read: async (host, p: Params) => {
    const instance = await host.look(postgresResource, p.pgdata);
    const leads = !(instance instanceof Unknown) && instance.running && instance.role === 'primary';
    const [timeline, left] = await Promise.all([
      writingTimeline(host, instance, p),
      leads && isPromotionLeft(host, p),
    ]);
    return { instance, timeline, left };
  },
  plan: ({ instance, left }, p) => {
    const known = instance instanceof Unknown ? undefined : instance;
    if (known !== undefined && !known.running) {
      throw refusal('postgres-does-not-run', `no PostgreSQL runs on ${p.pgdata} to promote`, [startAgain(p)]);
    }
    if (known?.mode !== undefined && known.mode !== 'isolated' && !p.any) {
      if (known.role === 'primary') return undefined;
      throw refusal('not-isolated', `the PostgreSQL on ${p.pgdata} is not isolated`, [
        'A member of a cluster is promoted by Patroni: patroni.failover.',
      ]);
    }
    if (known?.role === 'primary' && !left) return undefined;
    const bin = p.bin ?? known?.programs;
    return {
      // A controller that died may have asked for the promotion, and not seen to what comes with it.
      summary: left
        ? `finish the promotion of PostgreSQL on ${p.pgdata}`
        : `promote PostgreSQL on ${p.pgdata} to a new timeline`,
      ...(left ? { asked: true } : {}),
      pgdata: p.pgdata,
      user: p.user,
      ...(bin === undefined ? {} : { bin }),
    };
  },
  effects: ({ pgdata }) => [
    {
      kind: postgresResource.kind,
      id: pgdata,
      state: 'primary on a new timeline',
      lasts: 'for good',
      cluster: 'begins a history',
    },
  ],
  unchanged: ({ timeline }) => (timeline === undefined ? {} : { timeline }),
  predict: (change, { instance }) => ({
    resources: [
      predicted(postgresResource, change.pgdata, {
        ...(instance instanceof Unknown
          ? { data: 'present' as const, running: true, mode: 'isolated' as const }
          : instance),
        role: 'primary' as const,
        signal: undefined,
      }),
    ],
  }),
  apply: async (host, change, p, context) => {
    const session = sessionTarget({ ...p, bin: change.bin }, undefined);
    await untilItLetsIn(host, p, context);
    if (change.asked === true) return finish(host, session, p, context);
    if (await targetUnreached(host, session)) {
      if (p.unreached_target === 'refuse') throw notReached(host.name, p);
      await endRecoveryHere(host, session, p.timeout * 1000, context);
    }
    return promote(host, session, p, context);
  },
  undo: {
    impossible:
      'a promotion starts a new timeline that cannot be left again; restoring the backup anew is the way back',
  },
});

/** Its start is over as soon as recovery is under way; the way to where it lets somebody in may lead over the archive. */
async function untilItLetsIn(host: WriteHost, p: Params, context: WorkContext): Promise<void> {
  await until(() => postgresResource.read(host, p.pgdata), {
    everyMs: 300,
    deadlineMs: p.timeout * 1000,
    signal: context.signal,
    done: ({ running, status }) => !running || status === 'ready' || status === 'standby',
    passing: BROKEN_OFF,
    late: ({ status }, waited) => late('lets nobody in', status ?? 'no status', waited, host.name, p),
  });
}

/** Up to PostgreSQL 12 who is paused at the target is promoted only when replay is to go on. */
const GO_ON = 'select pg_wal_replay_resume() where pg_is_in_recovery() and pg_is_wal_replay_paused()';

async function promote(
  host: WriteHost,
  session: SessionTarget,
  p: Params,
  context: WorkContext,
): Promise<Readonly<Record<string, unknown>>> {
  const from = (await postgresResource.read(host, p.pgdata)).control?.timeline;
  const [restoreCommand = '', followed = '', version = ''] = (
    await querySql(host, session, [
      'show restore_command',
      'show recovery_target_timeline',
      "select current_setting('server_version_num')::int / 10000",
    ])
  ).split('\n');
  await putHistories(host, p, p.histories);
  if (from !== undefined && restoreCommand !== '') {
    context.progress('asking the archives for the number of the new timeline');
    await forgetFreeNumbers(host, p);
    const after = /^\d+$/.test(followed) ? Number(followed) : from;
    await proveFreeNumber(host, p, restoreCommand, after, context.signal);
  }
  const goesOn = postgresAbilities(Number(version)).promotesWhilePaused ? [] : [GO_ON];
  await runSql(host, session, ['select pg_promote(false)', ...goesOn], 30_000, context.signal);
  await until(
    async () => {
      const { running } = await postgresResource.read(host, p.pgdata);
      // Between the end of recovery and the first moment as a primary PostgreSQL may let nobody in.
      const answer = running
        ? await querySql(host, session, ['select pg_is_in_recovery()']).catch(notYet)
        : 'down';
      return answer;
    },
    {
      everyMs: 200,
      deadlineMs: p.timeout * 1000,
      signal: context.signal,
      done: (answer) => answer === 'f' || answer === 'down',
      passing: BROKEN_OFF,
      late: (answer, waited) => late('is still in recovery', answer, waited, host.name, p),
    },
  );
  return finish(host, session, p, context, from);
}

/** `before`: the timeline that was left; where it is not known any more, the new one's history tells. */
async function finish(
  host: WriteHost,
  session: SessionTarget,
  p: Params,
  context: WorkContext,
  before?: number,
): Promise<Readonly<Record<string, unknown>>> {
  if (!(await postgresResource.read(host, p.pgdata)).running) {
    const log = await startLog(host, session);
    throw new PitrError({
      kind: 'failed',
      code: 'postgres-ended',
      message: 'PostgreSQL has ended instead of being promoted',
      details: log.fatal.length > 0 ? log.fatal.slice(-8) : log.tail,
      host: host.name,
      state: `No PostgreSQL runs on ${p.pgdata}; its data is kept.`,
      next: ['Mend what the log says.', startAgain(p)],
    });
  }
  await runSql(host, session, ['checkpoint'], p.timeout * 1000, context.signal);
  const [lsn = '', segment = '', restoreCommand = ''] = (
    await querySql(host, session, [
      'select pg_current_wal_lsn()',
      'select pg_walfile_name(pg_current_wal_lsn())',
      'show restore_command',
    ])
  ).split('\n');
  const file = `${p.pgdata}/pg_wal/${segment.slice(0, 8)}.history`;
  const told = await host.run(['cat', '--', file], { user: p.user, cwd: '/' });
  // PostgreSQL's reason ends with a newline of its own where recovery stopped at a target: the last line is empty.
  const history = told.stdout.trim().split('\n').at(-1) ?? '';
  const after = await postgresResource.read(host, p.pgdata);
  if (after.signal !== undefined) {
    throw new PitrError({
      kind: 'failed',
      code: 'signal-left-behind',
      message: `${after.signal}.signal is left in ${p.pgdata}: the next start would go into recovery again`,
      host: host.name,
      next: [`Remove ${p.pgdata}/${after.signal}.signal.`],
    });
  }
  const timeline = Number.parseInt(segment.slice(0, 8), 16);
  const from = before ?? Number.parseInt(history, 10);
  // What tells that this is still to be done goes last.
  if (from > 0 && restoreCommand !== '')
    await fetchPassedOver(host, p, restoreCommand, { from, to: timeline }, context);
  await forgetFreeNumbers(host, p);
  return {
    timeline,
    lsn,
    history: history.replace(/\s+/g, ' '),
  };
}

function late(what: string, answer: string, waited: number, host: string, p: Params): PitrError {
  return new PitrError({
    kind: 'failed',
    code: 'promotion-late',
    message: `PostgreSQL on ${p.pgdata} ${what} ${Math.round(waited / 1000)} s after it was to be promoted`,
    details: [`last answer: ${answer}`],
    host,
    next: ['Watch its log; run again to go on waiting.'],
  });
}

function startAgain({ again }: Params): string {
  return again === undefined
    ? 'Start it again (postgres.start with mode: isolated), wait until it has replayed (postgres.replay), and promote.'
    : `Start it again and let it replay to its moment, then go on with this run. It is started by: ${again}`;
}

function notYet(thrown: unknown): string {
  if (thrown instanceof PitrError && thrown.kind === 'failed') return thrown.message;
  throw thrown;
}

/** A target is set, and replay does not stand paused at it. */
async function targetUnreached(host: WriteHost, session: SessionTarget): Promise<boolean> {
  const answer = await querySql(host, session, [
    `select exists (select from pg_settings where name in ('recovery_target', 'recovery_target_lsn', 'recovery_target_name', 'recovery_target_time', 'recovery_target_xid') and setting <> '')`,
  ]);
  if (answer !== 't') return false;
  return !(await startLog(host, session)).pausedAtTarget;
}

function notReached(host: string, p: Params): PitrError {
  return refusal('target-not-yet-reached', `the recovery on ${p.pgdata} has not reached its target`, [
    'Wait for it with postgres.replay; at the end of WAL, unreached_target: accept promotes where it stands.',
  ]).with({ host });
}
