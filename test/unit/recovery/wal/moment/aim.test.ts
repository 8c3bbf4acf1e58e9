import { describe, expect, it } from 'vitest';
import { type Lsn, lsnAt } from '../../../../../lib/recovery/wal/lsn.ts';
import { aimAt, aimWords } from '../../../../../lib/recovery/wal/moment/aim.ts';
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
});

it('any other target is left alone by a segment that ends early', () => {
  const target = { kind: 'lsn', lsn: at(0x6000000) } as const;
  expect(aimAt(target, end, at(0x5000000), SEGMENT).target).toBe(target);
});
