import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { readArchivesOf } from '../../lib/recovery/barman/archive-tail.ts';
import { heldBeginnings } from '../../lib/recovery/barman/held-beginnings.ts';
import { notTheSame, otherBytes } from '../../lib/recovery/barman/same-bytes.ts';
import { parseSegmentSize } from '../../lib/recovery/wal/segment.ts';
import { errorOf } from '../support/errors.ts';
import { SIZE } from '../unit/recovery/wal/moment/segments.ts';
import { beside, OTHER } from './barman-here.ts';
import { localPlayground } from './playground.ts';
import {
  barman,
  CLUSTER,
  inWal,
  NAME,
  ours,
  ownOf,
  PARTIAL,
  PLACES,
  upTo,
  withoutZstd,
  ZSTD,
} from './wal-here.ts';

/** What a node has in pg_wal beside an archive, by a shell of this machine that is both hosts. */

describe('the beginning of a segment', () => {
  async function held(own: Uint8Array, copies: Readonly<Record<string, Uint8Array>>): Promise<boolean> {
    await using ground = await localPlayground();
    return await beside(ground, ours, async () => {
      await inWal(ground, `node/pg_wal/${NAME}`, own);
      await withoutZstd(ground);
      for (const [path, bytes] of Object.entries(copies)) await inWal(ground, path, bytes);
      const files = [{ name: NAME, as: PARTIAL }];
      const names = await heldBeginnings(ground.play.host(), barman, ownOf(ground), files);
      return names.has(NAME);
    });
  }

  it.each([
    ['which is archived byte for byte', { [`${PLACES.wals}/${PARTIAL}`]: upTo(2) }, true],
    ['which is archived and packed', { [`${PLACES.wals}/${PARTIAL}`]: gzipSync(upTo(2)) }, true],
    ['which waits for Barman to take it in', { [`${PLACES.incoming}/${PARTIAL}`]: upTo(2) }, true],
    ['which the server of another node has', { [`${PLACES.other}/${PARTIAL}`]: upTo(2) }, true],
    [
      'of which as much is archived, with other bytes behind',
      { [`${PLACES.wals}/${PARTIAL}`]: upTo(2, 9) },
      true,
    ],
    ['of which more is archived', { [`${PLACES.wals}/${PARTIAL}`]: upTo(3) }, true],
    ['of which less is archived', { [`${PLACES.wals}/${PARTIAL}`]: upTo(1) }, false],
    [
      'of which one copy cannot be read, and another one has as much',
      { [`${PLACES.wals}/${PARTIAL}`]: ZSTD, [`${PLACES.other}/${PARTIAL}`]: upTo(2, 9) },
      true,
    ],
    ['which is archived nowhere', {}, false],
    ['which Barman receives by streaming, less far', { [`${PLACES.streaming}/${PARTIAL}`]: upTo(1) }, false],
    ['which Barman receives by streaming alone', { [`${PLACES.streaming}/${PARTIAL}`]: upTo(2) }, false],
  ])('%s, is it archived?', async (_, copies, expected) => {
    expect(await held(upTo(2), copies)).toBe(expected);
  });

  it('of which nobody can unpack the only copy: whether it is archived cannot be told', async () => {
    expect(await errorOf(held(upTo(2), { [`${PLACES.wals}/${PARTIAL}`]: ZSTD }))).toMatchObject({
      code: 'archive-not-proved',
      evidence: { exitCode: 127, stderr: expect.stringContaining('zstd: not found') },
    });
  });
});

