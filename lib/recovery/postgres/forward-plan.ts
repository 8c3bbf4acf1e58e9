import { PitrError } from '../../base/errors/pitr-error.ts';
import { formatInstant, type Instant } from '../wal/instant.ts';
import { formatLsn, type Lsn } from '../wal/lsn.ts';
import type { RecoveryTarget } from '../wal/target.ts';
import { type ConfSetting, effectiveSettings, parseConfLine, quoteConf } from './conf-file.ts';
import { type InstanceState, wasIsolated } from './instance.ts';
import type { WalMethod } from './params.ts';
import { AUTO_CONF } from './recovery-files.ts';
import { walMethodOf } from './restore-command.ts';
import { isSamePlace } from './stop-proof.ts';

const ACTION = 'recovery_target_action';

/** How far a paused recovery has come. */
export interface ReplayPosition {
  readonly lsn?: Lsn | undefined;
  /** Commit time of the last replayed transaction. */
  readonly lastCommit?: Instant | undefined;
}

/** What a running instance works with: each setting of its stop, and how it fetches WAL. */
export type StopInForce = ReadonlyMap<string, { readonly value: string; readonly byDefault: string }>;

/** The settings that say where a recovery stops; the timeline is not one of them, it stays. */
export function isStopSetting(name: string): boolean {
  return name.startsWith('recovery_target') && name !== 'recovery_target_timeline';
}

/** Whether settings stop a recovery there, and nowhere else. */
export function isAimed(settings: ReadonlyMap<string, string>, stop: readonly ConfSetting[]): boolean {
  const present = [...settings.keys()].filter(isStopSetting);
  return present.length === stop.length && stop.every(({ name, value }) => settings.get(name) === value);
}

/** Whether a running instance works with these settings, and with no other stop. What is not set is as it is by default. */
export function isInForce(inForce: StopInForce, settings: readonly ConfSetting[]): boolean {
  const wanted = new Map(settings.map(({ name, value }) => [name, value]));
  return [...inForce]
    .filter(([name]) => isStopSetting(name) || wanted.has(name))
    .every(([name, { value, byDefault }]) => value === (wanted.get(name) ?? byDefault));
}

/**
 * `postgresql.auto.conf` with another stop, and whatever else is given anew: the rest as it is, the new settings at its
 * end.
 */
export function withSettings(text: string, settings: readonly ConfSetting[]): string {
  const anew = new Set(settings.map(({ name }) => name));
  const kept = text.split('\n').filter((line) => {
    const setting = parseConfLine(line);
    return setting === undefined || !(isStopSetting(setting.name) || anew.has(setting.name));
  });
  while (kept.at(-1) === '') kept.pop();
  return `${[...kept, ...settings.map(({ name, value }) => `${name} = ${quoteConf(value)}`)].join('\n')}\n`;
}

/**
 * Throws kind `refused` where the target lies behind what has been replayed: nothing that was replayed can be taken
 * out again. Where it was looked for in the archived WAL, the place tells; of a transaction or a restore point nothing else
 * does, and of a time nothing else after a restart in which no commit was replayed.
 */
export function refuseBackward(
  target: RecoveryTarget,
  at: ReplayPosition,
  host: string,
  ways: readonly string[],
): void {
  const behind =
    target.kind === 'immediate' ||
    (target.kind === 'time' &&
      at.lastCommit !== undefined &&
      (target.exclusive === true ? target.time <= at.lastCommit : target.time < at.lastCommit)) ||
    (target.kind === 'lsn' && at.lsn !== undefined && target.lsn < at.lsn) ||
    stopsBefore(target, at);
  if (!behind) return;
  throw targetBehind(host, {
    gone: [
      ...(at.lastCommit === undefined ? [] : [`Last replayed commit: ${formatInstant(at.lastCommit)}`]),
      ...(at.lsn === undefined ? [] : [`Replayed to ${formatLsn(at.lsn)}`]),
      ...(target.kind === 'time' ? [`Asked for: ${formatInstant(target.time)}`] : []),
    ],
    ways,
  });
}

/**
 * Throws kind `refused` where a stopped recovery cannot stop at the target any more: its data is whole only beyond it. Only
 * a place that is known counts: that of an inclusive LSN is the end of a record, of which only the beginning is given.
 */
