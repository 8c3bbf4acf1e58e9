import { describe, expect, it } from 'vitest';
import { Unknown, UnknownReached } from '../../../../lib/base/values/unknown.ts';
import { wantedOf } from '../../../../lib/system/fs/file-params.ts';
import { type FileWish, planFile } from '../../../../lib/system/fs/file-plan.ts';
import type { FileState } from '../../../../lib/system/fs/file-state.ts';
import type { PathState } from '../../../../lib/system/fs/path-resource.ts';
import type { Surroundings } from '../../../../lib/system/fs/surroundings.ts';

const around: Surroundings = {
  user: 'root',
  uid: 0,
  group: 'root',
  umask: 0o022,
  parentIsDirectory: true,
  knowsOwner: true,
  knowsGroup: true,
};
const directory: PathState = {
  kind: 'directory',
  mode: 0o755,
  owner: 'root',
  group: 'root',
  size: 4096,
  mtime: 0,
};
const old: PathState = {
  kind: 'file',
  mode: 0o600,
  owner: 'postgres',
  group: 'postgres',
  uid: 26,
  gid: 27,
  size: 3,
  mtime: 0,
  sha256: wantedOf('old').sha256,
};
const wish: FileWish = { dest: '/d/f', name: undefined, follow: false, force: true, backup: false };
const state = (dest: PathState | Unknown, more: Partial<FileState> = {}): FileState => ({
  path: '/d/f',
  dest,
  wanted: wantedOf('new'),
  beside: '/d/.f.pitr-r1',
  backup: '/d/f.r1~',
  parent: directory,
  around,
  ...more,
});

describe('the change of a file', () => {
  it.each([
    [
      'a new file gets the umask',
      state({ kind: 'absent' }),
      wish,
      { mode: 0o644, owner: 'root', group: 'root' },
    ],
    [
      'a new file gets what is wished',
      state({ kind: 'absent' }),
      { ...wish, mode: '0640', owner: 'postgres' },
      { mode: 0o640, owner: 'postgres', group: 'root' },
    ],
    [
      'in a set-gid directory a new file gets its group',
      state({ kind: 'absent' }, { around: { ...around, parentGroup: 'adm' } }),
      wish,
      { group: 'adm' },
    ],
    [
      'an old file keeps what is not wished',
      state(old, { old: 'b2xk' }),
      wish,
      { mode: 0o600, owner: 'postgres', group: 'postgres' },
    ],
    [
      'a symbolic mode goes by the old one',
      state(old, { old: 'b2xk' }),
      { ...wish, mode: 'g=r' },
      { mode: 0o640 },
    ],
  ])('%s', (_what, from, wanted, expected) => {
    expect(planFile(from, wanted)?.after).toMatchObject(expected);
  });

  it.each([
    ['same content', state(old, { wanted: wantedOf('old') }), wish],
    [
      'owner by number',
      state(old, { wanted: wantedOf('old') }),
      { ...wish, owner: '26', group: '27', mode: 'u=rw' },
    ],
    ['any content without force', state(old), { ...wish, force: false }],
  ])('is none with the %s', (_what, from, wanted) => {
    expect(planFile(from, wanted)).toBeUndefined();
  });

  it('keeps small old content in the journal, and the big old file beside', () => {
    expect(planFile(state(old, { old: 'b2xk' }), wish)?.before).toMatchObject({ content: 'b2xk' });
    expect(planFile(state(old), wish)?.before).toMatchObject({ keptAt: '/d/.f.pitr-r1' });
  });

  it('of the mode alone leaves the content out', () => {
    const change = planFile(state(old, { wanted: wantedOf('old') }), { ...wish, mode: '0644' });
    expect(change?.summary).toBe('change /d/f: mode 0600 to 0644');
    expect(change?.before).not.toHaveProperty('content');
    expect(change?.before).not.toHaveProperty('keptAt');
    expect(change?.after.sha256).toBe(wantedOf('old').sha256);
  });

  it.each<[string, FileState, FileWish, string]>([
    [
      'no directory for it',
      state({ kind: 'absent' }, { parent: { kind: 'absent' } }),
      wish,
      'parent-missing',
    ],
    [
      'a link that leads to no directory',
      state(
        { kind: 'absent' },
        { parent: { ...directory, kind: 'symlink' }, around: { ...around, parentIsDirectory: false } },
      ),
      wish,
      'parent-missing',
    ],
    ['a directory in its place', state(directory), wish, 'not-a-file'],
    [
      'an owner that nobody is',
      state({ kind: 'absent' }, { around: { ...around, knowsOwner: false } }),
      { ...wish, owner: 'x' },
      'user-unknown',
    ],
    [
      'an owner that only root can set',
      state(old, { around: { ...around, uid: 26, user: 'postgres' } }),
      { ...wish, owner: 'barman' },
      'owner-not-permitted',
    ],
  ])('stops before %s', (_what, from, wanted, code) => {
    expect(() => planFile(from, wanted)).toThrow(expect.objectContaining({ code }));
  });

  it.each<[PathState, string]>([
    [{ kind: 'absent' }, 'Make it first: "fs.directory: { path: /d }".'],
    [old, 'See what is there, and move it away or give another path: ls -ld /d'],
  ])('says what leads on where the directory is $kind', (parent, next) => {
    expect(() => planFile(state({ kind: 'absent' }, { parent }), wish)).toThrow(
      expect.objectContaining({ code: 'parent-missing', next: [next] }),
    );
  });

  it('is not guessed where check mode cannot know', () => {
    expect(() => planFile(state(new Unknown('later')), wish)).toThrow(UnknownReached);
  });

  it('survives the journal: it is the same after JSON', () => {
    const change = planFile(state(old, { old: 'b2xk' }), { ...wish, mode: '0640', backup: true });
    expect(JSON.parse(JSON.stringify(change))).toEqual(change);
  });
});
