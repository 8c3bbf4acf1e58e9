import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { filledArchiveCommand, whyNoArchive } from '../../../../lib/recovery/postgres/archive-command.ts';

it.each([
  ['cp %p /archive/%f', 'cp pg_wal/X /archive/X'],
  ['test 100%% = %d && cp "%p" %f%%f', 'test 100% = %d && cp "pg_wal/X" X%f'],
  ['%', '%'],
  ['%%p', '%p'],
])('fills the places of an archive_command as PostgreSQL does: %s', (command, expected) => {
  expect(filledArchiveCommand(command, 'pg_wal/X', 'X')).toBe(expected);
});

it('takes a path for what it is, also where it looks like a pattern of a replacement', () => {
  const hostile = "/tmp/$& $1 $' $$ it's %f";
  expect(filledArchiveCommand('cp %p %f', hostile, 'X')).toBe(`cp ${hostile} X`);
});

it('archives a file from a directory with any name, where the command quotes its places', () => {
  const place = mkdtempSync(join(tmpdir(), 'pitr-archive-'));
  try {
    const directory = join(place, '$(touch x) & %f ; "');
    mkdirSync(directory);
    writeFileSync(join(directory, 'X'), 'wal');
    const command = filledArchiveCommand("cp '%p' 'copy of %f'", join(directory, 'X'), 'X');
    const run = spawnSync('sh', ['-c', `${command} && ls`], { cwd: place, encoding: 'utf8' });
    expect(run.stdout.split('\n')).toContain('copy of X');
    expect(run.stdout.split('\n')).not.toContain('x');
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
});

const archives = { mode: 'on', library: '' };

it.each([
  [{ ...archives, command: 'barman-wal-archive -U barman barman db1 %p' }, undefined],
  [{ ...archives, command: 'true-archiver %p' }, undefined],
  [{ ...archives, mode: 'always', command: 'test ! -f /a/%f && cp %p /a/%f' }, undefined],
  [{ ...archives, mode: 'off', command: 'cp %p /a' }, 'archive_mode is off'],
  [{ ...archives, library: 'basic_archive', command: '' }, 'archive_library = basic_archive'],
  [{ ...archives, command: ' ' }, 'is empty'],
  [{ ...archives, command: '/bin/true' }, '"/bin/true"'],
  [{ ...archives, command: 'false' }, '"false"'],
  [{ ...archives, command: ':' }, '":"'],
  [{ ...archives, command: 'exit 0' }, '"exit 0"'],
])('knows a node that archives nothing: %o', (settings, why) => {
  const said = whyNoArchive(settings);
  if (why === undefined) expect(said).toBeUndefined();
  else expect(said).toContain(why);
});
