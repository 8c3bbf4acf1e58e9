import { z } from 'zod';
import { Unknown } from '../../base/values/unknown.ts';
import { defineLook, type Result } from '../../contract/module.ts';
import { formatMode } from '../../system/fs/mode.ts';
import { type PathState, pathResource } from '../../system/fs/path-resource.ts';
import { absolutePath } from '../../system/fs/paths.ts';

const params = z.strictObject({
  path: absolutePath.describe('what to look at; symbolic links are not followed'),
});

const RETURNS = {
  exists: 'whether there is anything',
  kind: 'absent, file, directory, symlink or other',
  is_file: 'whether it is a regular file',
  is_directory: 'whether it is a directory',
  is_link: 'whether it is a symbolic link',
  mode: 'permission bits, "0640"',
  owner: 'user name',
  group: 'group name',
  size: 'in bytes',
  mtime: 'time of the last change, epoch seconds',
  sha256: 'of regular files up to 64 MiB',
  target: 'what a symbolic link points to',
} as const;

export const module = defineLook({
  summary: 'Tells what is at a path: its kind, mode, owner, size, hash.',
  examples: `- fs.stat: /etc/patroni/patroni.yml
  register: config
- core.fail: there is no Patroni here
  when: "!config.exists"`,
  params,
  freeForm: 'path',
  returns: RETURNS,
  read: async (host, { path }) => describe(path, await host.look(pathResource, path)),
});

function describe(path: string, state: PathState | Unknown): Result {
  // In check mode a state may be one that only the run can tell: then so is every part of it.
  if (state instanceof Unknown) {
    return { path, ...Object.fromEntries(Object.keys(RETURNS).map((name) => [name, state])) };
  }
  const facts = {
    path,
    exists: state.kind !== 'absent',
    kind: state.kind,
    is_file: state.kind === 'file',
    is_directory: state.kind === 'directory',
    is_link: state.kind === 'symlink',
  };
  if (state.kind === 'absent') return facts;
  const { mode, owner, group, size, mtime, sha256, target } = state;
  return {
    ...facts,
    mode: formatMode(mode),
    owner,
    group,
    size,
    mtime,
    ...(sha256 === undefined ? {} : { sha256 }),
    ...(target === undefined ? {} : { target }),
  };
}
