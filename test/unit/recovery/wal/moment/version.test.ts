import { expect, it } from 'vitest';
import { walDamaged } from '../../../../../lib/recovery/barman/moment-refusals.ts';
import type { Link } from '../../../../../lib/recovery/wal/chain.ts';
import { lsnAt } from '../../../../../lib/recovery/wal/lsn.ts';
import { findMoment } from '../../../../../lib/recovery/wal/moment/find.ts';
import { DamagedWal } from '../../../../../lib/recovery/wal/moment/scan-chain.ts';
import { segmentAt } from '../../../../../lib/recovery/wal/segment.ts';
import { timelineId } from '../../../../../lib/recovery/wal/timeline.ts';
import { commit, nothingRuns, SIZE, segmentsOf } from './segments.ts';

/** What is said of WAL of one segment with this magic number. */
async function said(magic: number, partial = false) {
  const segments = segmentsOf([[1, 1, [nothingRuns(10), commit(10, '10:00:00')]]], magic);
  const segment = segmentAt(timelineId(1), 1, SIZE);
  const chain: readonly Link[] = [{ segment, number: 1, servers: ['db1'], partial }];
  const question = {
    target: { kind: 'latest' },
    chain,
    segmentSize: SIZE,
    consistentAt: lsnAt(0n),
    systemId: '77',
  } as const;
  try {
    return (await findMoment(question, { read: async () => segments.get(1) ?? new Uint8Array() })).lastCommit
      ?.xid;
  } catch (thrown) {
    if (!(thrown instanceof DamagedWal)) throw thrown;
    const facts = { target: question.target, backupId: 'b', timeline: 1, host: 'barman' };
    return walDamaged(thrown, ['db1'], facts).code;
  }
}

it.each([
  ['PostgreSQL 18', 0xd118, 10],
  ['a PostgreSQL to come', 0xd11f, 'wal-version-unknown'],
  ['PostgreSQL 11', 0xd098, 'wal-version-unknown'],
  ['no PostgreSQL', 0x8b1f, 'wal-damaged'],
])('WAL of %s is told as what it is', async (_, magic, expected) => {
  expect(await said(magic)).toBe(expected);
});

it('the beginning of a segment of another version is no end of WAL', async () => {
  expect(await said(0xd11f, true)).toBe('wal-version-unknown');
});