export function refuseBackwardStopped(
  target: RecoveryTarget,
  { control }: Pick<InstanceState, 'control'>,
  host: string,
  ways: readonly string[],
): void {
  const lsn = control?.minimumRecoveryLsn;
  const given = target.kind === 'lsn' && target.exclusive === true ? target.lsn : undefined;
  const stopsAt = target.stopsAt ?? given;
  if (lsn === undefined || stopsAt === undefined || !stopsBefore({ stopsAt }, { lsn })) return;
  throw targetBehind(host, {
    gone: [`Its data is whole only from ${formatLsn(lsn)} on`, `Asked for: a stop at ${formatLsn(stopsAt)}`],
    ways,
  });
}

function targetBehind(
  host: string,
  { gone, ways }: { readonly gone: readonly string[]; readonly ways: readonly string[] },
): PitrError {
  return new PitrError({
    kind: 'refused',
    code: 'target-behind',
    message: `the recovery on ${host} has gone past that target already, and replay cannot go back`,
    details: [...gone, 'For an earlier moment the same backup has to be restored again.'],
    host,
    state: 'nothing was changed; the instance is as it was',
    // What the task says with `ways:`. In forward.yml: pitr play rollback.yml -e target={node}, then restore again: pitr
    // recover {backup} {time} --server {server} --target {node} --restore
    next: ways,
  });
}

/**
 * Throws kind `refused` where `restore_command` would be written anew for another way to fetch WAL than that of this recovery,
 * which is proved to work there. One that somebody has written by hand gives way.
 */
export function refuseOtherMethod(
  present: string | undefined,
  wanted: WalMethod,
  { host, pgdata, why }: { readonly host: string; readonly pgdata: string; readonly why: string },
): void {
  const method = walMethodOf(present ?? '');
  if (method === undefined || method === wanted) return;
  const directories = method === 'local' ? ` -e '{"wal_directories": ["/..."]}'` : '';
  throw new PitrError({
    kind: 'refused',
    // A later moment needs restore_command written anew, and -e or the inventory name another wal_method than the recovery has.
    code: 'wal-method-differs',
    message: `the recovery on ${host} fetches WAL with ${method}, and would have to go on with ${wanted}`,
    details: [`restore_command in ${pgdata}/${AUTO_CONF} has to be written anew: ${why}`],
    host,
    state: 'nothing was changed; the instance is as it was',
    next: [`Fetch WAL as this recovery does, the same command with: -e wal_method=${method}${directories}`],
  });
}

/** A recovery that waits, isolated: it can be asked how far it has come. */
export function isWaiting({ running, mode, role }: InstanceState): boolean {
  return running && mode === 'isolated' && role === 'recovering';
}

/** Neither waits a recovery there, nor one that only has to be started again at the stop that its file has. */
export function nothingWaits(pgdata: string, instance: InstanceState, host: string, text = ''): PitrError {
  const aims = [...effectiveSettings(text)].filter(([name]) => name !== ACTION && isStopSetting(name));
  const stopped = wasIsolated(instance);
  return new PitrError({
    kind: 'refused',
    code: 'nothing-waits',
    message: `no recovery waits isolated on ${pgdata}`,
    details: [
      instance.running
        ? `PostgreSQL runs there, ${instance.mode}, ${instance.role ?? 'of unknown role'}`
        : 'no PostgreSQL runs there',
      ...(stopped
        ? [
            `its ${AUTO_CONF} says: ${aims.map(([name, value]) => `${name} = ${value}`).join(', ') || 'no recovery target'}`,
          ]
        : []),
    ],
    host,
    next: [
      // Until such a run has come to its end, the file has the new stop, and the note beside the data the old one.
      ...(stopped
        ? [
            'Was a run broken off that moved the recovery on (forward.yml, pitr peek --to)? Go on with that one: pitr resume <run>, which pitr runs names.',
          ]
        : []),
      `Start what was prepared, where its stop is the one that it was recovered to: pitr play replay.yml -e target=${host}`,
    ],
  });
}

function stopsBefore({ stopsAt }: Pick<RecoveryTarget, 'stopsAt'>, { lsn }: ReplayPosition): boolean {
  return stopsAt !== undefined && lsn !== undefined && stopsAt < lsn && !isSamePlace(stopsAt, lsn);
}
