import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { asPitrError } from '../../lib/base/errors/pitr-error.ts';
import { letGo } from '../../lib/recovery/barman/keep.ts';
import { type LocalPlayground, localPlayground } from './playground.ts';

/** `barman.keep` by a shell of this machine, with a Barman that keeps backups and knows nothing else. */

const ID = '20261122T155813';
const CHILD = '20261122T180000';
const user = userInfo().username;

// What is kept lies beside the backups: a backup that is gone has taken its notes with it.
const BARMAN = `#!/bin/sh
case "$*" in *list-server*) echo '{"db1": {"description": "one"}}'; exit ;; esac
for id; do :; done
[ -f "DIR/db1/base/$id/backup.info" ] || { echo "ERROR: Unknown backup '$id' for server 'db1'" >&2; exit 1; }
kept=DIR/kept.$id
case $2 in
  --status) echo "Keep: $(cat "$kept" 2>/dev/null || echo nokeep)" ;;
  --target) echo "$3" >"$kept" ;;
  --release) rm -f "$kept" ;;
esac
`;

let ground: LocalPlayground;
const before = { PATH: process.env.PATH, HOME: process.env.HOME };

beforeEach(async () => {
  ground = await localPlayground();
  const { dir } = ground;
  await mkdir(join(dir, 'bin'));
  await program('barman', BARMAN.replaceAll('DIR', dir));
  await writeFile(join(dir, '.barman.conf'), `[barman]\nbarman_home = ${dir}\n[db1]\n`);
  await backup(ID);
  Object.assign(process.env, { PATH: `${dir}/bin:${before.PATH}`, HOME: dir });
});
afterEach(async () => {
  Object.assign(process.env, before);
  await ground[Symbol.asyncDispose]();
});

function program(name: string, text: string): Promise<void> {
  return writeFile(join(ground.dir, 'bin', name), text, { mode: 0o755 });
}

async function backup(id: string, change: (info: string) => string = (info) => info): Promise<void> {
  const info = await readFile(new URL('../fixtures/barman/backup.info', import.meta.url), 'utf8');
  await mkdir(join(ground.dir, 'db1/base', id), { recursive: true });
  await writeFile(join(ground.dir, 'db1/base', id, 'backup.info'), change(info));
}

const annotations = (id = ID) => join(ground.dir, 'db1/base', id, 'annotations');

function marks(id = ID): Promise<readonly string[]> {
  return readdir(annotations(id)).catch(() => []);
}

function status(id = ID): Promise<string> {
  return readFile(join(ground.dir, `kept.${id}`), 'utf8').then(
    (text) => text.trim(),
    () => 'nokeep',
  );
}

/** Gives what the task says, or the code of what it fails with. */
async function step(run: string, state: 'present' | 'absent', more: object = {}): Promise<unknown> {
  const params = { server: 'db1', backup: ID, state, run, user, ...more };
  return ground.play.run('barman.keep', params).then(
    ({ result }) => result,
    (thrown: unknown) => asPitrError(thrown).code,
  );
}

/** What an undo, and a commit, takes back: from the change alone. */
const takeBack = async (): Promise<string | undefined> =>
  ground.play.undo().then(
    () => undefined,
    (thrown: unknown) => asPitrError(thrown).code,
  );

describe('a hold that was cut off while it was written', () => {
  it.each([
    ['by a full disk', 'exit 1', 'backup-not-held'],
    ['by a kill', 'kill -9 $PPID', 'backup-not-held'],
  ])('is no hold of anybody, %s', async (_, ends, code) => {
    await program('mv', `#!/bin/sh\n${ends}\n`);
    expect(await step('R1', 'present')).toBe(code);
    await rm(join(ground.dir, 'bin/mv'));
    const [lost] = ground.play.journal.splice(0);
    await step('R2', 'present');
    expect(await status()).toBe('full');
    expect(await takeBack()).toBeUndefined();
    expect(await status()).toBe('nokeep');
    if (lost === undefined) throw new Error('it was in the journal before it was cut off');
    await ground.play.undoEntry(lost);
    expect(await marks()).toEqual([]);
  });

  it('leaves nothing beside the marks where the disk is full', async () => {
    await program('mv', '#!/bin/sh\nexit 1\n');
    await step('R1', 'present');
    expect(await marks()).toEqual([]);
  });

  it('is passed over where an older version has left it, and goes with its own run', async () => {
    await mkdir(annotations(), { recursive: true });
    await writeFile(join(annotations(), 'pitr.R1.new'), 'standalone');
    await step('R2', 'present');
    expect(await readFile(join(annotations(), 'pitr.R2'), 'utf8')).toBe('nokeep');
    expect(await step('R2', 'absent')).toMatchObject({ held: false, before: 'nokeep' });
    expect([await status(), await marks()]).toEqual(['nokeep', ['pitr.R1.new']]);
    const place = { server: 'db1', backup: ID, directory: annotations(), run: 'R1' };
    await letGo(ground.play.host(), place, user);
    expect(await marks()).toEqual([]);
  });
});

