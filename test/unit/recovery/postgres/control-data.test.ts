import { describe, expect, it } from 'vitest';
import { parseControlData, roleOf } from '../../../../lib/recovery/postgres/control-data.ts';
import { formatLsn } from '../../../../lib/recovery/wal/lsn.ts';

/** PostgreSQL 15.20, a replica. */
const REPLICA = `pg_control version number:            1300
Catalog version number:               202209061
Database system identifier:           7711012496840089715
Database cluster state:               in archive recovery
pg_control last modified:             Sun Nov 22 15:06:54 2026
Latest checkpoint location:           0/4000060
Latest checkpoint's REDO location:    0/4000028
Latest checkpoint's REDO WAL file:    000000010000000000000004
Latest checkpoint's TimeLineID:       1
Time of latest checkpoint:            Sun Nov 22 15:06:47 2026
Minimum recovery ending location:     0/7430FD0
max_connections setting:              100
max_worker_processes setting:         8
max_wal_senders setting:              10
max_prepared_xacts setting:           0
max_locks_per_xact setting:           64
Bytes per WAL segment:                16777216
Data page checksum version:           1
`;

describe('the control file', () => {
  it('tells what a recovery needs', () => {
    const data = parseControlData(REPLICA);
    expect(data).toMatchObject({
      systemId: '7711012496840089715',
      state: 'in archive recovery',
      timeline: 1,
      segmentSize: 16777216,
      checksums: true,
      settings: { max_connections: 100, max_prepared_transactions: 0, max_locks_per_transaction: 64 },
    });
    expect(formatLsn(data.minimumRecoveryLsn)).toBe('0/7430FD0');
  });

  it.each(['Database system identifier', 'Database cluster state', 'Bytes per WAL segment'])(
    'is not believed without "%s"',
    (name) => {
      const without = REPLICA.split('\n').filter((line) => !line.startsWith(name));
      expect(() => parseControlData(without.join('\n'))).toThrow(name);
    },
  );

  it.each([
    ['in production', 'primary'],
    ['shut down', 'primary'],
    ['in crash recovery', 'primary'],
    ['in archive recovery', 'recovering'],
    ['shut down in recovery', 'recovering'],
  ])('%s is the state of a %s', (state, role) => {
    expect(roleOf(state)).toBe(role);
  });
});
