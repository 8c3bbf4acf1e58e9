import { formatInstant } from '../wal/instant.ts';
import { formatLsn } from '../wal/lsn.ts';
import type { RecoveryTarget } from '../wal/target.ts';
import type { ConfSetting } from './conf-file.ts';
import { SETTINGS_OF_PRIMARY } from './control-data.ts';

/** Which signal file puts PostgreSQL into recovery. */
export type SignalKind = 'recovery' | 'standby';

/**
 * Settings in `postgresql.auto.conf` that belong to a recovery, to a standby or to another node's archive: Barman's,
 * an older recovery's, Patroni's. They never survive into a restored directory. Everything else does.
 * With each the major versions of PostgreSQL that know it, where not all from 12 on do.
 */
const NOT_KEPT: ReadonlyMap<string, { readonly from?: number; readonly before?: number }> = new Map([
  ['restore_command', {}],
  ['archive_cleanup_command', {}],
  ['recovery_end_command', {}],
  ['recovery_min_apply_delay', {}],
  ['recovery_target', {}],
  ['recovery_target_action', {}],
  ['recovery_target_inclusive', {}],
  ['recovery_target_lsn', {}],
  ['recovery_target_name', {}],
  ['recovery_target_time', {}],
  ['recovery_target_timeline', {}],
  ['recovery_target_xid', {}],
  ['primary_conninfo', {}],
  ['primary_slot_name', {}],
  ['promote_trigger_file', { before: 16 }],
  ['standby_mode', { before: 12 }],
  ['trigger_file', { before: 12 }],
  // The archive of the node that the backup was taken of: never of the node that it is restored to.
  ['archive_command', {}],
  ['archive_library', { from: 15 }],
]);

export function isRecoverySetting(name: string): boolean {
  return NOT_KEPT.has(name.toLowerCase());
}

/** Those of them that a PostgreSQL of this major version knows: it refuses to reset what it does not know. */
export function recoverySettingsOf(major: number): readonly string[] {
  return [...NOT_KEPT]
    .filter(([, { from = 0, before = Number.POSITIVE_INFINITY }]) => from <= major && major < before)
    .map(([name]) => name);
}

/**
 * `current` is that of the data. Its number leads nowhere else, but "recovery target timeline 3 does not exist" ends
 * PostgreSQL (seen with 15) where no archive has the history file, as on a Barman server that is newer than the timeline.
 */
export type RecoveryTimeline = number | 'current';

export interface RecoveryPlan {
  readonly target: RecoveryTarget;
  /** Always explicit: the default follows the newest history file that it finds, which may be another branch. */
  readonly timeline: RecoveryTimeline;
  readonly action: 'pause' | 'promote' | 'shutdown';
  readonly restoreCommand: string;
  /** `max_connections` and its kin, as high as the WAL may ask for. */
  readonly atLeast?: Readonly<Record<string, number>> | undefined;
}

/** The settings of a recovery, in the order in which they are written. */
export function recoverySettings(plan: RecoveryPlan): readonly ConfSetting[] {
  return [
    { name: 'restore_command', value: plan.restoreCommand },
    { name: 'recovery_target_timeline', value: String(plan.timeline) },
    ...targetSettings(plan.target),
    ...(plan.target.kind === 'latest' ? [] : [{ name: 'recovery_target_action', value: plan.action }]),
    // What Patroni, or the standby that the backup was taken of, has left in postgresql.conf.
    { name: 'primary_conninfo', value: '' },
    { name: 'primary_slot_name', value: '' },
    { name: 'recovery_min_apply_delay', value: '0' },
    { name: 'recovery_end_command', value: '' },
    { name: 'archive_cleanup_command', value: '' },
    ...Object.entries(plan.atLeast ?? {}).map(([name, value]) => ({ name, value: String(value) })),
  ];
}

/** At most one target may be set. Inclusive is PostgreSQL's default; it applies to times, transactions and positions. */
function targetSettings(target: RecoveryTarget): readonly ConfSetting[] {
  const inclusive =
    'exclusive' in target && target.exclusive === true
      ? [{ name: 'recovery_target_inclusive', value: 'off' }]
      : [];
  switch (target.kind) {
    case 'time':
      return [{ name: 'recovery_target_time', value: formatInstant(target.time) }, ...inclusive];
    case 'lsn':
      return [{ name: 'recovery_target_lsn', value: formatLsn(target.lsn) }, ...inclusive];
    case 'xid':
      return [{ name: 'recovery_target_xid', value: String(target.xid) }, ...inclusive];
    case 'name':
      return [{ name: 'recovery_target_name', value: target.name }];
    case 'immediate':
      return [{ name: 'recovery_target', value: 'immediate' }];
    case 'latest':
      return [];
  }
}

/**
 * The settings made by ALTER SYSTEM that a restored `postgresql.auto.conf` keeps, and the names of those that it does
 * not. `origin` is the file as it was before Barman wrote into it, where Barman kept one; `before` as it was before pitr
 * did: of settings that a recovery raises, it alone knows the backup's own value.
 */
export function keptSettings(files: {
  readonly present: ReadonlyMap<string, string>;
  readonly origin?: ReadonlyMap<string, string> | undefined;
  readonly before?: ReadonlyMap<string, string> | undefined;
}): { readonly kept: readonly ConfSetting[]; readonly dropped: readonly string[] } {
  const all = new Map([...(files.origin ?? []), ...files.present]);
  for (const name of files.before === undefined ? [] : SETTINGS_OF_PRIMARY) {
    const value = files.before?.get(name) ?? files.origin?.get(name);
    if (value === undefined) all.delete(name);
    else all.set(name, value);
  }
  return {
    kept: [...all].filter(([name]) => !isRecoverySetting(name)).map(([name, value]) => ({ name, value })),
    dropped: [...all.keys()].filter(isRecoverySetting),
  };
}
