import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { listText, startSpool } from '../../lib/recovery/barman/wal-spool.ts';
import { parseSegment, segmentNumber } from '../../lib/recovery/wal/segment.ts';
import { processGone } from '../support/process-gone.ts';
import { SIZE, segmentsOf } from '../unit/recovery/wal/moment/segments.ts';
import { beside } from './barman-here.ts';
import { type LocalPlayground, localPlayground } from './playground.ts';
import { inWal, ours, user } from './wal-here.ts';

// To awk these names are numbers, and as such too large to be told apart.
const names = [1, 2, 3].map((digit) => `00000010000000000000001${digit}`);
const SSH = 'for run; do :; done';

/** Works with an archive of those segments, and an ssh that does this. */
async function withArchive(
  ground: LocalPlayground,
  ssh: string,
  work: (spool: { readonly directory: string; readonly list: readonly string[] }) => Promise<void>,
): Promise<void> {
  const { dir } = ground;
  await beside(ground, ours, async () => {
    await writeFile(join(dir, 'bin/ssh'), `#!/bin/sh\n${SSH}\n${ssh}\nexec sh -c "$run"\n`, { mode: 0o755 });
    const wals = join(dir, 'home/db1/wals');
    for (const name of names) {
      const number = segmentNumber(parseSegment(name) ?? bad(), SIZE);
      const bytes = segmentsOf([[number, 16, []]]).get(number) ?? bad();
      await inWal(ground, `home/db1/wals/${name.slice(0, 16)}/${name}`, bytes);
    }
    await work({ directory: join(dir, 'spool'), list: names.map((name) => `${name} db1 ${wals}`) });
  });
}

const ended = (directory: string, came: readonly string[]) =>
  vi.waitFor(
    async () => {
      const there = await readdir(directory);
      expect(there).not.toContain('pid');
      expect(there.filter((name) => name.length === 24)).toEqual(came);
    },
    { timeout: 30_000, interval: 100 },
  );

const order = { user, ssh: 'barman', segmentSize: SIZE, most: 8 };

it('a spool that was broken off goes on behind the last segment that came, and none comes twice', async () => {
  await using ground = await localPlayground();
  await withArchive(ground, '', async ({ directory, list }) => {
    await mkdir(directory);
    await writeFile(join(directory, 'pitr-spool'), '');
    await writeFile(join(directory, 'list'), listText(list));
    await writeFile(join(directory, 'last'), `${names[1]}\n`);
    await startSpool(ground.play.host(), { ...order, directory, list });
    await ended(directory, names.slice(2));
  });
});

describe('a connection that is lost', () => {
  it('is made again, for what comes behind the last segment that came whole', async () => {
    await using ground = await localPlayground();
    const cut = join(ground.dir, 'cut');
    const lost = `[ -e ${cut} ] || { touch ${cut}; sh -c "$run" | head -c ${SIZE + 60_000}; exit 255; }`;
    await withArchive(ground, lost, async ({ directory, list }) => {
      await startSpool(ground.play.host(), { ...order, directory, list });
      await ended(directory, names);
      const told = await readFile(join(directory, 'log'), 'utf8');
      expect(told).toContain(`${names[1]} was cut off\nthe connection was lost after ${names[0]}`);
    });
  });

  it.each([
    ['is given up after a dozen tries', 'exit 255', 12],
    ['is not made again where Barman has failed, and not the connection', 'exit 1', 1],
  ])(
    '%s',
    async (_, fails, tries) => {
      await using ground = await localPlayground();
      await withArchive(ground, `echo >>${ground.dir}/tries; ${fails}`, async ({ directory, list }) => {
        await writeFile(join(ground.dir, 'bin/sleep'), '#!/bin/sh\n', { mode: 0o755 });
        await startSpool(ground.play.host(), { ...order, directory, list });
        const tried = () => readFile(join(ground.dir, 'tries'), 'utf8');
        await vi.waitFor(async () => expect(await tried()).toBe('\n'.repeat(tries)), 50_000);
        await ended(directory, []);
        expect(await tried()).toBe('\n'.repeat(tries));
      });
    },
    120_000,
  );
});

it('another list ends what filled the spool before', async () => {
  await using ground = await localPlayground();
  const waits = `IFS= read -r first; case $first in ${names[0]}*) echo $$ >${ground.dir}/waits; exec sleep 600 ;; esac
{ echo "$first"; cat; } | sh -c "$run"; exit`;
  await withArchive(ground, waits, async ({ directory, list }) => {
    const host = ground.play.host();
    await startSpool(host, { ...order, directory, list });
    const pid = await vi.waitFor(async () => {
      const said = await readFile(join(ground.dir, 'waits'), 'utf8');
      expect(said).toMatch(/^\d+\n$/);
      return Number(said);
    }, 10_000);
    await startSpool(host, { ...order, directory, list: list.slice(1) });
    await ended(directory, names.slice(1));
    await processGone(pid);
  });
});

function bad(): never {
  throw new Error('it is there');
}
