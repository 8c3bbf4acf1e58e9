import type { z } from 'zod';
import { PitrError } from '../../base/errors/pitr-error.ts';
import { defined } from '../../base/values/defined.ts';
import { Unknown } from '../../base/values/unknown.ts';
import type { ReadHost } from '../../contract/host.ts';
import { defineModule, type TaskContext } from '../../contract/module.ts';
import { predicted, predictedChange } from '../../contract/resource.ts';
import { readMemberConfig } from '../../recovery/patroni/member-config.ts';
import { effectiveSettings, quoteConf } from '../../recovery/postgres/conf-file.ts';
import { SETTINGS_OF_PRIMARY } from '../../recovery/postgres/control-data.ts';
import { postgresResource } from '../../recovery/postgres/instance-resource.ts';
import { controlOf } from '../../recovery/postgres/look-control.ts';
import {
  changeRecoveryFiles,
  putRecoveryFilesBack,
  readRecoveryFiles,
} from '../../recovery/postgres/look-recovery-files.ts';
import {
  AUTO_CONF,
  BEFORE,
  type FileSteps,
  isNothing,
  type RecoveryFiles,
  stepsToClean,
  stepsToPrepare,
  withoutPasswords,
} from '../../recovery/postgres/recovery-files.ts';
import { recoveryParams } from '../../recovery/postgres/recovery-params.ts';
import { keptSettings, recoverySettings } from '../../recovery/postgres/recovery-settings.ts';
import { restoreCommandHere } from '../../recovery/postgres/restore-command-here.ts';
import { highestSettings } from '../../recovery/postgres/settings-floor.ts';
import { checkedTarget, targetWords } from '../../recovery/wal/target.ts';
import { pathResource } from '../../system/fs/path-resource.ts';

type Params = z.output<typeof recoveryParams>;

/** What lies there and what is wanted, as steps; or that check mode cannot know. */
type State =
  | { readonly known: false; readonly why: string }
  | {
      readonly known: true;
      readonly steps: FileSteps;
      readonly recovering: boolean;
      readonly before: string;
      readonly after: string;
      readonly kept: readonly string[];
      readonly dropped: readonly string[];
      readonly raised: Readonly<Record<string, string>>;
    };

export const module = defineModule({
  summary: 'Makes a restored data directory ready for point-in-time recovery, and cleans it up afterwards.',
  description: `Writes postgresql.auto.conf (settings that the backup had from ALTER SYSTEM stay, recovery settings of
Barman or of an older recovery go) and the signal file. postgresql.conf becomes the one that this node's Patroni has written into
the data in pgdata, so that PostgreSQL starts with the node's own addresses and with what is configured today; where there
is none, paths in the backup's file that name another node are set right; where the backup has no such file, an empty one is made. Where the node is configured outside its data
directory (\`config_dir\`), it becomes a file that leads there. The directory gets the mode of the data in pgdata (0700, or 0750 where the
group may read it), else keeps its own. Files are kept beside as they were (${BEFORE}) until state: absent. max_connections and its kin are raised for as long to the highest that
the restored data, its configuration and \`at_least\` know: replay stops at the record by which the primary raised one.

signal: standby is the default because with it nothing but a reached target or an operator ends the recovery. A failed
fetch, a missing segment and a target after the last commit all leave a readable instance that waits; seen with
PostgreSQL 15: with recovery.signal the last one is FATAL ("recovery ended before configured recovery target was
reached"), and a missing segment without a target promotes at once, with rows missing. With a time target both stop
paused at the same commit. For latest, standby.signal makes "all archived WAL is replayed" something that
postgres.replay proves before postgres.promote ends it. Either file is gone after the promotion.`,
  examples: `- postgres.recovery:
    directory: "{{ pgdata }}.pitr"
    target: "2026-11-22 09:34:43.075605+00"
    timeline: 1
    server: db1
    begin_wal: "{{ backup.begin_wal }}"
- postgres.recovery:   # after the promotion
    state: absent
    directory: "{{ pgdata }}"`,
  params: recoveryParams,
  returns: {
    kept: 'names of the ALTER SYSTEM settings that stay',
    dropped: 'names of settings of a recovery or an archive that are gone',
    restore_command: 'as it stands in the file',
    raised:
      'settings that are as high as the WAL may ask for: name to what the backup itself said, empty where it said nothing',
  },
  read: (host, p: Params, context) => readState(host, p, context),
  plan: (state, p) => {
    if (state.known && p.state === 'absent' && state.recovering) {
      throw new PitrError({
        kind: 'refused',
        code: 'still-in-recovery',
        message: `the recovery in ${p.directory} is not over: its settings are still needed`,
        next: ['Promote the instance first (postgres.promote).'],
      });
    }
    if (state.known && isNothing(state.steps)) return undefined;
    const summary =
      p.state === 'absent'
        ? `remove what the recovery has left in ${p.directory}`
        : `prepare ${p.directory} for recovery: ${targetWords(checkedTarget(p.target))}, on ${p.timeline === 'current' ? 'its own timeline' : `timeline ${p.timeline}`}`;
    const { write, ...others } = state.known ? state.steps : { write: [], remove: [], own: false };
    return {
      summary,
      directory: p.directory,
      user: p.user,
      signal: p.signal,
      prepares: p.state === 'present',
      steps: { ...others, write: write.map(({ name }) => ({ name })) },
      // The texts are no matter of the undo, for which a secret in one would be a wall: it puts the old files back.
      forApply: { write },
      ...(state.known
        ? {
            diff: [
              {
                subject: `${p.directory}/${AUTO_CONF}`,
                before: withoutPasswords(state.before),
                after: withoutPasswords(state.after),
              },
            ],
          }
        : {}),
    };
  },
  unchanged: (state) => resultOf(state),
  // Cleaned up, it is no data any more that postgres.start would start isolated.
  effects: ({ directory }) => [
    {
      kind: postgresResource.kind,
      id: directory,
      state: 'prepared, or cleared',
      lasts: 'for good',
      supersedes: true,
    },
  ],
  predict: (change) => ({
    resources: [
      predicted(
        pathResource,
        `${change.directory}/${AUTO_CONF}`,
        new Unknown('what postgres.recovery writes'),
      ),
      ...(change.prepares
        ? [
            predicted(postgresResource, change.directory, {
              data: 'present' as const,
              running: false,
              mode: 'open' as const,
              role: 'recovering' as const,
              prepared: true,
              signal: change.signal,
            }),
          ]
        : // It is what it was, but for that.
          [
            predictedChange(
              postgresResource,
              change.directory,
              ({ prepared: _prepared, signal: _signal, ...rest }) => rest,
            ),
          ]),
    ],
  }),
  apply: async (host, change, p, context) => {
    await changeRecoveryFiles(host, { ...change, steps: { ...change.steps, ...change.forApply } });
    return resultOf(await readState(host, p, context));
  },
  undo: async (host, change) => {
    if (change.prepares) await putRecoveryFilesBack(host, change);
  },
  undoable: (p) => p.state === 'present' || 'the settings of a recovery that is over are of no use any more',
});

