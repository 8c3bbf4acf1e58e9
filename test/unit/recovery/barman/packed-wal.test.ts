import { expect, it } from 'vitest';
import type { ReadHost } from '../../../../lib/contract/host.ts';
import { proveUnpacking } from '../../../../lib/recovery/barman/packed-wal.ts';
import { instantAt } from '../../../../lib/recovery/wal/instant.ts';
import { parseSegmentSize, segmentAt } from '../../../../lib/recovery/wal/segment.ts';
import { timelineId } from '../../../../lib/recovery/wal/timeline.ts';

const MIB = 1024 * 1024;

/** Proves that many packed segments where each look answers so; how many were asked for in each. */
async function prove(mib: number, count: number, answer = '@end\n') {
  const size = parseSegmentSize(mib * MIB);
  if (size === undefined) throw new Error('it is one');
  const links = Array.from({ length: count }, (_, number) => ({
    ...{ segment: segmentAt(timelineId(1), number + 1, size), number: number + 1 },
    ...{ servers: ['db1'], partial: false },
  }));
  const time = instantAt(0n);
  const files = links.map(({ segment }) => ({ segment, partial: false, time, size: 9, compressed: true }));
  const asked: number[] = [];
  const stop = () => Promise.reject(new Error('not asked'));
  const host: ReadHost = {
    ...{ name: 'barman', stream: stop, queryAll: stop, look: stop, peer: () => host },
    query: async ({ argv }) => {
      asked.push((argv.length - 4) / 5);
      return { ...{ argv, exitCode: 0, stdout: answer, stderr: '' }, ...{ durationMs: 1, timedOut: false } };
    },
  };
  const servers = [{ name: 'db1', wals: '/w', incoming: '/i', streaming: '/s' }];
  const archive = { server: 'db1', files, lost: [], histories: [], damaged: [] };
  const wish = { user: 'barman', segmentSize: size, systemId: '77', servers };
  const [proved] = await proveUnpacking(host, links, [archive], wish);
  return { asked, broken: proved?.files.map(({ broken }) => broken) };
}

it.each([
  [1, 5, [5]],
  [16, 300, [128, 128, 44]],
  [1024, 5, [2, 2, 1]],
])(
  'segments of %i MiB: of %i packed ones as many are unpacked in one look as its time allows',
  async (mib, count, looks) => {
    expect((await prove(mib, count)).asked).toEqual(looks);
  },
);

const LINE = '@unpacked db1 000000010000000000000001';

it.each([
  ['one that unpacks has not come to its end', `${LINE} 0 10d1 1048574 \n`],
  ['a line is cut off', `${LINE} 0\n@end\n`],
  ['a line is empty', `${LINE} \n@end\n`],
])('nothing is proved by an answer where %s', async (_, answer) => {
  await expect(prove(1, 1, answer)).rejects.toMatchObject({ code: 'barman-not-answering' });
});

it.each([
  [`${LINE} 1 - 0 gzip: invalid magic`, 'only to 0 (gzip: invalid magic)'],
  [`${LINE} 0 10d1 99 `, 'only to 101'],
  [`${LINE} 1 10d1 1048574 gzip: unexpected end of file`, 'only to 1048576 (gzip: unexpected end of file)'],
])('a segment is broken where it does not come whole: %s', async (line, words) => {
  const { broken } = await prove(1, 1, `${line}\n@end\n`);
  expect(broken).toEqual([`it cannot be unpacked to the 1048576 bytes of a segment, ${words}`]);
});
