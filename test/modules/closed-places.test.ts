import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { filesInErrors } from '../../lib/recovery/barman/errors-directory.ts';
import { proveArchivedSegment } from '../../lib/recovery/barman/prove-archived.ts';
import { parseSegment } from '../../lib/recovery/wal/segment.ts';
import { errorOf } from '../support/errors.ts';
import { closed, ordinaryUser } from '../support/ordinary-user.ts';
import { type LocalPlayground, localPlayground } from './playground.ts';

/** A directory of this machine that everybody may look into. */
async function openGround(): Promise<LocalPlayground> {
  const ground = await localPlayground();
  await chmod(ground.dir, 0o755);
  return ground;
}

describe('room', () => {
  it('is not measured on the file system above a directory that may not be entered', async () => {
    await using ground = await openGround();
    const { play, dir } = ground;
    await mkdir(join(dir, 'closed/data'), { recursive: true });
    await using _ = await closed(join(dir, 'closed'));
    const look = (path: string) =>
      play.run('fs.space', { path: join(dir, path), need: 1 }, 'here', ordinaryUser);
    expect(await errorOf(look('closed/data/new'))).toMatchObject({
      code: 'space-unknown',
      evidence: { stderr: expect.stringContaining('Permission denied') },
      next: [expect.stringContaining('become'), expect.anything()],
    });
    expect((await look('none/data/new')).result).toMatchObject({ needed_bytes: 1 });
  });

  it('is asked for with the ways out of who asks', async () => {
    await using ground = await openGround();
    const { play, dir } = ground;
    const ways = ['Or go on without it: -e member_space=false'];
    const error = await errorOf(play.run('fs.space', { path: dir, need: '900 TiB', ways }));
    expect(error.next.at(-1)).toBe(ways[0]);
  });
});

describe("Barman's errors directory", () => {
  it('of which a part may not be looked into holds what nobody knows', async () => {
    await using ground = await openGround();
    const { play, dir } = ground;
    const servers = [{ name: 'one', errors: join(dir, 'errors') }];
    await mkdir(join(dir, 'errors/part'), { recursive: true });
    await writeFile(join(dir, 'errors/a.duplicate'), '');
    expect(await filesInErrors(play.host(), servers, ordinaryUser)).toEqual([
      { server: 'one', names: ['a.duplicate'] },
    ]);
    await using _ = await closed(join(dir, 'errors/part'));
    expect(await errorOf(filesInErrors(play.host(), servers, ordinaryUser))).toMatchObject({
      code: 'barman-archive-unreadable',
      details: [expect.stringContaining(join(dir, 'errors'))],
    });
  });
});

describe('an archive', () => {
  const SIZE = 1_048_576;
  const segment = parseSegment('000000030000000000000007');

  /** A segment that says of itself that it is this one. */
  function segmentFile(): Buffer {
    const bytes = Buffer.alloc(SIZE);
    bytes.writeUInt16LE(0xd110, 0);
    bytes.writeUInt16LE(0x0002, 2);
    bytes.writeUInt32LE(3, 4);
    bytes.writeBigUInt64LE(BigInt(7 * SIZE), 8);
    bytes.writeBigUInt64LE(1n, 24);
    bytes.writeUInt32LE(SIZE, 32);
    bytes.writeUInt32LE(8192, 36);
    return bytes;
  }

  it('of which a part may not be looked into does not prove that nothing lies behind a segment', async () => {
    if (segment === undefined) throw new Error('it is one');
    await using ground = await openGround();
    const { play, dir } = ground;
    const day = join(dir, 'wals', segment.slice(0, 16));
    const other = join(dir, 'wals/0000000300000001');
    for (const directory of [day, other, join(dir, 'errors')]) await mkdir(directory, { recursive: true });
    await writeFile(join(day, segment), gzipSync(segmentFile()));
    const server = {
      name: 'one',
      wals: join(dir, 'wals'),
      errors: join(dir, 'errors'),
      systemId: '1',
    } as Parameters<typeof proveArchivedSegment>[2];
    const prove = (writer?: Parameters<typeof proveArchivedSegment>[4]) =>
      proveArchivedSegment(play.host(), segment, server, ordinaryUser, writer);
    expect(await prove()).toEqual({ compared: 0 });

    await mkdir(join(dir, 'data/pg_wal'), { recursive: true });
    await writeFile(join(dir, 'data/pg_wal', segment), segmentFile());
    const writer = { node: 'here', pgdata: join(dir, 'data'), user: ordinaryUser };
    expect(await prove(writer)).toEqual({ compared: 1 });
    // To be entered, and not to be listed.
    await chmod(join(dir, 'data/pg_wal'), 0o711);
    expect(await errorOf(prove(writer))).toMatchObject({ code: 'archive-not-proved' });

    await using _ = await closed(other);
    expect(await errorOf(prove())).toMatchObject({
      code: 'archive-not-proved',
      evidence: { stderr: expect.stringContaining('Permission denied') },
    });
  });
});

describe('the size of a data directory', () => {
  it('counts WAL and tablespaces that lie elsewhere, and is not told where a part may not be looked into', async () => {
    await using ground = await openGround();
    const { play, dir } = ground;
    for (const place of ['data/base/1', 'data/pg_tblspc', 'wal/archive_status', 'fast'])
      await mkdir(join(dir, place), { recursive: true });
    await symlink(join(dir, 'wal'), join(dir, 'data/pg_wal'));
    await symlink(join(dir, 'fast'), join(dir, 'data/pg_tblspc/16387'));
    await writeFile(join(dir, 'data/base/1/1'), Buffer.alloc(1_000_000));
    await writeFile(join(dir, 'wal/1'), Buffer.alloc(2_000_000));
    await writeFile(join(dir, 'fast/1'), Buffer.alloc(4_000_000));
    const measure = () => play.run('postgres.size', { pgdata: join(dir, 'data'), user: ordinaryUser });
    const size = (await measure()).result;
    // With what the directories themselves take.
    const near = (bytes: number) => expect.toSatisfy((n: number) => n >= bytes && n < bytes + 200_000);
    expect(size).toEqual({
      bytes: near(3_000_000),
      data_bytes: near(1_000_000),
      wal_bytes: near(2_000_000),
      tablespaces: [{ place: join(dir, 'fast'), bytes: near(4_000_000) }],
    });
    for (const part of ['data/base/1', 'wal/archive_status', 'fast']) {
      await using _ = await closed(join(dir, part));
      expect(await errorOf(measure())).toMatchObject({ kind: 'refused', code: 'data-size-unknown' });
    }
  });
});
