import { chmod, mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { mustRunLocally } from '../../lab/local-command.ts';
import type { PitrError } from '../../lib/base/errors/pitr-error.ts';
import { readCatalogue } from '../../lib/recovery/barman/catalogue.ts';
import { ownSegments, proveArchivedSegment } from '../../lib/recovery/barman/prove-archived.ts';
import { formatLsn, lsnAt } from '../../lib/recovery/wal/lsn.ts';
import { segmentAt, segmentNumber, timelineOf, type WalSegment } from '../../lib/recovery/wal/segment.ts';
import { timelineId } from '../../lib/recovery/wal/timeline.ts';
import { errorOf } from '../support/errors.ts';
import { SIZE, segmentsOf } from '../unit/recovery/wal/moment/segments.ts';
import { beside } from './barman-here.ts';
import { type LocalPlayground, localPlayground } from './playground.ts';
import { inWal, ours, user } from './wal-here.ts';

type Prove = () => Promise<{ readonly compared: number }>;

/** The segment that was just closed, after the one before it; the node has written the next one meanwhile. */
async function proved<T>(
  ground: LocalPlayground,
  closed: WalSegment,
  work: (prove: Prove) => Promise<T>,
): Promise<T> {
  const number = segmentNumber(closed, SIZE);
  await writing(ground, formatLsn(lsnAt(BigInt((number + 2) * SIZE + 4096))));
  const around = [number - 1, number, number + 1];
  const bytes = segmentsOf(around.map((one) => [one, timelineOf(closed), []]));
  return await beside(ground, ours, async () => {
    await mkdir(join(ground.dir, 'home/db1/errors'), { recursive: true });
    for (const one of around) {
      const name = segmentAt(timelineOf(closed), one, SIZE);
      const segment = bytes.get(one) ?? new Uint8Array();
      await inWal(ground, `node/pg_wal/${name}`, segment);
      // Where the archive gets it by streaming alone the node marks nothing.
      if (one < number) await inWal(ground, `node/pg_wal/archive_status/${name}.done`, new Uint8Array());
      const place = one > number ? 'incoming' : `wals/${name.slice(0, 16)}`;
      await inWal(ground, `home/db1/${place}/${name}`, segment);
    }
    const host = ground.play.host();
    const server = (await readCatalogue(host, user)).servers.find(({ name }) => name === 'db1');
    if (server === undefined) throw new Error('it is there');
    const writer = { node: 'here', pgdata: join(ground.dir, 'node'), user };
    return await work(() => proveArchivedSegment(host, closed, server, user, writer));
  });
}

/** The node's PostgreSQL runs, and is there with what it writes. */
async function writing(ground: LocalPlayground, lsn: string): Promise<void> {
  const node = join(ground.dir, 'node');
  await inWal(
    ground,
    'node/postmaster.opts',
    Buffer.from(`${ground.dir}/programs/postgres "-D" "${node}"\n`),
  );
  await inWal(ground, 'node/postmaster.pid', Buffer.from(`1\n${node}\n0\n5432\n/tmp\n\n\nready\n`));
  await inWal(ground, 'programs/psql', Buffer.from(`#!/bin/sh\necho ${lsn}\n`));
  await chmod(join(ground.dir, 'programs/psql'), 0o755);
}

/** Types the command that an error ends with. */
async function typeWayOn(error: PitrError): Promise<void> {
  await mustRunLocally('the printed command', ['sh', '-c', error.next.at(-1) ?? 'false']);
}

describe('a segment that was just closed', () => {
  // Names of digits alone, also with an E among them, are numbers to awk: too large ones, that are equal to each other.
  it.each(['000000010000000000000011', '000000100000000000000013', '00000001000000E500000013'])(
    'is compared with those before it, and not with one that waits for Barman: %s',
    async (name) => {
      await using ground = await localPlayground();
      expect(await proved(ground, name as WalSegment, (prove) => prove())).toEqual({ compared: 2 });
    },
  );

  // The time of a look is the same for small segments and large ones.
  it('is compared with as many before it as can be read in a look, the last ones', async () => {
    await using ground = await localPlayground();
    const [, , before, closed] = await Promise.all(
      [0x10, 0x11, 0x12, 0x13].map(async (number) => {
        const name = segmentAt(timelineId(1), number, SIZE);
        await inWal(ground, `node/pg_wal/${name}`, Buffer.alloc(SIZE));
        await inWal(ground, `node/pg_wal/archive_status/${name}.done`, new Uint8Array());
        return name;
      }),
    );
    const node = { pgdata: join(ground.dir, 'node'), user };
    const own = async (segments: number) => [
      ...(await ownSegments(ground.play.host(), closed as WalSegment, node, segments * SIZE)).keys(),
    ];
    expect(await own(2.5)).toEqual([closed, before]);
    expect(await own(4)).toHaveLength(4);
  });

  it('is put in the place of another file of its name by the printed command, which loses neither', async () => {
    await using ground = await localPlayground();
    const name = segmentAt(timelineId(1), 0x13, SIZE);
    await proved(ground, name, async (prove) => {
      const [there, errors] = [`home/db1/wals/${name.slice(0, 16)}/${name}`, 'home/db1/errors'];
      const right = await readFile(join(ground.dir, there));
      await inWal(ground, there, Buffer.from('of another cluster'));
      const error = await errorOf(prove());
      expect(error).toMatchObject({ kind: 'failed', code: 'archive-not-proved' });

      // Barman has not come to it yet: there is nothing to put in its place, and what lies there stays.
      await typeWayOn(error);
      expect(await readFile(join(ground.dir, there), 'utf8')).toBe('of another cluster');
      await inWal(ground, `${errors}/${name}.20261122T155813Z.duplicate`, right);
      await typeWayOn(error);
      expect(await prove()).toEqual({ compared: 2 });
      expect(await readFile(join(ground.dir, 'home/db1/strays', name), 'utf8')).toBe('of another cluster');
    });
  });

  it('is proved once the printed command has put aside what lies there under names that are still to come', async () => {
    await using ground = await localPlayground();
    const name = segmentAt(timelineId(1), 0x13, SIZE);
    await proved(ground, name, async (prove) => {
      const later = segmentAt(timelineId(1), 0x20, SIZE);
      await inWal(ground, `home/db1/wals/${later.slice(0, 16)}/${later}`, Buffer.from('of another cluster'));
      const error = await errorOf(prove());
      expect(error).toMatchObject({ kind: 'failed', code: 'archive-not-proved' });
      expect(error.details.join('\n')).toContain(later);
      await typeWayOn(error);
      expect(await prove()).toEqual({ compared: 2 });
      expect(await readFile(join(ground.dir, 'home/db1/strays', later), 'utf8')).toBe('of another cluster');
    });
  });

  it.each([
    ['what the node has written since', 1, { compared: 2 }],
    ['what the node writes still', 2, 'not written yet'],
  ])('is followed in the archive, by streaming, by %s', async (_, behind, outcome) => {
    await using ground = await localPlayground();
    const name = segmentAt(timelineId(1), 0x13, SIZE);
    await proved(ground, name, async (prove) => {
      const later = segmentAt(timelineId(1), 0x13 + behind, SIZE);
      await inWal(ground, `home/db1/wals/${later.slice(0, 16)}/${later}`, Buffer.from('streamed'));
      if (typeof outcome === 'object') return expect(await prove()).toEqual(outcome);
      expect((await errorOf(prove())).details.join('\n')).toContain(`${outcome}: ${later}`);
    });
  });

  it('is not proved where something lies behind it, and the node does not tell how far it has written', async () => {
    await using ground = await localPlayground();
    const name = segmentAt(timelineId(1), 0x13, SIZE);
    await proved(ground, name, async (prove) => {
      const later = segmentAt(timelineId(1), 0x14, SIZE);
      await inWal(ground, `home/db1/wals/${later.slice(0, 16)}/${later}`, Buffer.from('streamed'));
      await rm(join(ground.dir, 'node/postmaster.pid'));
      expect(await errorOf(prove())).toMatchObject({
        code: 'archive-not-proved',
        message: expect.stringContaining('cannot tell'),
      });
    });
  });
});
