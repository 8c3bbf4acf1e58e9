import { z } from 'zod';
import { PitrError } from '../../base/errors/pitr-error.ts';
import { bytesOf } from '../../base/values/byte-text.ts';
import { defined } from '../../base/values/defined.ts';
import type { ReadHost } from '../../contract/host.ts';
import { known } from '../../contract/known.ts';
import { defineModule, type TaskContext } from '../../contract/module.ts';
import { mayAlter } from '../../contract/newer-changes.ts';
import { predicted } from '../../contract/resource.ts';
import { effectiveSettings } from '../../recovery/postgres/conf-file.ts';
import {
  isAimed,
  isInForce,
  isStopSetting,
  isWaiting,
  nothingWaits,
  refuseBackward,
  refuseBackwardStopped,
  refuseOtherMethod,
  withSettings,
} from '../../recovery/postgres/forward-plan.ts';
import { type InstanceState, wasIsolated } from '../../recovery/postgres/instance.ts';
import { prepareRunFiles, startInstance, stopInstance } from '../../recovery/postgres/instance-control.ts';
import { postgresResource } from '../../recovery/postgres/instance-resource.ts';
import { runFilesOf } from '../../recovery/postgres/isolation.ts';
import { controlOf } from '../../recovery/postgres/look-control.ts';
import { readRecoveryFiles } from '../../recovery/postgres/look-recovery-files.ts';
import { lookWaiting, type WaitingRecovery } from '../../recovery/postgres/look-waiting.ts';
import { instanceParams, seconds } from '../../recovery/postgres/params.ts';
import { AUTO_CONF, withoutPasswords } from '../../recovery/postgres/recovery-files.ts';
import { recoveryParams } from '../../recovery/postgres/recovery-params.ts';
import { type RecoveryTimeline, recoverySettings } from '../../recovery/postgres/recovery-settings.ts';
import { inOrder, serversNotAsked } from '../../recovery/postgres/restore-command.ts';
import { restoreCommandHere } from '../../recovery/postgres/restore-command-here.ts';
import { programsOf, sessionTarget } from '../../recovery/postgres/sql.ts';
import { checkedTarget, targetSchema, targetWords } from '../../recovery/wal/target.ts';

const { partial, wal_method, server, begin_wal, servers, ssh, wal_directories, spool, segment_size } =
  recoveryParams.shape;

const params = z
  .strictObject({
    target: targetSchema.describe('where it shall stop now: as postgres.recovery takes it'),
    partial: partial.describe(
      'where WAL ends with a segment of which only the beginning is archived: the segment, and the server that has it (barman.moment); restore_command is then written anew, from the params below',
    ),
    ...{ wal_method, server, begin_wal, servers, ssh, wal_directories, spool, segment_size },
    ways: z
      .array(z.string())
      .default([])
      .describe('what leads to an earlier moment, line by line, for those who are refused'),
    patience: seconds
      .default(120)
      .describe(
        'seconds without a word in the log, or any work of the startup process, after which a start has failed',
      ),
    shutdown_timeout: seconds.default(300).describe('seconds that the restart may take to stop'),
    ...instanceParams,
  })
  .superRefine((p, context) => {
    if (p.partial === undefined) return;
    if (p.wal_method === 'local') {
      if (p.wal_directories.length > 0) return;
      const message = 'is required with partial and wal_method local: the directories that hold WAL';
      context.addIssue({ code: 'custom', path: ['wal_directories'], message });
      return;
    }
    if (p.servers.length > 0 || p.server !== undefined) return;
    const message = 'is required with partial: the Barman servers that hold the WAL';
    context.addIssue({ code: 'custom', path: ['servers'], message });
  });

type Params = z.output<typeof params>;

const FETCH = 'restore_command';

