import { PitrError } from '../../base/errors/pitr-error.ts';
import { probeScript } from '../../contract/probe.ts';
import { commandLine } from '../../transport/quote.ts';
import type { RunResult } from '../../transport/types.ts';
import type { Attributes, AttributeWish } from './attributes.ts';

/** What decides how a new path comes out, and whether a wish for an owner can be granted. */
export interface Surroundings {
  /** The OS user that works on the host. */
  readonly user: string;
  readonly uid: number;
  readonly group: string;
  readonly umask: number;
  /** Whether the parent is a directory, symbolic links followed. */
  readonly parentIsDirectory: boolean;
  /** The group that new files get from a set-gid parent; absent where it is none. */
  readonly parentGroup?: string | undefined;
  readonly knowsOwner: boolean;
  readonly knowsGroup: boolean;
}

// `id` alone prints all of it, names in brackets: one program instead of three.
const LOOK = probeScript(
  `
id; umask
if [ -d "$1" ]; then echo yes; else echo no; fi
if [ -g "$1" ]; then stat -L -c %G -- "$1"; else echo -; fi
if [ -z "$2" ] || id -u -- "$2" >/dev/null 2>&1; then echo yes; else echo no; fi
if [ -z "$3" ]; then echo yes
elif command -v getent >/dev/null 2>&1; then if getent group -- "$3" >/dev/null; then echo yes; else echo no; fi
elif grep -q -e "^$3:" -e "^[^:]*:[^:]*:$3:" /etc/group; then echo yes; else echo no; fi
exit 0`,
  { inShell: true },
);

/** Asks for the surroundings of a path to be made or changed: the parent directory, and the wish for its owner. */
export function surroundingsProbe(parent: string, wish: AttributeWish) {
  return LOOK([parent, nameOnly(wish.owner), nameOnly(wish.group)]);
}

/** chown takes any number, also one that nobody has. */
function nameOnly(name: string | undefined): string {
  return name === undefined || /^\d+$/.test(name) ? '' : name;
}

/** Reads the answer of `surroundingsProbe`. Throws kind `failed` where there is none. */
export function parseSurroundings(answer: RunResult): Surroundings {
  const [who = '', umask, parentIsDirectory, parentGroup, knowsOwner, knowsGroup] = answer.stdout.split('\n');
  const [, uid, user, gid, group] = /^uid=(\d+)(?:\(([^)]*)\))? gid=(\d+)(?:\(([^)]*)\))?/.exec(who) ?? [];
  if (uid === undefined || gid === undefined || umask === undefined || knowsGroup === undefined) {
    throw new PitrError({
      kind: 'failed',
      code: 'host-unreadable',
      message: 'cannot tell who works on the host',
      evidence: { command: 'id', stderr: answer.stderr.trim() },
    });
  }
  return {
    // Ids without a name print as the bare number, as chown takes them.
    user: user ?? uid,
    uid: Number(uid),
    group: group ?? gid,
    umask: Number.parseInt(umask, 8),
    parentIsDirectory: parentIsDirectory === 'yes',
    ...(parentGroup === '-' ? {} : { parentGroup }),
    knowsOwner: knowsOwner === 'yes',
    knowsGroup: knowsGroup === 'yes',
  };
}

/** What a new path would be like: the creator's own, less the umask; in a set-gid directory with its group. */
export function newAttributes(around: Surroundings, base: 0o666 | 0o777): Attributes {
  const inherited = around.parentGroup === undefined || base === 0o666 ? 0 : 0o2000;
  return {
    mode: (base & ~around.umask) | inherited,
    owner: around.user,
    group: around.parentGroup ?? around.group,
  };
}

/** Throws kind `failed` when the wish for an owner or group cannot be granted, with the reason. */
export function checkOwner(
  around: Surroundings,
  wish: AttributeWish,
  before: Attributes,
  after: Attributes,
): void {
  if (!around.knowsOwner) throw unknownName('user-unknown', 'user', wish.owner);
  if (!around.knowsGroup) throw unknownName('group-unknown', 'group', wish.group);
  if (around.uid !== 0 && after.owner !== before.owner) {
    throw new PitrError({
      kind: 'failed',
      code: 'owner-not-permitted',
      message: `only root can give files to ${after.owner}; the task works as ${around.user}`,
      next: ['Add "become: true" to the task.'],
    });
  }
}

function unknownName(code: string, what: 'user' | 'group', name: string | undefined): PitrError {
  return new PitrError({
    kind: 'failed',
    code,
    message: `there is no ${what} "${name ?? ''}" on the host`,
    next: [`getent ${what === 'user' ? 'passwd' : 'group'} ${name ?? ''}`],
  });
}

/** Throws kind `failed` unless the parent is there and a directory. Said in check mode too. */
export function checkParent(
  path: string,
  parent: string,
  state: { readonly kind: string },
  around: Pick<Surroundings, 'parentIsDirectory'>,
): void {
  if (state.kind === 'directory' || (state.kind === 'symlink' && around.parentIsDirectory)) return;
  throw new PitrError({
    kind: 'failed',
    code: 'parent-missing',
    message:
      state.kind === 'absent'
        ? `there is no directory ${parent} to hold ${path}`
        : `${parent} is not a directory, so it cannot hold ${path}`,
    next: [
      state.kind === 'absent'
        ? `Make it first: "fs.directory: { path: ${parent} }".`
        : `See what is there, and move it away or give another path: ${commandLine(['ls', '-ld', parent])}`,
    ],
  });
}
