import { formatInstant } from '../wal/instant.ts';
import { formatLsn } from '../wal/lsn.ts';
import { type CompleteBackup, isPacked } from './backup-info.ts';

/** A backup as playbooks see it: plain data, times in UTC with their offset. */
export function backupResult(backup: CompleteBackup) {
  return {
    id: backup.id,
    server: backup.server,
    status: backup.status,
    begin_time: formatInstant(backup.beginTime),
    end_time: formatInstant(backup.endTime),
    begin_wal: backup.beginWal,
    end_wal: backup.endWal,
    begin_lsn: formatLsn(backup.beginLsn),
    end_lsn: formatLsn(backup.endLsn),
    timeline: backup.timeline,
    size_bytes: backup.size,
    packed: isPacked(backup),
    system_id: backup.systemId,
    postgresql_version: backup.version,
    postgresql_major: backup.version === undefined ? undefined : Math.floor(backup.version / 10_000),
    segment_size: backup.segmentSize,
    tablespaces: backup.tablespaces,
    compression: backup.compression,
    parent: backup.parent,
    mode: backup.mode,
    pgdata: backup.pgdata,
  };
}

/** What `register` sees of it. */
export const backupReturns: Readonly<Record<keyof ReturnType<typeof backupResult>, string>> = {
  id: 'its id, 20261122T093433',
  server: 'the Barman server that holds it',
  status: 'always DONE here',
  begin_time: 'in UTC with its offset',
  end_time: 'in UTC with its offset; a target must be later',
  begin_wal: 'the first segment that recovery needs',
  end_wal: 'the segment in which the data becomes consistent',
  begin_lsn: 'the position at which replay begins',
  end_lsn: 'the position at which the data becomes consistent',
  timeline: 'the timeline it was taken on',
  size_bytes: 'bytes of its files on Barman’s disk: of a compressed backup, packed',
  packed: 'whether it lies in archives: Barman unpacks them on the node, in a staging path',
  system_id: 'the system identifier of the cluster',
  postgresql_version: '150020 for 15.20',
  postgresql_major: '15 for 15.20',
  segment_size: 'bytes of a WAL segment',
  tablespaces: 'those outside of the data directory: name, oid, location',
  compression: 'of the backup itself, where it lies in archives: gzip, none, ...',
  parent: 'the backup that it is a difference to (block-level incremental), where it is one',
  mode: 'how Barman took it: rsync-concurrent, postgres, snapshot-...',
  pgdata: 'the data directory it was taken of',
};
