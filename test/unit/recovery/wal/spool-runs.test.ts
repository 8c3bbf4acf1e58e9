import { expect, it } from 'vitest';
import type { Link } from '../../../../lib/recovery/wal/chain.ts';
import { DEFAULT_SEGMENT_SIZE, parseSegment, segmentNumber } from '../../../../lib/recovery/wal/segment.ts';
import { spoolList, spoolRuns, spoolSchema } from '../../../../lib/recovery/wal/spool-runs.ts';

function link(name: string, servers: readonly string[], partial = false): Link {
  const segment = parseSegment(name);
  if (segment === undefined) throw new Error(name);
  return { segment, number: segmentNumber(segment, DEFAULT_SEGMENT_SIZE), servers, partial };
}

const walsOf = (server: string): string | undefined =>
  server.startsWith('node ') ? undefined : `/var/lib/barman/${server}/my wals`;

it('a chain becomes runs, each of one archive and one timeline, and from them the same names in order', () => {
  const chain = [
    link('0000000100000000000000FE', ['db1']),
    link('0000000100000000000000FF', ['db2', 'db1']),
    link('000000010000000100000000', ['db1']),
    link('000000020000000100000001', ['db1']),
    link('000000020000000100000002', ['node db4', 'db3']),
    link('000000020000000100000003', ['node db4']),
    link('000000020000000100000004', ['db3']),
    link('000000020000000100000005', ['db3'], true),
  ];
  const runs = spoolRuns(chain, walsOf);
  expect(runs.map(({ server, first, last }) => [server, first, last])).toEqual([
    ['db1', '0000000100000000000000FE', '000000010000000100000000'],
    ['db1', '000000020000000100000001', '000000020000000100000001'],
    ['db3', '000000020000000100000002', '000000020000000100000002'],
    ['db3', '000000020000000100000004', '000000020000000100000004'],
  ]);
  expect(spoolSchema.parse({ segment_size: DEFAULT_SEGMENT_SIZE, runs }).runs).toEqual(runs);
  expect(spoolList(runs, DEFAULT_SEGMENT_SIZE)).toEqual(
    [...chain.slice(0, 5), ...chain.slice(6, 7)].map(
      ({ segment, number }) =>
        `${segment} ${number < 0x102 ? 'db1' : 'db3'} /var/lib/barman/${number < 0x102 ? 'db1' : 'db3'}/my wals`,
    ),
  );
});
