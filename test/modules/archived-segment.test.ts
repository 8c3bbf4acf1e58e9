import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readCatalogue } from '../../lib/recovery/barman/catalogue.ts';
import { proveArchivedSegment } from '../../lib/recovery/barman/prove-archived.ts';
import { segmentAt, segmentNumber, timelineOf, type WalSegment } from '../../lib/recovery/wal/segment.ts';
import { SIZE, segmentsOf } from '../unit/recovery/wal/moment/segments.ts';
import { beside } from './barman-here.ts';
import { type LocalPlayground, localPlayground } from './playground.ts';
import { inWal, ours, user } from './wal-here.ts';

/** The segment that was just closed, after the one before it; the node has archived the next one meanwhile. */
async function proved(ground: LocalPlayground, closed: WalSegment) {
  const number = segmentNumber(closed, SIZE);
  const around = [number - 1, number, number + 1];
  const bytes = segmentsOf(around.map((one) => [one, timelineOf(closed), []]));
  return await beside(ground, ours, async () => {
    await mkdir(join(ground.dir, 'home/db1/errors'), { recursive: true });
    for (const one of around) {
      const name = segmentAt(timelineOf(closed), one, SIZE);
      const segment = bytes.get(one) ?? new Uint8Array();
      await inWal(ground, `node/pg_wal/${name}`, segment);
      await inWal(ground, `node/pg_wal/archive_status/${name}.done`, new Uint8Array());
      const place = one > number ? 'incoming' : `wals/${name.slice(0, 16)}`;
      await inWal(ground, `home/db1/${place}/${name}`, segment);
    }
    const host = ground.play.host();
    const server = (await readCatalogue(host, user)).servers.find(({ name }) => name === 'db1');
    if (server === undefined) throw new Error('it is there');
    return await proveArchivedSegment(host, closed, server, user, {
      node: 'here',
      pgdata: join(ground.dir, 'node'),
      user,
    });
  });
}

describe('a segment that was just closed', () => {
  // Names of digits alone, also with an E among them, are numbers to awk: too large ones, that are equal to each other.
  it.each(['000000010000000000000011', '000000100000000000000013', '00000001000000E500000013'])(
    'is compared with those before it, and not with one that waits for Barman: %s',
    async (name) => {
      await using ground = await localPlayground();
      expect(await proved(ground, name as WalSegment)).toEqual({ compared: 2 });
    },
  );
});
