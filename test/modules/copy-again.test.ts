import { access, chmod, cp, mkdir, readdir, readFile, rm, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { asPitrError } from '../../lib/base/errors/pitr-error.ts';
import { markerBeside, markerInside, parseMarker, renderMarker } from '../../lib/recovery/barman/marker.ts';
import { beside, ID, OWN } from './barman-here.ts';
import { type LocalPlayground, localPlayground } from './playground.ts';
import { user } from './wal-here.ts';

/**
 * What a copy that broke off, or whose removal did, comes to when it is gone on with, by a Barman of this machine that refuses the place
 * of a tablespace that is there.
 */

const MARKER = { state: 'copying', server: 'db1', backup: ID, run: 'r', emptyBefore: false } as const;

/** The backup as Barman copies it, whole. */
async function layWhole({ dir }: LocalPlayground): Promise<string> {
  const whole = join(dir, 'whole');
  const control = Buffer.alloc(16);
  control.writeBigUInt64LE(BigInt(OWN), 0);
  await mkdir(join(whole, 'global'), { recursive: true });
  const label = 'START WAL LOCATION: 0/8000028 (file 000000010000000000000008)\n';
  const files = { PG_VERSION: '15\n', 'global/pg_control': control, backup_label: label };
  for (const [name, bytes] of Object.entries(files)) await writeFile(join(whole, name), bytes);
  await writeFile(join(whole, '.barman-recover.info'), 'server_name=db1\n');
  await chmod(whole, 0o700);
  return whole;
}

interface Copying {
  readonly destination: string;
  readonly copy: (more?: object) => Promise<Readonly<Record<string, unknown>>>;
  /** How often Barman was told to copy. */
  readonly copies: () => Promise<number>;
}

/** Works where Barman is of that version, and a copy has begun as `begun` says. */
async function withCopy(
  version: string,
  begun: { readonly marker?: object; readonly without?: string; readonly fails?: string },
  work: (copying: Copying, ground: LocalPlayground) => Promise<void>,
): Promise<void> {
  await using ground = await localPlayground();
  await beside(ground, { systemId: OWN }, async () => {
    const { dir, play } = ground;
    const [whole, destination, log] = [await layWhole(ground), join(dir, 'pg/data'), join(dir, 'copies')];
    await writeFile(
      join(dir, 'bin/barman'),
      `#!/bin/sh
case $* in
  --version) echo '${version} Barman by EnterpriseDB' ;;
  recover*)
    for d do :; done; echo x >>${log}; ${begun.fails ?? ':'}
    case $* in *"fast:"*) mkdir ${dir}/fast && echo x >${dir}/fast/1 || exit ;; esac
    mkdir -p "$d"; cp -a ${whole}/. "$d" ;;
  *keep*) echo 'Keep: nokeep' ;;
  *) cat ${dir}/list-server.json ;;
esac
`,
      { mode: 0o755 },
    );
    await mkdir(join(dir, 'pg'));
    await writeFile(log, '');
    if (begun.marker !== undefined) {
      await cp(whole, destination, { recursive: true });
      await chmod(destination, 0o700);
      await writeFile(markerBeside(destination), renderMarker({ ...MARKER, ...begun.marker }));
    }
    if (begun.without !== undefined) await rm(join(destination, begun.without));
    const params = { backup: ID, server: 'db1', node: 'here', destination, owner: user, user };
    const copying: Copying = {
      destination,
      copy: async (more) => ({ ...(await play.run('barman.recover', { ...params, ...more })).result }),
      copies: async () => (await readFile(log, 'utf8')).length / 2,
    };
    await work(copying, ground);
  });
}

const ANEW = 'anew from its beginning';

it.each<readonly [string, Parameters<typeof withCopy>[1], number, string]>([
  ['3.14.1', { marker: { copied: true } }, 0, 'prove the copy'],
  ['3.16.2', { marker: { copied: true } }, 0, 'prove the copy'],
  // It goes only once it is proved not to be whole.
  ['3.16.2', { marker: { copied: true }, without: 'backup_label' }, 1, 'prove the copy'],
  ['3.16.2', { marker: { copied: true }, without: '.barman-recover.info' }, 1, 'prove the copy'],
  // Barman writes .barman-recover.info before it has rewritten the configuration: that alone proves nothing.
  ['3.16.2', { marker: {} }, 1, ANEW],
  ['3.14.1', { marker: {} }, 1, 'go on copying'],
  ['3.16.2', {}, 1, 'copy backup'],
])('of Barman %s, begun as %j, is copied %i times: %s', async (version, begun, times, summary) => {
  await withCopy(version, begun, async ({ destination, copy, copies }, { play }) => {
    expect(await copy()).toMatchObject({ backup: ID, system_id: OWN, files: 4 });
    expect(await copies()).toBe(times);
    expect(JSON.parse(play.journal[0]?.change ?? '').summary).toContain(summary);
    expect(parseMarker(await readFile(markerInside(destination), 'utf8'))?.state).toBe('complete');
    await expect(access(markerBeside(destination))).rejects.toThrow('ENOENT');
  });
});

it('a copy that Barman has ended well is noted as such until it is proved', async () => {
  await withCopy('3.16.2', {}, async ({ destination, copy }, { dir }) => {
    await rm(join(dir, 'whole/backup_label'));
    await expect(copy()).rejects.toMatchObject({ code: 'copy-not-whole' });
    expect(parseMarker(await readFile(markerBeside(destination), 'utf8'))).toMatchObject({
      state: 'copying',
      copied: true,
    });
  });
});

it.each([
  ['3.14.1', 'the copy goes on where it stopped'],
  ['3.16.2', `copies it ${ANEW}`],
])('where the copy of Barman %s fails, the way on says truly: %s', async (version, words) => {
  const fails = `echo 'rsync: No space left on device (28)' >&2; exit 1`;
  await withCopy(version, { fails }, async ({ copy }) => {
    const error = asPitrError(await copy().catch((thrown: unknown) => thrown));
    expect(error.code).toBe('recovery-disk-full');
    expect(error.next?.join('\n')).toContain(words);
  });
});

/** The removal of that place breaks off at its first file, `first`; what is asked for later is removed. */
async function cutRemoval({ play, dir }: LocalPlayground, place: string, first: string): Promise<void> {
  const rm = join(dir, 'bin/rm');
  const [entry] = play.journal;
  if (entry === undefined) throw new Error('nothing was copied');
  await writeFile(
    rm,
    `#!/bin/sh
for last do :; done
case $1:$last in -rf:${place}) PATH=\${PATH#*:} rm -f -- ${place}/${first}; exit 1 ;; esac
PATH=\${PATH#*:} exec rm "$@"
`,
    { mode: 0o755 },
  );
  await expect(play.undoEntry(entry)).rejects.toMatchObject({ code: 'command-failed' });
  await unlink(rm);
}

describe('a copy whose removal broke off', () => {
  it.each([
    ['3.14.1', 'PG_VERSION', 'go on copying'],
    ['3.16.2', 'PG_VERSION', ANEW],
    ['3.14.1', '.pitr-restore.json', 'go on copying'],
  ])('is not taken for the whole of it: Barman %s, without %s', async (version, first, summary) => {
    await withCopy(version, {}, async ({ destination, copy, copies }, ground) => {
      await copy();
      await cutRemoval(ground, destination, first);
      expect(await copy()).toMatchObject({ backup: ID, files: 4 });
      expect(await copies()).toBe(2);
      expect(JSON.parse(ground.play.journal[1]?.change ?? '').summary).toContain(summary);
      await expect(access(markerBeside(destination))).rejects.toThrow('ENOENT');
    });
  });

  it.each([
    ['pg/data', 'PG_VERSION'],
    ['pg/data', '.pitr-restore.json'],
    ['fast', '1'],
  ])('is removed by the next undo: in %s, without %s', async (place, first) => {
    await withCopy('3.14.1', {}, async ({ copy }, ground) => {
      const { dir, play } = ground;
      await copy({ tablespaces: { fast: join(dir, 'fast') } });
      await cutRemoval(ground, join(dir, place), first);
      await play.undo();
      expect(await readdir(join(dir, 'pg'))).toEqual([]);
      await expect(access(join(dir, 'fast'))).rejects.toThrow('ENOENT');
    });
  });

  it.each(['3.14.1', '3.16.2', '3.17.0'])(
    'leaves nothing in the way of the next one where a tablespace is still there: Barman %s',
    async (version) => {
      await withCopy(version, {}, async ({ copy, copies }, ground) => {
        const tablespaces = { fast: join(ground.dir, 'fast') };
        await copy({ tablespaces });
        await writeFile(join(tablespaces.fast, '2'), 'x');
        await cutRemoval(ground, tablespaces.fast, '1');
        expect(await copy({ tablespaces })).toMatchObject({ backup: ID });
        expect([await copies(), await readdir(tablespaces.fast)]).toEqual([2, ['1']]);
      });
    },
  );

  it.each([
    ['the data is gone', 'fast', '1'],
    ['data is left', 'pg/data', 'PG_VERSION'],
  ])('makes no other place its own where %s', async (_, place, first) => {
    await withCopy('3.16.2', {}, async ({ copy }, ground) => {
      const { dir } = ground;
      await copy({ tablespaces: { fast: join(dir, 'fast') } });
      await cutRemoval(ground, join(dir, place), first);
      await mkdir(join(dir, 'live'));
      await writeFile(join(dir, 'live/1'), 'x');
      await expect(copy({ tablespaces: { fast: join(dir, 'live') } })).rejects.toMatchObject({
        code: 'tablespace-place-in-use',
      });
      expect(await readdir(join(dir, 'live'))).toEqual(['1']);
    });
  });
});
