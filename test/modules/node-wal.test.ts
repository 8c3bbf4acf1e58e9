import { mkdir, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { readArchivesOf } from '../../lib/recovery/barman/archive-tail.ts';
import { readCatalogue } from '../../lib/recovery/barman/catalogue.ts';
import { heldBeginnings } from '../../lib/recovery/barman/held-beginnings.ts';
import type { RecoveryWal } from '../../lib/recovery/barman/prove-wal.ts';
import { notTheSame, otherBytes } from '../../lib/recovery/barman/same-bytes.ts';
import { farthestFirst, readSegment } from '../../lib/recovery/barman/segment-source.ts';
import { parseSegment } from '../../lib/recovery/wal/segment.ts';
import { errorOf } from '../support/errors.ts';
import { commit, SIZE, segmentsOf } from '../unit/recovery/wal/moment/segments.ts';
import { beside, OTHER } from './barman-here.ts';
import { type LocalPlayground, localPlayground } from './playground.ts';

/** What a node has in pg_wal beside an archive, by a shell of this machine that is both hosts. */

/** Of the hand-made segments. */
const CLUSTER = '77';
/** Both servers are of that cluster. */
const ours = { systemId: CLUSTER, own: CLUSTER };
const user = userInfo().username;
const NAME = '000000010000000000000006';
const PARTIAL = `${NAME}.partial`;
const PLACES = {
  wals: `home/db1/wals/${NAME.slice(0, 16)}`,
  incoming: 'home/db1/incoming',
  streaming: 'home/db1/streaming',
  other: `home/other/wals/${NAME.slice(0, 16)}`,
};

/** The segment as far as this many of its commits, and behind them what was there before. */
function upTo(commits: number, behind = 0): Uint8Array {
  const all = [commit(100, '10:00:01'), commit(101, '10:00:02'), commit(102, '10:00:03')];
  const bytes = Uint8Array.from(segmentsOf([[6, 1, all]]).get(6) ?? []);
  return bytes.fill(behind, 40 + 40 * commits);
}

async function inWal({ dir }: LocalPlayground, path: string, bytes: Uint8Array): Promise<void> {
  const file = join(dir, path);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, bytes);
}

const ownOf = ({ dir }: LocalPlayground) => ({
  pgdata: join(dir, 'node'),
  user,
  systemId: CLUSTER,
  segmentSize: SIZE,
});
const barman = { host: 'here', user };

