import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { listText, startSpool } from '../../lib/recovery/barman/wal-spool.ts';
import { parseSegment, segmentNumber } from '../../lib/recovery/wal/segment.ts';
import { SIZE, segmentsOf } from '../unit/recovery/wal/moment/segments.ts';
import { beside } from './barman-here.ts';
import { localPlayground } from './playground.ts';
import { inWal, ours, user } from './wal-here.ts';

it('a spool that was broken off goes on behind the last segment that came, and none comes twice', async () => {
  await using ground = await localPlayground();
  const { dir, play } = ground;
  // To awk these names are numbers, and as such too large to be told apart.
  const names = [1, 2, 3].map((digit) => `00000010000000000000001${digit}`);
  const directory = join(dir, 'spool');
  await beside(ground, ours, async () => {
    await writeFile(join(dir, 'bin/ssh'), '#!/bin/sh\nfor run; do :; done\nexec sh -c "$run"\n', {
      mode: 0o755,
    });
    const wals = join(dir, 'home/db1/wals');
    for (const name of names) {
      const number = segmentNumber(parseSegment(name) ?? bad(), SIZE);
      const bytes = segmentsOf([[number, 16, []]]).get(number) ?? bad();
      await inWal(ground, `home/db1/wals/${name.slice(0, 16)}/${name}`, bytes);
    }
    const list = names.map((name) => `${name} db1 ${wals}`);
    await mkdir(directory);
    await writeFile(join(directory, 'pitr-spool'), '');
    await writeFile(join(directory, 'list'), listText(list));
    await writeFile(join(directory, 'last'), `${names[1]}\n`);
    await startSpool(play.host(), { directory, user, ssh: 'barman', segmentSize: SIZE, most: 8, list });
    await vi.waitFor(
      async () => {
        const there = await readdir(directory);
        expect(there).toContain(names[2]);
        expect(there).not.toContain('pid');
      },
      { timeout: 20_000, interval: 100 },
    );
    expect(await readdir(directory)).not.toContain(names[1]);
  });
});

function bad(): never {
  throw new Error('it is there');
}
