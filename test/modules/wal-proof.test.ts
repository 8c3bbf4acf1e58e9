import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { beside, ID } from './barman-here.ts';
import { type LocalPlayground, localPlayground } from './playground.ts';
import { inWal, user, ZSTD } from './wal-here.ts';

const SYSTEM = '77';
const SIZE = 16 * 1024 * 1024;
const NAME = '000000010000000000000008';
const ARCHIVED = `home/db1/wals/${NAME.slice(0, 16)}/${NAME}`;

/** A whole segment of nothing but the header of its first page. */
function segment(system = SYSTEM, number = 8): Buffer {
  const bytes = Buffer.alloc(SIZE);
  bytes.writeUInt16LE(0xd110, 0);
  bytes.writeUInt16LE(2, 2);
  bytes.writeUInt32LE(1, 4);
  bytes.writeBigUInt64LE(BigInt(SIZE * number), 8);
  bytes.writeBigUInt64LE(BigInt(system), 24);
  bytes.writeUInt32LE(SIZE, 32);
  bytes.writeUInt32LE(8192, 36);
  return bytes;
}

const CUT = segment().subarray(0, 9000);

interface Archived {
  /** Where the segment lies. */
  readonly path?: string;
  readonly bytes: Uint8Array;
  /** How Barman's register has it; absent where it does not have it. */
  readonly packing?: string;
  /** What Barman delivers. */
  readonly delivered?: Uint8Array;
}

async function prove(ground: LocalPlayground, { path = ARCHIVED, bytes, packing, delivered }: Archived) {
  const { dir, play } = ground;
  return await beside(ground, { systemId: '78', own: SYSTEM }, async () => {
    const info = await readFile(join(dir, 'home/db1/base', ID, 'backup.info'));
    await inWal(ground, 'home/db1/base/20261122T155700/backup.info', info);
    await inWal(ground, path, bytes);
    await inWal(ground, ARCHIVED.replaceAll(/8$/g, '9'), segment(SYSTEM, 9));
    await writeFile(join(dir, 'delivered'), delivered ?? new Uint8Array());
    if (packing !== undefined)
      await writeFile(
        join(dir, 'home/db1/wals/xlog.db'),
        `${NAME}\t${bytes.length}\t1795363105.5\t${packing}\n`,
      );
    return await play.run('barman.wal', { backup: ID, target_time: 'latest', user });
  });
}

describe('a segment that a recovery needs', () => {
  it.each<[string, Archived]>([
    ['plain and registered', { bytes: segment(), packing: 'None' }],
    ['plain, and not registered yet', { bytes: segment() }],
    ['packed, and not registered yet', { bytes: gzipSync(segment()) }],
    ['packed as Barman alone can unpack it', { bytes: ZSTD, packing: 'zstd', delivered: segment() }],
    ['so packed, and not registered yet', { bytes: ZSTD, delivered: segment() }],
    ['still to be taken in by Barman', { path: `home/db1/incoming/${NAME}`, bytes: segment() }],
    ['received by streaming', { path: `home/db1/streaming/${NAME}`, bytes: segment() }],
  ])('is proved to be there: %s', async (_, archived) => {
    await using ground = await localPlayground();
    expect((await prove(ground, archived)).result).toMatchObject({ segments: 2, first: NAME });
  });

  it.each<[string, Archived, string]>([
    [
      'it lies where Barman does not look',
      { path: `home/db1/wals/old/${NAME.slice(0, 16)}/${NAME}`, bytes: segment(), packing: 'None' },
      'missing',
    ],
    [
      'it lies so, and Barman has never had it',
      { path: `home/db1/incoming/old/${NAME}`, bytes: segment() },
      'wal',
    ],
    [
      'it is of another cluster, and packed as Barman alone can unpack it',
      { bytes: ZSTD, packing: 'zstd', delivered: segment('99') },
      'it is of another cluster: system identifier 99, not 77',
    ],
    [
      'it is cut off, and waits for Barman',
      { path: `home/db1/incoming/${NAME}`, bytes: CUT, delivered: CUT },
      'only to 9000',
    ],
    [
      'it is cut off, and was received by streaming',
      { path: `home/db1/streaming/${NAME}`, bytes: CUT, delivered: CUT },
      'only to 9000',
    ],
    ['it is cut off, and not registered', { bytes: CUT, delivered: CUT }, 'only to 9000'],
    [
      'it is packed by gzip, and cut off',
      { bytes: gzipSync(segment()).subarray(0, 9000) },
      'unexpected end of file)',
    ],
  ])('is not taken for there: %s', async (_, archived, words) => {
    await using ground = await localPlayground();
    const thrown: unknown = await prove(ground, archived).catch((error: unknown) => error);
    expect(thrown).toMatchObject({ kind: 'refused' });
    expect(JSON.stringify(thrown)).toContain(words);
    // Nor is a backup advised that needs the same segment.
    expect(JSON.stringify(thrown)).not.toContain('backup=');
  });
});
