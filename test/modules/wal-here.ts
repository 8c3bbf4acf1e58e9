import { mkdir, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { commit, SIZE, segmentsOf } from '../unit/recovery/wal/moment/segments.ts';
import type { LocalPlayground } from './playground.ts';

/** WAL beside an archive, by a shell of this machine that is both hosts. */

/** Of the hand-made segments. */
export const CLUSTER = '77';
/** Packed by zstd, as far as anybody tells who cannot unpack it. */
export const ZSTD = Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 1, 2, 3);
/** Both servers are of that cluster. */
export const ours = { systemId: CLUSTER, own: CLUSTER };
export const user = userInfo().username;
export const NAME = '000000010000000000000006';
export const PARTIAL = `${NAME}.partial`;
export const PLACES = {
  wals: `home/db1/wals/${NAME.slice(0, 16)}`,
  incoming: 'home/db1/incoming',
  streaming: 'home/db1/streaming',
  other: `home/other/wals/${NAME.slice(0, 16)}`,
};

/** The segment as far as this many of its commits, and behind them what was there before. */
export function upTo(commits: number, behind = 0): Uint8Array {
  const all = [commit(100, '10:00:01'), commit(101, '10:00:02'), commit(102, '10:00:03')];
  const bytes = Uint8Array.from(segmentsOf([[6, 1, all]]).get(6) ?? []);
  return bytes.fill(behind, 40 + 40 * commits);
}

export async function inWal({ dir }: LocalPlayground, path: string, bytes: Uint8Array): Promise<void> {
  const file = join(dir, path);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, bytes);
}

/** As on a host that does not have it. */
export async function withoutZstd({ dir }: LocalPlayground): Promise<void> {
  await writeFile(join(dir, 'bin/zstd'), '#!/bin/sh\necho "zstd: not found" >&2; exit 127\n', {
    mode: 0o755,
  });
}

export const ownOf = ({ dir }: LocalPlayground) => ({
  pgdata: join(dir, 'node'),
  user,
  systemId: CLUSTER,
  segmentSize: SIZE,
});
export const barman = { host: 'here', user };
