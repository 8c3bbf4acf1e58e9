import { refusal } from '../../base/errors/refusal.ts';
import type { WriteHost } from '../../contract/host.ts';
import { commandFailed } from '../../transport/command-failed.ts';
import { quote } from '../../transport/quote.ts';
import { changedSince } from './file-apply.ts';

/** Where a copy of a directory comes together, and the file that says which directory there is the copy. */
export interface TreeStaging {
  readonly staging: string;
  /** Holds its inode, from its making until it has got its name. */
  readonly mark: string;
}

export function markOf(staging: string): string {
  return `${staging}.made`;
}

// An inode is the same under another name. An empty directory is what an abort leaves between its making and its mark.
const REMOVE = `
if [ -e "$1" ] || [ -L "$1" ]; then
  if ! rmdir -- "$1" 2>/dev/null; then
    [ -s "$2" ] && [ "$(stat -c %i -- "$1")" = "$(cat -- "$2")" ] || exit 17
    rm -rf -- "$1" || exit
  fi
fi
shift
rm -f -- "$@"`;

const INODE = 'stat -c %i -- "$1"';

/** Makes the directory for a copy, private, in the place of one that an attempt before has left. Throws kind `refused` where something else lies there. */
export async function makeStaging(host: WriteHost, { staging, mark }: TreeStaging): Promise<void> {
  if (!(await removed(host, { staging, mark }))) {
    throw refusal('staging-foreign', `${staging} is there and is no copy that this run has begun`, [
      `Look at it (ls -la ${quote(staging)}), and rename it if it is to be kept. Then run again.`,
    ]);
  }
  const made = await host.must(['sh', '-c', `mkdir -m 0700 -- "$1" && ${INODE}`, 'sh', staging]);
  await host.writeFile(mark, made.stdout, { mode: 0o600 });
}

/** Gives the copy its name, which must be free. */
export async function nameStaging(
  host: WriteHost,
  { staging, mark }: TreeStaging,
  dest: string,
): Promise<void> {
  const script = 'mv -T -n -- "$1" "$2" && [ ! -e "$1" ] && rm -f -- "$3"';
  await host.must(['sh', '-c', script, 'sh', staging, dest, mark]);
}

/** The way back: the name is free at once, and what takes long is done under the other one. */
export async function unnameStaging(host: WriteHost, tree: TreeStaging, dest: string): Promise<void> {
  await removeStaging(host, tree);
  const { stdout } = await host.must(['sh', '-c', INODE, 'sh', dest]);
  await host.writeFile(tree.mark, stdout, { mode: 0o600 });
  await host.must(['mv', '-T', '-n', '--', dest, tree.staging]);
}

/** Removes the copy under its first name, its mark, and the file that tells its digest. Throws kind `refused` where something else lies there. */
export async function removeStaging(host: WriteHost, tree: TreeStaging, digestAt?: string): Promise<void> {
  if (!(await removed(host, tree, digestAt)))
    throw changedSince(tree.staging, 'it is not the copy that was begun there');
}

async function removed(host: WriteHost, { staging, mark }: TreeStaging, digestAt?: string): Promise<boolean> {
  const files = digestAt === undefined ? [mark] : [mark, digestAt];
  const result = await host.run(['sh', '-c', REMOVE, 'sh', staging, ...files], { ownChannel: true });
  if (result.exitCode === 17) return false;
  if (result.exitCode !== 0) throw commandFailed(result, host.name);
  return true;
}
