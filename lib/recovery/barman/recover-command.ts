import type { Version } from '../../base/values/version.ts';
import type { BackupId } from '../wal/backup-id.ts';
import { type RecoverAbilities, recoverAbilities } from './version.ts';

/** What `barman recover` is told. */
export interface RecoverOrder {
  readonly server: string;
  readonly backup: BackupId;
  /** How Barman's host logs in to the receiving one: `ssh -q postgres@db2`; nothing: it is Barman's host itself. */
  readonly remoteSsh?: string | undefined;
  readonly destination: string;
  readonly jobs?: number | undefined;
  /** Tablespace name to its place on the receiving host. */
  readonly tablespaces?: Readonly<Record<string, string>> | undefined;
  /** On the receiving host. */
  readonly stagingPath?: string | undefined;
  /** `stagingPath` is on Barman's own host. */
  readonly stagedHere?: boolean | undefined;
  /** It is unpacked or put together where `stagingPath` says on the receiving host. */
  readonly packed: boolean;
  /** Kilobytes a second. */
  readonly bandwidthLimit?: number | undefined;
  /** Goes on with a copy that is there in part. */
  readonly continues: boolean;
}

/**
 * The command as an argument list for this version. WAL is never copied along (`--get-wal`): PostgreSQL fetches it by
 * its restore_command, which is rendered by `postgres.recovery`, as is the target.
 */
export function recoverCommand(order: RecoverOrder, version: Version): readonly string[] {
  return [
    'barman',
    'recover',
    ...(order.remoteSsh === undefined ? [] : ['--remote-ssh-command', order.remoteSsh]),
    '--get-wal',
    ...(order.jobs === undefined ? [] : ['--jobs', String(order.jobs)]),
    ...(order.bandwidthLimit === undefined ? [] : ['--bwlimit', String(order.bandwidthLimit)]),
    ...Object.entries(order.tablespaces ?? {}).flatMap(([name, place]) => [
      '--tablespace',
      `${name}:${place}`,
    ]),
    ...wordsOfVersion(order, recoverAbilities(version, order.packed)),
    order.server,
    order.backup,
    order.destination,
  ];
}

/** What is said over the configuration of Barman: it is what was proved to have room, and what goes together. */
function wordsOfVersion(order: RecoverOrder, abilities: RecoverAbilities): readonly string[] {
  const { stagingPath, remoteSsh, continues } = order;
  const delta = continues && abilities.continuation === 'delta';
  const located = abilities.staging !== '--recovery-staging-path';
  const receiver = remoteSsh === undefined || order.stagedHere === true ? 'local' : 'remote';
  return [
    ...(stagingPath === undefined ? [] : [located ? '--staging-path' : abilities.staging, stagingPath]),
    ...(stagingPath === undefined || !located || delta ? [] : ['--staging-location', receiver]),
    // A delta is refused together with a staging path on the receiving host, whatever is to be copied.
    ...(delta && remoteSsh !== undefined ? ['--staging-location', 'local'] : []),
    ...(abilities.deltaOptions ? [delta ? '--delta-restore' : '--no-delta-restore'] : []),
  ];
}
