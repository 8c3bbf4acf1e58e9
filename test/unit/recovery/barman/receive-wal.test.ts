import { expect, it } from 'vitest';
import { isLost } from '../../../../lib/recovery/barman/receive-wal.ts';

const stands = { name: '000000130000000000000001.partial', timeline: 19, bytes: 16 * 1024 * 1024 };

it.each([
  [true, 'ERROR:  requested WAL segment 000000130000000000000001 has already been removed'],
  [true, 'FEHLER:  das angeforderte WAL-Segment 000000130000000000000001 wurde schon entfernt'],
  [false, 'pg_receivewal: not renaming "000000130000000000000001.partial", segment is not complete'],
  [false, 'ERROR:  requested WAL segment 000000130000000000000002 has already been removed'],
  [false, 'failed opening the PostgreSQL streaming connection for server main'],
])('whether the leader has the WAL no more at which Barman stands is %s by: %s', (lost, stderr) => {
  expect(isLost(stands, { stdout: '', stderr })).toBe(lost);
});
