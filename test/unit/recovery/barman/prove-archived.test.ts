import { describe, expect, it } from 'vitest';
import { differingFrom, whyOther } from '../../../../lib/recovery/barman/prove-archived.ts';
import { parseSegment } from '../../../../lib/recovery/wal/segment.ts';

const SEGMENT = parseSegment('000000030000000000000007');
const SYSTEM = '7412345678901234567';

interface Head {
  readonly timeline?: number;
  readonly address?: bigint;
  readonly system?: string;
  readonly size?: number;
}

/** The long header of a first page, in hexadecimal. */
function head({ timeline = 3, address = 0x7000000n, system = SYSTEM, size = 16_777_216 }: Head = {}): string {
  const bytes = Buffer.alloc(40);
  bytes.writeUInt16LE(0xd110, 0);
  bytes.writeUInt16LE(0x0002, 2);
  bytes.writeUInt32LE(timeline, 4);
  bytes.writeBigUInt64LE(address, 8);
  bytes.writeBigUInt64LE(BigInt(system), 24);
  bytes.writeUInt32LE(size, 32);
  bytes.writeUInt32LE(8192, 36);
  return bytes.toString('hex');
}

describe('a file under the name of a segment', () => {
  it.each([
    ['is that segment', '16777216', head(), undefined],
    ['begins with what was copied from the timeline before', '16777216', head({ timeline: 2 }), undefined],
    ['is cut off', '16000000', head(), 'which no WAL segment has'],
    ['is empty', '0', '', 'which no WAL segment has'],
    ['is of another cluster', '16777216', head({ system: '1' }), 'of another cluster'],
    ['is an older segment', '16777216', head({ address: 0x6000000n }), 'older segment'],
    ['is of a later timeline', '16777216', head({ timeline: 4 }), 'timeline 4'],
    [
      'has the size of another cluster',
      '33554432',
      head({ address: 0xe000000n }),
      'its header says 16777216',
    ],
    ['is random', '16777216', 'ab'.repeat(40), ''],
  ])('that %s', (_, bytes, begin, why) => {
    if (SEGMENT === undefined) throw new Error('it is a segment');
    const said = whyOther(SEGMENT, [bytes, begin], SYSTEM);
    if (why === undefined) expect(said).toBeUndefined();
    else expect(said).toContain(why);
  });
});

describe('the segments of a node', () => {
  const own = new Map([
    ['a', '1'],
    ['b', '2'],
    ['c', '3'],
  ]);
  it.each([
    ['all there', { a: '1', b: '2', c: '3' }, []],
    ['the oldest let go of', { b: '2', c: '3' }, []],
    ['one in the middle missing', { a: '1', c: '3' }, ['b']],
    ['another content', { a: '1', b: 'x', c: '3' }, ['b']],
    ['nothing there at all', {}, ['c']],
  ])('with %s', (_, copies, differing) => {
    expect(differingFrom(own, new Map(Object.entries(copies)))).toEqual(differing);
  });
});
