import { describe, expect, it } from 'vitest';
import { instantAt } from '../../../../../lib/recovery/wal/instant.ts';
import { type Lsn, lsnAt } from '../../../../../lib/recovery/wal/lsn.ts';
import { aimAt, aimWords, preparedWords } from '../../../../../lib/recovery/wal/moment/aim.ts';
import type { Moment } from '../../../../../lib/recovery/wal/moment/find.ts';
import { parseSegment } from '../../../../../lib/recovery/wal/segment.ts';

const at = (position: number): Lsn => lsnAt(BigInt(position));
const end: Moment = {
  last: { lsn: at(0x7000060), endLsn: at(0x7000088) },
  held: [],
  prepared: [],
  restorePoints: [],
  writtenBefore: [],
  segmentsRead: 2,
};
const SEGMENT = parseSegment('000000010000000000000007');

describe('latest', () => {
  it('is the last record where WAL ends within a segment: PostgreSQL would ask for the rest of it for ever', () => {
    const aim = aimAt({ kind: 'latest' }, end, at(0x5000000), SEGMENT);
    expect(aim.target).toEqual({ kind: 'lsn', lsn: at(0x7000060) });
    expect(aimWords(aim)).toEqual([
      'Of the last segment, 000000010000000000000007, only the beginning was written: recovery stops after its last record, at position 0/7000060.',
    ]);
  });

  it('stays what it is where the last segment is whole', () => {
    const aim = aimAt({ kind: 'latest' }, end, at(0x5000000));
    expect(aim.target).toEqual({ kind: 'latest' });
    expect(aimWords(aim)).toEqual([]);
  });

  it('is the last record before an accepted gap: PostgreSQL would go on, once the missing WAL is there', () => {
    const aim = aimAt({ kind: 'latest' }, end, at(0x5000000), undefined, true);
    expect(aim).toMatchObject({ target: { kind: 'lsn', lsn: at(0x7000060) }, stopsAt: at(0x7000088) });
    expect(aimWords(aim)).toEqual([
      'It stops there also when the missing WAL is found meanwhile: after the last record before the gap, at position 0/7000060.',
    ]);
  });
});

it('any other target is left alone by a segment that ends early', () => {
  const target = { kind: 'lsn', lsn: at(0x6000000) } as const;
  expect(aimAt(target, end, at(0x5000000), SEGMENT).target).toBe(target);
});

it('a prepared transaction is told by name, and its locks are not said to end with the promotion', () => {
  const prepared = {
    ...{ gid: 'order 7', xid: 740, time: instantAt(0n), database: 5, owner: 10 },
    locks: [{ database: 5, relation: 16390, mode: 'AccessExclusiveLock' }],
  };
  const lock = { xid: 740, database: 5, relation: 16390, since: at(0x5000060), commitsBefore: 1 };
  const aim = { target: { kind: 'latest' }, locked: [lock], commitsBetween: 1 } as const;
  expect(aimWords(aim, [prepared])).toEqual([
    'Stopping before that would lose 1 commits, so recovery stops where you said.',
  ]);
  expect(aimWords(aim).join(' ')).toContain('until the promotion (or longer');
  expect(preparedWords([prepared])).toEqual([
    'There the transaction "order 7" is prepared (transaction 740 of 1970-01-01 00:00:00+00, in database number 5), and stays so until somebody commits it or rolls it back. The tables that it has locked stay locked after the promotion: relation 16390 (AccessExclusiveLock).',
  ]);
});
