import { z } from 'zod';
import { PitrError } from '../../base/errors/pitr-error.ts';
import type { ReadHost } from '../../contract/host.ts';
import { known } from '../../contract/known.ts';
import { defineModule } from '../../contract/module.ts';
import { predicted } from '../../contract/resource.ts';
import { effectiveSettings } from '../../recovery/postgres/conf-file.ts';
import {
  isStopSetting,
  type ReplayPosition,
  refuseBackward,
  withStop,
} from '../../recovery/postgres/forward-plan.ts';
import { prepareRunFiles, startInstance, stopInstance } from '../../recovery/postgres/instance-control.ts';
import { postgresResource } from '../../recovery/postgres/instance-resource.ts';
import { runFiles } from '../../recovery/postgres/isolation.ts';
import { readRecoveryFiles } from '../../recovery/postgres/look-recovery-files.ts';
import { instanceParams, seconds } from '../../recovery/postgres/params.ts';
import { AUTO_CONF, withoutPasswords } from '../../recovery/postgres/recovery-files.ts';
import { type RecoveryTimeline, recoverySettings } from '../../recovery/postgres/recovery-settings.ts';
import { programsOf, querySql, sessionTarget } from '../../recovery/postgres/sql.ts';
import { parseLsn } from '../../recovery/wal/lsn.ts';
import { parseInstant } from '../../recovery/wal/parse-instant.ts';
import { checkedTarget, targetSchema, targetWords } from '../../recovery/wal/target.ts';

const params = z.strictObject({
  target: targetSchema.describe('where it shall stop now: as postgres.recovery takes it'),
  ways: z
    .array(z.string())
    .default([])
    .describe('what leads to an earlier moment, line by line, for those who are refused'),
  patience: seconds.default(120).describe('seconds without a word in the log after which a start has failed'),
  shutdown_timeout: seconds.default(300).describe('seconds that the restart may take to stop'),
  ...instanceParams,
});

type Params = z.output<typeof params>;