describe('a hold of a backup that an operator keeps in another way meanwhile', () => {
  const keptBy = (word: string) => writeFile(join(ground.dir, `kept.${ID}`), `${word}\n`);

  it.each(['standalone', 'nokeep'])('leaves that as it is when it is let go of: %s', async (word) => {
    await step('R1', 'present');
    await keptBy(word);
    expect(await step('R1', 'absent')).toMatchObject({ held: false });
    expect([await status(), await marks()]).toEqual([word, []]);
  });

  it('puts that back, and not what was there before the first of several holds', async () => {
    await step('R1', 'present');
    await keptBy('standalone');
    await step('R2', 'present');
    expect(await status()).toBe('full');
    await step('R2', 'absent');
    await step('R1', 'absent');
    expect([await status(), await marks()]).toEqual(['standalone', []]);
  });

  it('puts that back where the first hold was of a backup that was kept already', async () => {
    await keptBy('standalone');
    await step('R1', 'present');
    await keptBy('nokeep');
    expect(await takeBack()).toBeUndefined();
    expect([await status(), await marks()]).toEqual(['nokeep', []]);
  });
});

describe('a hold of what Barman has no more', () => {
  const gone = (id = ID) => rm(join(ground.dir, 'db1/base', id), { recursive: true });

  it('is let go of without a word of failure, and the warning names it', async () => {
    await step('R1', 'present');
    await gone();
    expect(await step('R1', 'absent')).toMatchObject({ held: false });
    expect(ground.play.warnings).toEqual([
      `Barman has no backup ${ID} of db1 any more: there is nothing to let go of for run R1 (backup ${ID}).`,
    ]);
    expect(await takeBack()).toBeUndefined();
  });

  it('is let go of where the whole server is gone from the configuration', async () => {
    expect(await step('R1', 'absent', { server: 'old' })).toMatchObject({ held: false });
    expect(ground.play.warnings[0]).toContain('Barman has no server old any more');
  });

  it('is no hindrance to an undo or a commit where its notes have outlived it', async () => {
    await step('R1', 'present');
    await rm(join(ground.dir, 'db1/base', ID, 'backup.info'));
    expect(await takeBack()).toBeUndefined();
    expect(ground.play.warnings[0]).toContain(annotations());
  });

  it('is not taken for gone where Barman has it and fails', async () => {
    await step('R1', 'present');
    await program(
      'barman',
      BARMAN.replaceAll('DIR', ground.dir).replace('--release) rm', '--release) exit 1; rm'),
    );
    expect(await takeBack()).toBe('backup-not-held');
    expect(await marks()).toEqual(['pitr.R1']);
  });

  it('is refused to be held, as before', async () => {
    expect(await step('R1', 'present', { server: 'old' })).toBe('barman-server-unknown');
    expect(await step('R1', 'present', { backup: CHILD })).toBe('backup-unknown');
  });
});

describe('a hold of a backup that is not as it was', () => {
  it.each(['FAILED', 'WAITING_FOR_WALS'])('is let go of where it is %s, and cannot be held', async (word) => {
    await step('R1', 'present');
    await backup(ID, (info) => info.replace('status=DONE', `status=${word}`));
    expect(await step('R2', 'present')).toBe('backup-not-done');
    expect(await step('R1', 'absent')).toMatchObject({ held: false, before: 'nokeep' });
    expect([await status(), await marks()]).toEqual(['nokeep', []]);
  });

  it('is let go of where Barman has begun to delete it', async () => {
    await step('R1', 'present');
    await writeFile(join(annotations(), 'delete_this'), '');
    expect(await step('R1', 'absent')).toMatchObject({ held: false, before: 'nokeep' });
    expect(await marks()).toEqual(['delete_this']);
  });

  it('is let go of on the whole backup where the difference that was recovered is gone', async () => {
    await backup(CHILD, (info) => `${info}\nparent_backup_id=${ID}\n`);
    await step('R1', 'present', { backup: CHILD });
    expect([await status(), await marks()]).toEqual(['full', ['pitr.R1']]);
    await rm(join(ground.dir, 'db1/base', CHILD), { recursive: true });
    expect(await step('R1', 'absent', { backup: CHILD })).toMatchObject({ held: false });
    expect([await status(), await marks()]).toEqual(['nokeep', []]);
  });
});
