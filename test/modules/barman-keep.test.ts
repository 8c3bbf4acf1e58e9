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
