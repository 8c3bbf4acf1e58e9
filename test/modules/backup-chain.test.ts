import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { ReadHost } from '../../lib/contract/host.ts';
import { type BackupInfo, isComplete, parseBackupInfo } from '../../lib/recovery/barman/backup-info.ts';
import { parseConfig } from '../../lib/recovery/barman/config.ts';
import { proveBackupFiles } from '../../lib/recovery/barman/prove-backup-files.ts';
import { restoredSize } from '../../lib/recovery/barman/restored-size.ts';
import { blindHost } from '../support/blind-host.ts';
import { errorOf } from '../support/errors.ts';
import { localPlayground } from './playground.ts';
import { user } from './wal-here.ts';

const [FULL, FIRST, SECOND] = ['20261122T010000', '20261122T020000', '20261122T030000'] as const;
const FILES = ['PG_VERSION', 'backup_label', 'global/pg_control'];

const info = (id: string, parent: string, status: string): BackupInfo =>
  parseBackupInfo(
    'one',
    id,
    `begin_time=2026-11-22 19:01:10+00:00
begin_wal=00000001000000000000000A
begin_xlog=0/A000028
end_time=2026-11-22 19:01:31+00:00
end_wal=00000001000000000000000A
end_xlog=0/A2BC3F0
mode=postgres
size=27
status=${status}
timeline=1
parent_backup_id=${parent}`,
  );

describe('a backup that is a difference to others', () => {
  it.each([
    ['is whole where all of them are', FULL, 'DONE', undefined, undefined],
    ['is not where the first one has lost a file', FULL, 'DONE', FULL, `${FULL} of server one is not whole`],
    ['is not where one between has', FULL, 'DONE', FIRST, `${FIRST} of server one is not whole`],
    ['is not where the first one is gone', FULL, 'DONE', undefined, `${FULL}, which Barman does not have`],
    ['is not where one is being deleted', FULL, 'DELETING', undefined, `${FIRST}, which is DELETING`],
  ])('%s', async (title, parent, status, lacking, words) => {
    await using ground = await localPlayground();
    const { play, dir } = ground;
    const [config] = parseConfig([`[barman]\nbarman_home = ${dir}\n[one]\n`]);
    const backup = info(SECOND, FIRST, 'DONE');
    if (config === undefined || !isComplete(backup)) throw new Error('it is there');
    for (const id of [FULL, FIRST, SECOND])
      for (const file of FILES) {
        const path = join(dir, 'one/base', id, 'data', file);
        await mkdir(join(path, '..'), { recursive: true });
        await writeFile(path, 'something');
      }
    if (lacking !== undefined) await rm(join(dir, 'one/base', lacking, 'data/global'), { recursive: true });
    const between = info(FIRST, parent ?? '', status);
    const backups = [backup, between, ...(title.includes('is gone') ? [] : [info(FULL, 'None', 'DONE')])];
    const proof = proveBackupFiles(play.host(), backup, [{ ...config, backups }], user);
    if (words === undefined) return await expect(proof).resolves.toBe(true);
    return await expect(proof).rejects.toMatchObject({
      code: 'backup-files-missing',
      message: expect.stringContaining(words),
    });
  });
});

describe('the look at the files of a backup', () => {
  const [config] = parseConfig(['[barman]\nbarman_home = /srv\n[one]\n']);
  const backup = info(FULL, 'None', 'DONE');
  const packed = { ...backup, compression: 'gzip' };
  const looks = {
    'for what is missing': (host: ReadHost, told: string[] = []) =>
      proveBackupFiles(host, backup, config === undefined ? [] : [{ ...config, backups: [backup] }], user, {
        progress: (text) => told.push(text),
      }),
    'for what they unpack to': (host: ReadHost) =>
      restoredSize(host, packed, config === undefined ? [] : [{ ...config, backups: [packed] }], user),
  };

  it.each(Object.entries(looks))(
    '%s may take hours, and names what was not seen where it is broken off',
    async (_, look) => {
      await using blind = blindHost({ ends: 'is ended by its time limit' });
      const limits: (number | undefined)[] = [];
      const host: ReadHost = {
        ...blind.host,
        query: (probe) => {
          limits.push(probe.timeoutMs);
          return blind.host.query(probe);
        },
      };
      expect(await errorOf(look(host))).toMatchObject({
        code: 'look-broken-off',
        message: expect.stringContaining(
          `the files of backup ${FULL} in /srv/one/base/${FULL} could not be seen`,
        ),
      });
      expect(limits).toEqual([24 * 3_600_000]);
    },
  );

  it('tells which backup it is at', async () => {
    await using blind = blindHost({ ends: 'is killed' });
    const told: string[] = [];
    await errorOf(looks['for what is missing'](blind.host, told));
    expect(told).toEqual([`looking at all files of backup ${FULL} of server one`]);
  });
});

describe('a backup that lies in an archive', () => {
  const packed = (size: number) =>
    parseBackupInfo(
      'one',
      FULL,
      `begin_time=2026-11-22 19:01:10+00:00\nmode=postgres\ncompression=gzip\nsize=${size}\nstatus=DONE`,
    );

  it.each([
    ['is whole with all the bytes that Barman has counted', 'base.tar.gz', 27, undefined],
    ['is not where that is shorter', 'base.tar.gz', 28, 'less than when it was taken'],
    ['is not without that of the data directory', '16401.tar.gz', 27, 'base.tar is missing or empty'],
  ])('%s', async (_, file, size, words) => {
    await using ground = await localPlayground();
    const [config] = parseConfig([`[barman]\nbarman_home = ${ground.dir}\n[one]\n`]);
    if (config === undefined) throw new Error('it is there');
    const data = join(ground.dir, 'one/base', FULL, 'data');
    await mkdir(data, { recursive: true });
    await writeFile(join(data, file), 'twenty-seven bytes it has.\n');
    const proof = proveBackupFiles(ground.play.host(), packed(size), [{ ...config, backups: [] }], user);
    if (words === undefined) return await expect(proof).resolves.toBe(true);
    return await expect(proof).rejects.toMatchObject({
      code: 'backup-files-missing',
      message: expect.stringContaining(words),
    });
  });
});