describe('a whole segment', () => {
  const same = { name: NAME, as: NAME };

  it.each([
    ['which is archived', PLACES.wals, upTo(3), undefined],
    ['which is archived and packed', PLACES.wals, gzipSync(upTo(3)), undefined],
    ['which Barman has received by streaming', PLACES.streaming, upTo(3), undefined],
    ['of which the archived copy is cut off', PLACES.wals, upTo(3).subarray(0, 1000), PLACES.wals],
    ['under whose name another one is archived', PLACES.other, upTo(2), PLACES.other],
  ])('%s', async (_, place, copy, wrong) => {
    await using ground = await localPlayground();
    await beside(ground, ours, async () => {
      await inWal(ground, `node/pg_wal/${NAME}`, upTo(3));
      await inWal(ground, `${place}/${NAME}`, copy);
      const other = await otherBytes(ground.play.host(), barman, ownOf(ground), [same], { where: 'arrived' });
      const copies = [
        { server: wrong === PLACES.other ? 'other' : 'db1', path: join(ground.dir, `${wrong}/${NAME}`) },
      ];
      expect(other).toEqual(wrong === undefined ? [] : [{ file: same, gone: false, copies }]);
      expect(notTheSame(other, 'db1', '/data', barman).next.join(' ')).toContain(
        wrong === undefined
          ? 'Compare'
          : `mv -n ${copies[0]?.path} ~/${copies[0]?.server}.${NAME} && barman rebuild-xlogdb`,
      );
    });
  });

  it('is unpacked by Barman where its host cannot do it', async () => {
    await using ground = await localPlayground();
    await beside(ground, ours, async () => {
      await withoutZstd(ground);
      await inWal(ground, `node/pg_wal/${NAME}`, upTo(3));
      await inWal(ground, `${PLACES.wals}/${NAME}`, ZSTD);
      await inWal(ground, 'delivered', upTo(3));
      expect(
        await otherBytes(ground.play.host(), barman, ownOf(ground), [same], { where: 'arrived' }),
      ).toEqual([]);
    });
  });

  it.each([
    ['is packed by a program that is not there', ZSTD],
    ['is packed, and cut off', gzipSync(upTo(3)).subarray(0, 60)],
  ])('that %s is no other one: that cannot be told', async (_, copy) => {
    await using ground = await localPlayground();
    await beside(ground, ours, async () => {
      await withoutZstd(ground);
      await inWal(ground, `node/pg_wal/${NAME}`, upTo(3));
      await inWal(ground, `${PLACES.wals}/${NAME}`, copy);
      const other = await otherBytes(ground.play.host(), barman, ownOf(ground), [same], { where: 'arrived' });
      const path = join(ground.dir, `${PLACES.wals}/${NAME}`);
      expect(other).toEqual([{ file: same, gone: false, copies: [{ server: 'db1', path, unread: true }] }]);
      const { code, message, next } = notTheSame(other, 'db1', '/data', barman);
      expect({ code, message }).toEqual({
        code: 'archive-not-proved',
        message: `cannot tell whether what is archived is what db1 has in pg_wal: ${NAME}`,
      });
      expect(next.join(' ')).toContain(`barman get-wal db1 ${NAME} | wc -c`);
      // One that differs beside it is named by itself, and this one is not to be put aside.
      const differs = {
        file: { name: 'X', as: 'X' },
        gone: false,
        copies: [{ server: 'db1', path: '/w/X' }],
      };
      const both = notTheSame([...other, differs], 'db1', '/data', barman);
      expect(both.message).toMatch(/ is not what db1 has in pg_wal: X$/);
      expect(both.next.join(' ')).not.toContain(path);
      expect(both.details.join(' ')).toContain(path);
    });
  });

  it.each([
    ['another cluster', OTHER, undefined],
    ['nobody knows which cluster, and not named', undefined, ['db1']],
  ])('is compared with no server of %s', async (_, systemId, servers) => {
    await using ground = await localPlayground();
    await beside(ground, { ...ours, systemId }, async () => {
      await inWal(ground, `node/pg_wal/${NAME}`, upTo(3));
      await inWal(ground, `${PLACES.wals}/${NAME}`, upTo(3).subarray(0, 1000));
      await inWal(ground, `${PLACES.other}/${NAME}`, upTo(3));
      const place = { ...barman, servers };
      const host = ground.play.host();
      const other = await otherBytes(host, place, ownOf(ground), [same], { where: 'arrived' });
      expect(other.flatMap(({ copies }) => copies.map(({ server }) => server))).toEqual(['db1']);
      const archives = await readArchivesOf(host, place, CLUSTER);
      expect(archives.map(({ server }) => server)).toEqual(['db1']);
    });
  });

  it('of which several copies are wrong: none is put in the place of another', () => {
    const copies = ['db1', 'db2'].flatMap((server) =>
      ['wals/0000000100000000', 'streaming'].map((place) => ({
        server,
        path: `/b/${server}/${place}/${NAME}`,
      })),
    );
    const { next } = notTheSame([{ file: same, gone: false, copies }], 'db1', '/data', barman);
    const aims = [...next.join(' ').matchAll(/mv -n \S+ (\S+)/g)].map(([, aim]) => aim);
    expect(aims).toEqual([
      `~/db1.${NAME}`,
      `~/db1.streaming.${NAME}`,
      `~/db2.${NAME}`,
      `~/db2.streaming.${NAME}`,
    ]);
  });

  it('is compared with as many others as are summed in time, which is told', async () => {
    await using ground = await localPlayground();
    await beside(ground, ours, async () => {
      const names = ['5', '6', '7'].map((last) => `${NAME.slice(0, -1)}${last}`);
      for (const name of names) {
        await inWal(ground, `node/pg_wal/${name}`, upTo(3));
        await inWal(ground, `${PLACES.wals}/${name}`, upTo(name === names[2] ? 2 : 3));
      }
      const told: string[] = [];
      const own = { ...ownOf(ground), segmentSize: parseSegmentSize(1024 ** 3) ?? SIZE };
      const files = names.map((name) => ({ name, as: name }));
      const progress = (text: string) => void told.push(text);
      const other = await otherBytes(ground.play.host(), barman, own, files, { where: 'arrived', progress });
      expect(other.map(({ file }) => file.name)).toEqual(names.slice(2));
      expect(told).toEqual([expect.stringContaining('(0 of 3)'), expect.stringContaining('(2 of 3)')]);
    });
  });

  it('that has left pg_wal meanwhile, and an archive that cannot be asked', async () => {
    await using ground = await localPlayground();
    await beside(ground, ours, async () => {
      await mkdir(join(ground.dir, 'node/pg_wal'), { recursive: true });
      const ask = (pgdata: string) =>
        otherBytes(ground.play.host(), barman, { ...ownOf(ground), pgdata }, [same], { where: 'arrived' });
      expect(await ask(join(ground.dir, 'node'))).toEqual([{ file: same, gone: true, copies: [] }]);
      expect(await errorOf(ask(join(ground.dir, 'nowhere')))).toMatchObject({ code: 'archive-not-proved' });
    });
  });
});