async function readState(host: ReadHost, p: Params, context: Pick<TaskContext, 'render'>): Promise<State> {
  const label = await host.look(pathResource, `${p.directory}/PG_VERSION`);
  const present = await host.look(pathResource, `${p.directory}/${AUTO_CONF}`);
  const unknown = [label, present].find((seen) => seen instanceof Unknown);
  if (unknown instanceof Unknown) return { known: false, why: unknown.why };
  const instance = await host.look(postgresResource, p.directory);
  if (instance instanceof Unknown) return { known: false, why: instance.why };
  const files = await configuredFiles(host, p);
  const current = effectiveSettings(files.texts.get(AUTO_CONF) ?? '');
  const origin = files.texts.get(`${AUTO_CONF}.origin`);
  const before = files.texts.get(`${AUTO_CONF}${BEFORE}`);
  const { kept, dropped } = keptSettings({
    present: current,
    origin: origin === undefined ? undefined : effectiveSettings(origin),
    before: before === undefined ? undefined : effectiveSettings(before),
  });
  const configured = [
    ...['postgresql.conf', 'postgresql.base.conf'].map((name) => files.texts.get(name) ?? ''),
    files.nodeConf ?? '',
    files.outside?.text ?? '',
  ].map(effectiveSettings);
  const control = p.state === 'absent' ? undefined : await controlOf(host, p.directory, instance, p.bin);
  const recovery =
    p.state === 'absent'
      ? []
      : recoverySettings({
          target: checkedTarget(p.target),
          timeline: p.timeline ?? 1,
          action: p.action,
          restoreCommand: await restoreCommandHere(
            p,
            {
              directory: p.directory,
              segmentSize: p.segment_size ?? control?.segmentSize,
              systemId: control?.systemId,
            },
            context,
          ),
          atLeast: highestSettings([
            control?.settings ?? {},
            ...configured,
            new Map(kept.map(({ name, value }) => [name, value])),
            p.at_least,
          ]),
        });
  const quoted = (settings: readonly { readonly name: string; readonly value: string }[]) =>
    settings.map(({ name, value }) => ({ name, value: quoteConf(value) }));
  const autoConf = await context.render('postgresql.auto.conf.hbs', {
    kept: quoted(kept),
    recovery: quoted(recovery),
  });
  const steps =
    p.state === 'absent'
      ? stepsToClean(files, autoConf)
      : stepsToPrepare(files, { pgdata: p.pgdata, autoConf, signal: p.signal });
  return {
    known: true,
    steps,
    recovering: instance.running ? instance.role === 'recovering' : instance.signal !== undefined,
    before: files.texts.get(AUTO_CONF) ?? '',
    after: autoConf,
    kept: kept.map(({ name }) => name),
    raised: Object.fromEntries(
      recovery
        .filter(({ name }) => SETTINGS_OF_PRIMARY.has(name))
        .map(({ name }) => [name, kept.find((own) => own.name === name)?.value ?? '']),
    ),
    dropped: dropped.filter((name) => !recovery.some((setting) => setting.name === name)),
  };
}

/** The files, with the configuration of the node where Patroni keeps that outside the data directory. */
async function configuredFiles(host: ReadHost, p: Params): Promise<RecoveryFiles> {
  const files = await readRecoveryFiles(host, p);
  if (!files.patroniElsewhere) return files;
  const { configDirectory } = await readMemberConfig(host, p.patroni_config);
  return configDirectory === undefined ? files : readRecoveryFiles(host, p, configDirectory);
}

function resultOf(state: State): Readonly<Record<string, unknown>> {
  if (!state.known) return {};
  const { kept, dropped, raised, after } = state;
  return defined({ kept, dropped, raised, restore_command: effectiveSettings(after).get('restore_command') });
}
