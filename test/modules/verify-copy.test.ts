import { chmod, chown, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { verifyCopy } from '../../lib/recovery/barman/verify-copy.ts';
import { errorOf } from '../support/errors.ts';
import { BUSYBOX_FIND, fakePrograms } from '../support/fake-programs.ts';
import { type LocalPlayground, localPlayground } from './playground.ts';
import { user } from './wal-here.ts';

const EXPECTED = { backup: '20261122T155813', systemId: '77', beginLsn: '0/7000028', major: 15 };

/** A data directory as Barman leaves it, of two files more than it needs. */
async function copied({ dir }: LocalPlayground): Promise<string> {
  const data = join(dir, 'data');
  await mkdir(join(data, 'global'), { recursive: true });
  const control = Buffer.alloc(16);
  control.writeBigUInt64LE(77n, 0);
  await writeFile(join(data, 'PG_VERSION'), '15\n');
  await writeFile(join(data, 'global/pg_control'), control);
  await writeFile(
    join(data, 'backup_label'),
    'START WAL LOCATION: 0/7000028 (file 000000010000000000000007)\n',
  );
  await writeFile(join(data, '.barman-recover.info'), '');
  await writeFile(join(data, 'large'), Buffer.alloc(5000));
  await writeFile(join(data, "it's\nf 9"), '');
  await chmod(data, 0o700);
  return data;
}

describe('the copy of a backup', () => {
  it('is proved, and its files are counted', async () => {
    await using ground = await localPlayground();
    const data = await copied(ground);
    const proved = await verifyCopy(ground.play.host(), data, user, EXPECTED, 'r');
    expect(proved).toMatchObject({ files: 6, systemId: '77' });
    expect(proved.bytes).toBeGreaterThan(5000);
    expect(proved.bytes).toBeLessThan(50_000);
  });

  it.skipIf(process.getuid?.() !== 0)(
    'is not the backup where something in it belongs to somebody else',
    async () => {
      await using ground = await localPlayground();
      const data = await copied(ground);
      await chown(join(data, 'large'), 1, 1);
      const error = await errorOf(verifyCopy(ground.play.host(), data, user, EXPECTED, 'r'));
      expect(error).toMatchObject({
        code: 'copy-not-whole',
        details: ['./large in it does not belong to root'],
      });
    },
  );

  it.each([
    ['knows no -printf, as that of busybox', BUSYBOX_FIND],
    ['cannot read a part of it', '/usr/bin/find "$@"; echo "find: ./base: Input/output error" >&2; exit 1'],
  ])('is not proved by a find that %s', async (_, find) => {
    await using ground = await localPlayground();
    const data = await copied(ground);
    await using _programs = await fakePrograms({ find });
    const error = await errorOf(verifyCopy(ground.play.host(), data, user, EXPECTED, 'r'));
    expect(error).toMatchObject({
      code: 'copy-not-seen',
      evidence: { stderr: expect.stringContaining('find: ') },
      next: [expect.stringContaining('findutils'), expect.stringContaining('pitr resume r')],
    });
  });

  it.each([
    ['its time is over', { timedOut: true }],
    ['it is killed', { signal: 'SIGKILL' }],
    ['its answer is cut off', { exitCode: 0 }],
  ])(
    'is not called another one, and nobody is told to remove it, where the look does not come to its end: %s',
    async (_, ends) => {
      await using ground = await localPlayground();
      const data = await copied(ground);
      const host = ground.play.host();
      const result = {
        argv: ['sh'],
        stdout: '@version 15\n',
        stderr: '',
        durationMs: 9,
        timedOut: false,
        ...ends,
      };
      const query = () => Promise.resolve(result);
      const error = await errorOf(verifyCopy({ ...host, query }, data, user, EXPECTED, '20261130-r1'));
      expect(error).toMatchObject({ kind: 'failed', code: 'copy-not-seen' });
      expect(error.next?.join()).toContain('pitr resume 20261130-r1');
      expect(error.next?.join()).not.toMatch(/remove/i);
    },
  );
});
