import { expect, it } from 'vitest';
import type { ReadHost } from '../../../../lib/contract/host.ts';
import { proveUnpacking } from '../../../../lib/recovery/barman/packed-wal.ts';
import { instantAt } from '../../../../lib/recovery/wal/instant.ts';
import { parseSegmentSize, segmentAt } from '../../../../lib/recovery/wal/segment.ts';
import { timelineId } from '../../../../lib/recovery/wal/timeline.ts';

const MIB = 1024 * 1024;

it.each([
  [1, 5, [5]],
  [16, 300, [128, 128, 44]],
  [1024, 5, [2, 2, 1]],
])('segments of %i MiB: of %i packed ones as many are unpacked in one look as its time allows', async (mib, count, looks) => {
  const size = parseSegmentSize(mib * MIB);
  const time = instantAt(0n);
  if (size === undefined) throw new Error('it is one');
  const links = Array.from({ length: count }, (_, number) => ({
    ...{ segment: segmentAt(timelineId(1), number + 1, size), number: number + 1 },
    ...{ servers: ['db1'], partial: false },
  }));
  const files = links.map(({ segment }) => ({ segment, partial: false, time, size: 9, compressed: true }));
  const asked: number[] = [];
  const stop = () => Promise.reject(new Error('not asked'));
  const host: ReadHost = {
    ...{ name: 'barman', stream: stop, queryAll: stop, look: stop, peer: () => host },
    query: async ({ argv }) => {
      asked.push((argv.length - 4) / 5);
      return { ...{ argv, exitCode: 0, stdout: '@end\n', stderr: '' }, ...{ durationMs: 1, timedOut: false } };
    },
  };
  const servers = [{ name: 'db1', wals: '/w', incoming: '/i', streaming: '/s' }];
  const archive = { server: 'db1', files, lost: [], histories: [], damaged: [] };
  await proveUnpacking(host, links, [archive], { user: 'barman', segmentSize: size, systemId: '77', servers });
  expect(asked).toEqual(looks);
});
