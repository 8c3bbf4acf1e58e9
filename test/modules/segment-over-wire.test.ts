import { mkdir, readdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { ReadHost } from '../../lib/contract/host.ts';
import { readCatalogue } from '../../lib/recovery/barman/catalogue.ts';
import { readArchivedSegment, readNodeSegment } from '../../lib/recovery/barman/wal-file.ts';
import type { Link } from '../../lib/recovery/wal/chain.ts';
import type { WalSegment } from '../../lib/recovery/wal/segment.ts';
import type { NodeTail } from '../../lib/recovery/wal/tail.ts';
import { errorOf } from '../support/errors.ts';
import { SIZE } from '../unit/recovery/wal/moment/segments.ts';
import { beside } from './barman-here.ts';
import { type LocalPlayground, localPlayground } from './playground.ts';
import { inWal, NAME, ours, PLACES, upTo, user } from './wal-here.ts';

/** The host, and how many bytes its streams have printed. */
function counting(host: ReadHost): { readonly host: ReadHost; readonly printed: () => number } {
  let bytes = 0;
  return {
    host: {
      ...host,
      stream: async (probe) => {
        const child = await host.stream(probe);
        child.stdout.on('data', (chunk: Buffer) => {
          bytes += chunk.byteLength;
        });
        return child;
      },
    },
    printed: () => bytes,
  };
}

const link: Link = { segment: NAME as WalSegment, number: 6, servers: ['db1'], partial: false };

async function archived(ground: LocalPlayground, host: ReadHost): Promise<Uint8Array> {
  const { servers } = await readCatalogue(ground.play.host(), user);
  return readArchivedSegment(host, link, servers, SIZE, user);
}

/** A directory with all programs of this machine but one; `beside` puts the PATH right again. */
async function programsWithout(missing: string, { dir }: LocalPlayground): Promise<string> {
  const place = join(dir, 'programs');
  await mkdir(place);
  const names = (await readdir('/usr/bin')).filter((name) => name !== missing);
  await Promise.all(names.map((name) => symlink(join('/usr/bin', name), join(place, name))));
  return place;
}

describe('a WAL segment on its way to the controller', () => {
  it.each([
    ['as it was written', (bytes: Uint8Array) => bytes],
    ['packed by Barman', (bytes: Uint8Array) => gzipSync(bytes)],
    [
      'packed by Barman in two parts',
      (bytes: Uint8Array) => Buffer.concat([gzipSync(bytes.subarray(0, 100)), gzipSync(bytes.subarray(100))]),
    ],
  ])('is packed, and whole when it is there: archived %s', async (_, pack) => {
    await using ground = await localPlayground();
    await beside(ground, ours, async () => {
      await inWal(ground, `${PLACES.wals}/${NAME}`, pack(upTo(3)));
      const { host, printed } = counting(ground.play.host());
      expect(Buffer.from(await archived(ground, host)).equals(upTo(3))).toBe(true);
      expect(printed()).toBeLessThan(SIZE / 4);
    });
  });

  it('comes as it is from a host without gzip', async () => {
    await using ground = await localPlayground();
    await beside(ground, ours, async () => {
      await inWal(ground, `${PLACES.wals}/${NAME}`, upTo(3));
      process.env.PATH = `${ground.dir}/bin:${await programsWithout('gzip', ground)}`;
      const { host, printed } = counting(ground.play.host());
      expect(Buffer.from(await archived(ground, host)).equals(upTo(3))).toBe(true);
      expect(printed()).toBe(SIZE);
    });
  });

  it('cannot be read where its packed bytes break off, and it is said why', async () => {
    await using ground = await localPlayground();
    await beside(ground, ours, async () => {
      await inWal(ground, `${PLACES.wals}/${NAME}`, gzipSync(upTo(3)).subarray(0, 60));
      expect(await errorOf(archived(ground, ground.play.host()))).toMatchObject({
        code: 'wal-unreadable',
        message: `WAL segment ${NAME} cannot be read from the archive of db1`,
        evidence: { stderr: expect.stringContaining('cannot be unpacked: unexpected end of file') },
      });
    });
  });

  it('is refused where it is longer than a segment, however little comes', async () => {
    await using ground = await localPlayground();
    await beside(ground, ours, async () => {
      await inWal(ground, `${PLACES.wals}/${NAME}`, gzipSync(Buffer.alloc(SIZE + 1)));
      expect(await errorOf(archived(ground, ground.play.host()))).toMatchObject({
        code: 'wal-unreadable',
        message: expect.stringContaining(`is longer than the ${SIZE} bytes of a segment`),
      });
    });
  });

  it('comes packed from the pg_wal of a node, too', async () => {
    await using ground = await localPlayground();
    await inWal(ground, `node/pg_wal/${NAME}`, upTo(3));
    const { host, printed } = counting(ground.play.host());
    const here = { ...host, peer: () => host };
    const tail = { node: 'here', pgdata: join(ground.dir, 'node'), user } as NodeTail;
    expect(Buffer.from(await readNodeSegment(here, link, tail, SIZE)).equals(upTo(3))).toBe(true);
    expect(printed()).toBeLessThan(SIZE / 4);
  });
});