export const module = defineModule({
  summary: 'Moves a paused, isolated recovery on to a later target, without a new restore.',
  description:
    'Writes the new target into postgresql.auto.conf and starts the instance again, isolated as before; postgres.replay ' +
    'then follows it. Refuses a target that lies behind what has been replayed. The timeline stays, and so does ' +
    'restore_command, which never asks for the beginning of a segment but of the one that it was written for: where WAL ' +
    'with such a beginning is needed (`partial`), or WAL of a server that it does not ask, it is written anew. Where it ' +
    'was broken off, it is made whole: what a running instance works with is compared, not its file alone, and one that ' +
    'stands stopped with this very target in its file is started again. Undo stops the ' +
    'instance and puts the old target back; what was replayed stays, so that all it is good for then is to take back the ' +
    'recovery itself.',
  examples: `- postgres.forward:
    target: "2026-11-22 14:03:09+00"
- postgres.replay:
    target: "2026-11-22 14:03:09+00"`,
  params,
  returns: {
    pid: 'of the postmaster',
    from_lsn: 'how far it had replayed; absent where it stood stopped',
    from_commit: 'its last commit then, UTC; likewise',
  },
  read: async (host, p: Params, context) => {
    const instance = known(await host.look(postgresResource, p.pgdata));
    const waits = isWaiting(instance);
    if (!waits && !wasIsolated(instance)) throw nothingWaits(p.pgdata, instance, host.name);
    const files = await readRecoveryFiles(host, { directory: p.pgdata, pgdata: p.pgdata, user: p.user });
    const text = files.texts.get(AUTO_CONF) ?? '';
    const waiting = waits ? await lookWaiting(host, sessionTarget(p, instance.programs)) : undefined;
    const why = whyFetchAnew(p, waiting?.inForce.get(FETCH)?.value ?? effectiveSettings(text).get(FETCH));
    const fetchAnew =
      why === undefined ? undefined : { why, command: await commandAnew(host, p, instance, context) };
    return { instance, host: host.name, text, fetchAnew, waiting };
  },
  plan: ({ instance, host, text, fetchAnew, waiting }, p) => {
    const target = checkedTarget(p.target);
    const before = effectiveSettings(text);
    const stop = recoverySettings({
      target,
      timeline: timelineOf(before.get('recovery_target_timeline')),
      action: 'pause',
      restoreCommand: before.get(FETCH) ?? '',
    }).filter(({ name }) => isStopSetting(name));
    if (fetchAnew !== undefined)
      refuseOtherMethod(before.get(FETCH), p.wal_method, { host, pgdata: p.pgdata, why: fetchAnew.why });
    const fetch = fetchAnew === undefined ? [] : [{ name: FETCH, value: fetchAnew.command }];
    const wanted = [...fetch, ...stop];
    const aimed = isAimed(before, stop);
    if (waiting === undefined) {
      // It goes on to the stop that was asked for already. How far it has come is not told by the commits of a stopped one,
      // but its control file tells how far it cannot go back.
      if (!aimed) throw nothingWaits(p.pgdata, instance, host, text);
      refuseBackwardStopped(target, instance, host, p.ways);
    } else {
      // A file that was written before PostgreSQL was stopped says nothing of what it works with.
      const stands = aimed && isInForce(waiting.inForce, stop);
      const fetches = fetch.every(({ name, value }) => before.get(name) === value);
      if (stands && fetches && isInForce(waiting.inForce, wanted)) return undefined;
      if (!stands) refuseBackward(target, waiting, host, p.ways);
    }
    const after = withSettings(text, wanted);
    return {
      summary: `replay on to ${targetWords(target)}`,
      pgdata: p.pgdata,
      user: p.user,
      bin: programsOf(p, instance.programs),
      forApply: { text: after },
      before: text,
      startedWith: instance.startedWith ?? instance.lastStartedWith ?? [],
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
  unchanged: ({ instance, waiting }) => ({ pid: instance.pid, ...from(waiting) }),
  predict: (change, { instance }) => ({
    resources: [
      predicted(postgresResource, change.pgdata, {
        ...instance,
        ...{ running: true, mode: 'isolated', role: 'recovering', startedWith: change.startedWith },
      }),
    ],
  }),
  apply: async (host, change, p, context) => {
    const seen = await postgresResource.read(host, change.pgdata);
    // Since it was looked at, it may have been promoted, opened or started by somebody else.
    if (!isWaiting(seen) && !wasIsolated(seen)) throw nothingWaits(change.pgdata, seen, host.name);
    const waiting = seen.running ? await lookWaiting(host, sessionTarget(p, change.bin)) : undefined;
    await host.writeFile(`${change.pgdata}/${AUTO_CONF}`, bytesOf(change.forApply.text), {
      user: change.user,
    });
    await stopInstance(host, change, 'fast', change.shutdownMs, context.signal);
    await prepareRunFiles(host, change, runFilesOf(change.pgdata, change.startedWith));
    const instance = await startInstance(host, change, change.startedWith, change.patienceMs, context);
    return { pid: instance.pid, ...from(waiting) };
  },
  mayUndo: async (host, change, _context, newer) => {
    if (!mayAlter(newer, host.name, postgresResource.kind, change.pgdata))
      refusePromoted(await postgresResource.read(host, change.pgdata), change, host.name);
  },
  undo: async (host, change, context) => {
    const seen = await postgresResource.read(host, change.pgdata);
    if (seen.data === 'absent') return;
    refusePromoted(seen, change, host.name);
    await stopInstance(host, change, 'fast', change.shutdownMs, context.signal);
    await host.writeFile(`${change.pgdata}/${AUTO_CONF}`, bytesOf(change.before), {
      user: change.user,
    });
    context.warn(
      `What was replayed stays, so PostgreSQL is left stopped on ${change.pgdata}: take the recovery itself back, too.`,
    );
  },
});

function refusePromoted(
  { role }: InstanceState,
  { pgdata }: { readonly pgdata: string },
  host: string,
): void {
  if (role !== 'primary') return;
  throw new PitrError({
    kind: 'refused',
    code: 'already-promoted',
    message: `the instance on ${pgdata} has been promoted since: its target is of no account any more`,
    host,
    next: ['See what came after this run, and take the newest back first: pitr runs'],
  });
}

/** Why the present `restore_command` does not bring all WAL that is needed; nothing where it does. */
function whyFetchAnew(
  { partial: beginning, server: own, servers: all }: Params,
  present = '',
): string | undefined {
  if (beginning !== undefined) return 'the moment needs the beginning of a segment';
  const [unasked] = serversNotAsked(present, inOrder(own, all));
  return unasked === undefined ? undefined : `it does not ask ${unasked}`;
}

/** As postgres.recovery writes it. */
async function commandAnew(
  host: ReadHost,
  p: Params,
  instance: InstanceState,
  context: Pick<TaskContext, 'render'>,
): Promise<string> {
  const control = await controlOf(host, p.pgdata, instance, p.bin);
  const data = {
    directory: p.pgdata,
    segmentSize: p.segment_size ?? control?.segmentSize,
    systemId: control?.systemId,
  };
  return restoreCommandHere({ ...p, signal: instance.signal ?? 'standby' }, data, context);
}

function from(waiting: WaitingRecovery | undefined): Readonly<Record<string, unknown>> {
  return defined({ from_lsn: waiting?.lsnText, from_commit: waiting?.commitText });
}

function timelineOf(setting = '1'): RecoveryTimeline {
  return setting === 'current' ? setting : Number(setting);
}
