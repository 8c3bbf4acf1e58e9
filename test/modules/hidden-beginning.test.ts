import { chmod, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { PitrError } from '../../lib/base/errors/pitr-error.ts';
import { readCatalogue } from '../../lib/recovery/barman/catalogue.ts';
import type { RecoveryWal } from '../../lib/recovery/barman/prove-wal.ts';
import { farthestFirst, readSegment } from '../../lib/recovery/barman/segment-source.ts';
import { parseSegment } from '../../lib/recovery/wal/segment.ts';
import { errorOf } from '../support/errors.ts';
import { SIZE } from '../unit/recovery/wal/moment/segments.ts';
import { beside } from './barman-here.ts';
import { type LocalPlayground, localPlayground } from './playground.ts';
import { CLUSTER, inWal, NAME, ours, PARTIAL, PLACES, upTo, user } from './wal-here.ts';

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

  it('nothing is to be put aside where nobody can tell which one reaches farther', async () => {
    await using ground = await localPlayground();
    const archived = `${PLACES.wals}/${PARTIAL}`;
    const copies = { [`${PLACES.streaming}/${PARTIAL}`]: upTo(2), [archived]: Buffer.from('something') };
    const error = await errorOf(ask(ground, copies));
    expect(error).toMatchObject({
      code: 'wal-beginning-hidden',
      message: expect.stringContaining('nobody can tell'),
      evidence: { exitCode: 3, stderr: expect.stringContaining('packed in a way that is not known here') },
    });
    const next = (error as PitrError).next.join(' ');
    expect(next).toContain('pg_waldump');
    expect(next).not.toContain('mv ');
  });

  it('one that Barman takes in meanwhile is looked for again', async () => {
    await using ground = await localPlayground();
    const { dir } = ground;
    await inWal(ground, `${PLACES.wals}/before`, new Uint8Array());
    const taken = `mv ${dir}/${PLACES.incoming}/${PARTIAL} ${dir}/${PLACES.wals}/`;
    const od = `#!/bin/sh\ncase $* in *incoming*) ${taken} ;; esac\nPATH=\${PATH#*:} exec od "$@"\n`;
    await inWal(ground, 'bin/od', Buffer.from(od));
    await chmod(join(dir, 'bin/od'), 0o755);
    const waiting = { [`${PLACES.incoming}/${PARTIAL}`]: upTo(1) };
    const told = await ask(ground, { [`${PLACES.streaming}/${PARTIAL}`]: upTo(2), ...waiting });
    expect(told.chain.at(-1)?.servers).toEqual(['db1']);
    expect(await readdir(join(dir, PLACES.wals))).toContain(PARTIAL);
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