describe('the beginning of a segment', () => {
  async function held(own: Uint8Array, copies: Readonly<Record<string, Uint8Array>>): Promise<boolean> {
    await using ground = await localPlayground();
    return await beside(ground, ours, async () => {
      await inWal(ground, `node/pg_wal/${NAME}`, own);
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
    ['which is archived nowhere', {}, false],
    ['which Barman receives by streaming, less far', { [`${PLACES.streaming}/${PARTIAL}`]: upTo(1) }, false],
    ['which Barman receives by streaming alone', { [`${PLACES.streaming}/${PARTIAL}`]: upTo(2) }, false],
  ])('%s, is it archived?', async (_, copies, expected) => {
    expect(await held(upTo(2), copies)).toBe(expected);
  });
});

describe('a whole segment', () => {
  const same = { name: NAME, as: NAME };

  it.each([
    ['which is archived', PLACES.wals, upTo(3), undefined],
    ['which is archived and packed', PLACES.wals, gzipSync(upTo(3)), undefined],
    ['which Barman has received by streaming', PLACES.streaming, upTo(3), undefined],
    ['of which the archived copy is cut off', PLACES.wals, upTo(3).subarray(0, 1000), PLACES.wals],
    ['of which the packed copy is cut off', PLACES.wals, gzipSync(upTo(3)).subarray(0, 60), PLACES.wals],
    ['under whose name another one is archived', PLACES.other, upTo(2), PLACES.other],
  ])('%s', async (_, place, copy, wrong) => {
    await using ground = await localPlayground();
    await beside(ground, ours, async () => {
      await inWal(ground, `node/pg_wal/${NAME}`, upTo(3));
      await inWal(ground, `${place}/${NAME}`, copy);
      const other = await otherBytes(ground.play.host(), barman, ownOf(ground), [same], 'arrived');
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
      const other = await otherBytes(host, place, ownOf(ground), [same], 'arrived');
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

  it('that has left pg_wal meanwhile, and an archive that cannot be asked', async () => {
    await using ground = await localPlayground();
    await beside(ground, ours, async () => {
      await mkdir(join(ground.dir, 'node/pg_wal'), { recursive: true });
      const ask = (pgdata: string) =>
        otherBytes(ground.play.host(), barman, { ...ownOf(ground), pgdata }, [same], 'arrived');
      expect(await ask(join(ground.dir, 'node'))).toEqual([{ file: same, gone: true, copies: [] }]);
      expect(await errorOf(ask(join(ground.dir, 'nowhere')))).toMatchObject({ code: 'archive-not-proved' });
    });
  });
});

describe('of two beginnings that one server has', () => {
  /** Which position the chain ends at, as Barman delivers it; or the refusal. */
  async function ask(
    ground: LocalPlayground,
    copies: Readonly<Record<string, Uint8Array>>,
    { nodeHas, needed = 1 }: { readonly nodeHas?: Uint8Array; readonly needed?: number } = {},
  ) {
    return await beside(ground, ours, async () => {
      for (const [path, bytes] of Object.entries(copies)) await inWal(ground, path, bytes);
      const { servers } = await readCatalogue(ground.play.host(), user);
      const segment = parseSegment(NAME);
      if (segment === undefined) throw new Error('it is one');
      const node = 'pg_wal of here';
      const nodes = nodeHas === undefined ? [] : [node];
      if (nodeHas !== undefined) await inWal(ground, `node/pg_wal/${NAME}`, nodeHas);
      const link = { segment, number: 6, servers: ['db1', 'db1', ...nodes], partial: true };
      const archive = { server: node, files: [], lost: [], histories: [], damaged: [] };
      const backup = { segmentSize: SIZE, systemId: CLUSTER } as RecoveryWal['backup'];
      const tail = { node: 'here', pgdata: join(ground.dir, 'node'), user, archive };
      const sources = { backup, servers, tails: [tail] };
      const host = ground.play.host();
      const context = { warn: (text: string) => ground.play.warnings.push(text), progress: () => {} };
      const chain = await farthestFirst(host, [link], sources, { user, context, needed });
      return { chain, bytes: await readSegment(host, link, sources, user) };
    });
  }

  it('that is read which Barman delivers', async () => {
    await using ground = await localPlayground();
    const told = await ask(ground, {
      [`${PLACES.streaming}/${PARTIAL}`]: upTo(2),
      [`${PLACES.wals}/${PARTIAL}`]: upTo(1),
    });
    expect(told.chain.at(-1)?.servers).toEqual(['db1']);
    expect(Buffer.from(told.bytes).equals(upTo(2))).toBe(true);
    expect(ground.play.warnings).toEqual([]);
  });

  it('the one that will hide what a node is to archive is warned of beforehand', async () => {
    await using ground = await localPlayground();
    const streamed = `${PLACES.streaming}/${PARTIAL}`;
    const { chain } = await ask(ground, { [streamed]: upTo(1) }, { nodeHas: upTo(2) });
    expect(chain.at(-1)?.servers).toEqual(['pg_wal of here', 'db1']);
    expect(ground.play.warnings).toEqual([
      expect.stringContaining(`mv -n ${join(ground.dir, streamed)} ~/db1.streaming.${PARTIAL}`),
    ]);
    ground.play.warnings.length = 0;
    await ask(ground, { [streamed]: upTo(2) }, { nodeHas: upTo(2) });
    expect(ground.play.warnings).toEqual([]);
  });

  it.each([
    ['the archived one reaches farther', upTo(3), 'would not deliver the one that reaches farther'],
    ['the archived one is packed', gzipSync(upTo(3)), 'would not deliver the one that reaches farther'],
    ['nobody can tell', Buffer.from('something'), 'nobody can tell'],
  ])('the one that Barman would deliver is named, to be put aside: %s', async (_, archived, words) => {
    await using ground = await localPlayground();
    const streamed = `${PLACES.streaming}/${PARTIAL}`;
    const error = await errorOf(
      ask(ground, { [streamed]: upTo(2), [`${PLACES.wals}/${PARTIAL}`]: archived }),
    );
    expect(error).toMatchObject({
      code: 'wal-beginning-hidden',
      message: expect.stringContaining(words),
      next: [
        expect.stringContaining(`mv -n ${join(ground.dir, streamed)} ~/db1.streaming.${PARTIAL}`),
        expect.anything(),
      ],
    });
  });

  it('none is in the way of a moment that lies before the segment', async () => {
    await using ground = await localPlayground();
    const copies = {
      [`${PLACES.streaming}/${PARTIAL}`]: upTo(2),
      [`${PLACES.wals}/${PARTIAL}`]: upTo(3),
    };
    expect((await ask(ground, copies, { needed: 0 })).chain).toHaveLength(1);
  });
});