export const module = defineModule({
  summary: 'Moves a paused, isolated recovery on to a later target, without a new restore.',
  description:
    'Writes the new target into postgresql.auto.conf and starts the instance again, isolated as before; postgres.replay ' +
    'then follows it. Refuses a target that lies behind what has been replayed. The timeline stays. Undo stops the ' +
    'instance and puts the old target back; what was replayed stays, so that all it is good for then is to take back the ' +
    'recovery itself.',
  examples: `- postgres.forward:
    target: "2026-11-22 14:03:09+00"
- postgres.replay:
    target: "2026-11-22 14:03:09+00"`,
  params,
  returns: {
    pid: 'of the postmaster',
    from_lsn: 'how far it had replayed',
    from_commit: 'its last commit then, UTC',
  },
  read: async (host, p: Params) => {
    const instance = known(await host.look(postgresResource, p.pgdata));
    if (!instance.running || instance.mode !== 'isolated' || instance.role !== 'recovering') {
      throw new PitrError({
        kind: 'refused',
        code: 'nothing-waits',
        message: `no recovery waits isolated on ${p.pgdata}`,
        details: [
          instance.running
            ? `PostgreSQL runs there, ${instance.mode}, ${instance.role ?? 'of unknown role'}`
            : 'no PostgreSQL runs there',
        ],
        host: host.name,
        next: [`Start what was prepared: pitr play replay.yml -e target=${host.name}`],
      });
    }
    const files = await readRecoveryFiles(host, { directory: p.pgdata, pgdata: p.pgdata, user: p.user });
    return {
      instance,
      host: host.name,
      text: files.texts.get(AUTO_CONF) ?? '',
      position: await positionOf(host, p, programsOf(p, instance.programs)),
    };
  },
  plan: ({ instance, host, text, position }, p) => {
    const target = checkedTarget(p.target);
    const before = effectiveSettings(text);
    const stop = recoverySettings({
      target,
      timeline: timelineOf(before.get('recovery_target_timeline')),
      action: 'pause',
      restoreCommand: before.get('restore_command') ?? '',
    }).filter(({ name }) => isStopSetting(name));
    const present = [...before].filter(([name]) => isStopSetting(name));
    const same =
      present.length === stop.length && stop.every(({ name, value }) => before.get(name) === value);
    if (same) return undefined;
    refuseBackward(target, position, host, p.ways);
    const after = withStop(text, stop);
    return {
      summary: `replay on to ${targetWords(target)}`,
      pgdata: p.pgdata,
      user: p.user,
      bin: programsOf(p, instance.programs),
      forApply: { text: after },
      before: text,
      startedWith: instance.startedWith ?? [],
      patienceMs: p.patience * 1000,
      shutdownMs: p.shutdown_timeout * 1000,
      diff: [
        {
          subject: `${p.pgdata}/${AUTO_CONF}`,
          before: withoutPasswords(text),
          after: withoutPasswords(after),
        },
      ],
    };
  },
  unchanged: ({ instance, position }) => ({ pid: instance.pid, ...from(position) }),
  predict: (change, { instance }) => ({
    resources: [predicted(postgresResource, change.pgdata, { ...instance, startedWith: change.startedWith })],
  }),
  apply: async (host, change, p, context) => {
    const position = await positionOf(host, p, change.bin);
    await host.writeFile(`${change.pgdata}/${AUTO_CONF}`, change.forApply.text, {
      mode: 0o600,
      user: change.user,
    });
    await stopInstance(host, change, 'fast', change.shutdownMs, context.signal);
    await prepareRunFiles(host, change, runFiles(change.pgdata));
    const instance = await startInstance(host, change, change.startedWith, change.patienceMs, context);
    return { pid: instance.pid, ...from(position) };
  },
  undo: async (host, change, context) => {
    const seen = await postgresResource.read(host, change.pgdata);
    if (seen.data === 'absent') return;
    if (seen.role === 'primary') {
      throw new PitrError({
        kind: 'refused',
        code: 'already-promoted',
        message: `the instance on ${change.pgdata} has been promoted since: its target is of no account any more`,
        host: host.name,
        next: ['See what came after this run, and take the newest back first: pitr runs'],
      });
    }
    await stopInstance(host, change, 'fast', change.shutdownMs, context.signal);
    await host.writeFile(`${change.pgdata}/${AUTO_CONF}`, change.before, { mode: 0o600, user: change.user });
    context.warn(
      `What was replayed stays, so PostgreSQL is left stopped on ${change.pgdata}: take the recovery itself back, too.`,
    );
  },
});

function from(position: Awaited<ReturnType<typeof positionOf>>): Readonly<Record<string, unknown>> {
  return {
    ...(position.lsnText === undefined ? {} : { from_lsn: position.lsnText }),
    ...(position.commitText === undefined ? {} : { from_commit: position.commitText }),
  };
}

const POSITION = `select json_build_object(
  'lsn', pg_last_wal_replay_lsn(),
  'commit', to_char(pg_last_xact_replay_timestamp() at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') || '+00')`;

const positionSchema = z.object({ lsn: z.string().nullable(), commit: z.string().nullable() });

async function positionOf(
  host: ReadHost,
  p: Params,
  bin: string,
): Promise<ReplayPosition & { readonly lsnText?: string; readonly commitText?: string }> {
  const target = { ...sessionTarget({ pgdata: p.pgdata, bin, user: p.user }, undefined), bin };
  const { lsn, commit } = positionSchema.parse(JSON.parse(await querySql(host, target, [POSITION])));
  const parsed = commit === null ? undefined : parseInstant(commit);
  return {
    ...(lsn === null ? {} : { lsn: parseLsn(lsn), lsnText: lsn }),
    ...(parsed?.ok === true ? { lastCommit: parsed.instant } : {}),
    ...(commit === null ? {} : { commitText: commit }),
  };
}

function timelineOf(setting = '1'): RecoveryTimeline {
  return setting === 'current' ? setting : Number(setting);
}
