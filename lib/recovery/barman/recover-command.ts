import type { BackupId } from '../wal/backup-id.ts';
import { type BarmanVersion, recoverAbilities } from './version.ts';

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
  readonly stagingPath?: string | undefined;
  /** Kilobytes a second. */
  readonly bandwidthLimit?: number | undefined;
  /** Goes on with a copy that is there in part. */
  readonly continues: boolean;
}

/**
 * The command as an argument list for this version. WAL is never copied along (`--get-wal`): PostgreSQL fetches it by
 * its restore_command, which is rendered by `postgres.recovery`, as is the target.
 */
export function recoverCommand(order: RecoverOrder, version: BarmanVersion): readonly string[] {
  const abilities = recoverAbilities(version);
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
    ...(order.stagingPath === undefined ? [] : [abilities.staging, order.stagingPath]),
    ...(order.continues && abilities.continuation === 'delta' ? ['--delta-restore'] : []),
    order.server,
    order.backup,
    order.destination,
  ];
}
