import { mkdir, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { parseBackupInfo } from '../../../../lib/recovery/barman/backup-info.ts';
import { parseConfig } from '../../../../lib/recovery/barman/config.ts';
import { restoredSize } from '../../../../lib/recovery/barman/restored-size.ts';
import { localPlayground } from '../../../modules/playground.ts';

const FULL = '20261122T010000';
const FIRST = '20261122T020000';
const SECOND = '20261122T030000';
const user = userInfo().username;

/** A server whose backups have these descriptions. */
function stock(dir: string, infos: Readonly<Record<string, string>>) {
  const [config] = parseConfig([`[barman]\nbarman_home = ${dir}\n[one]\n`]);
  if (config === undefined) throw new Error('it is a server');
  const backups = Object.entries(infos).map(([id, text]) => parseBackupInfo('one', id, text));
  return [{ ...config, backups }];
}

describe('what a compressed backup takes on the node', () => {
  const infos = { [FULL]: 'size=100\ncompression=gzip\n' };

  it('is what its archives unpack to', async () => {
    await using ground = await localPlayground();
    const { play, dir } = ground;
    const data = join(dir, 'one/base', FULL, 'data');
    await mkdir(data, { recursive: true });
    await writeFile(join(data, 'base.tar.gz'), gzipSync(Buffer.alloc(70_000)));
    await writeFile(join(data, '16387.tar.gz'), gzipSync(Buffer.alloc(30_000)));
    const servers = stock(dir, infos);
    const backup = parseBackupInfo('one', FULL, infos[FULL] ?? '');
    expect(await restoredSize(play.host(), backup, servers, user)).toBe(100_000);
  });

  it('of archives that are not compressed, replayed from Barman 3.9 by its release notes, is what they hold', async () => {
    await using ground = await localPlayground();
    const { play, dir } = ground;
    const data = join(dir, 'one/base', FULL, 'data');
    await mkdir(data, { recursive: true });
    await writeFile(join(data, 'base.tar'), Buffer.alloc(70_000));
    await writeFile(join(data, '16387.tar'), Buffer.alloc(30_000));
    const backup = parseBackupInfo('one', FULL, 'size=100\ncompression=none\n');
    expect(await restoredSize(play.host(), backup, stock(dir, infos), user)).toBe(100_000);
  });

  it.each([
    ['cannot be unpacked', () => Buffer.from('no gzip')],
    [
      'ends too early',
      () => gzipSync(Buffer.from(Array.from({ length: 70_000 }, (_, i) => i % 251))).subarray(0, -20),
    ],
  ])('is not known where one of them %s', async (_, broken) => {
    await using ground = await localPlayground();
    const { play, dir } = ground;
    const data = join(dir, 'one/base', FULL, 'data');
    await mkdir(data, { recursive: true });
    await writeFile(join(data, 'base.tar.gz'), gzipSync(Buffer.alloc(70_000)));
    await writeFile(join(data, '16387.tar.gz'), broken());
    const backup = parseBackupInfo('one', FULL, infos[FULL] ?? '');
    expect(await restoredSize(play.host(), backup, stock(dir, infos), user)).toBeUndefined();
  });
});

describe('what a backup takes that is a difference to another one', () => {
  const whole = { [FULL]: 'size=1000\n', [FIRST]: `size=30\nparent_backup_id=${FULL}\n` };
  const difference = `size=20\nparent_backup_id=${FIRST}\n`;

  it.each([
    ['is what all that it rests on takes together', { ...whole, [SECOND]: difference }, 1050],
    [
      'is not known where one of them is gone',
      { [FIRST]: whole[FIRST] ?? '', [SECOND]: difference },
      undefined,
    ],
    ['is not known where one of them has no size', { ...whole, [FULL]: '', [SECOND]: difference }, undefined],
    [
      'is not known where they go round in a circle',
      { ...whole, [FULL]: `size=1\nparent_backup_id=${SECOND}\n`, [SECOND]: difference },
      undefined,
    ],
  ])('%s', async (_, infos, size) => {
    await using ground = await localPlayground();
    const { play, dir } = ground;
    const [server] = stock(dir, infos);
    const backup = server?.backups.find(({ id }) => id === SECOND);
    if (server === undefined || backup === undefined) throw new Error('it is there');
    expect(await restoredSize(play.host(), backup, [server], user)).toBe(size);
  });
});
