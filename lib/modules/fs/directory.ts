import { z } from 'zod';
import { PitrError } from '../../base/errors/pitr-error.ts';
import { Unknown } from '../../base/values/unknown.ts';
import type { ReadHost, WriteHost } from '../../contract/host.ts';
import { known } from '../../contract/known.ts';
import { type Change, defineModule, type NewerChange, type WorkContext } from '../../contract/module.ts';
import { mayTouch } from '../../contract/newer-changes.ts';
import { probe } from '../../contract/probe.ts';
import { predicted } from '../../contract/resource.ts';
import {
  type Attributes,
  attributeChanges,
  attributeParams,
  attributesOf,
  describeAttributes,
  isOfChange,
  type Present,
  sameAttributes,
  setAttributes,
  wantedAttributes,
} from '../../system/fs/attributes.ts';
import { changedSince } from '../../system/fs/file-apply.ts';
import { chmodMode, formatMode } from '../../system/fs/mode.ts';
import { type PathState, pathResource } from '../../system/fs/path-resource.ts';
import { absolutePath, parentOf } from '../../system/fs/paths.ts';
import {
  checkOwner,
  checkParent,
  newAttributes,
  parseSurroundings,
  type Surroundings,
  surroundingsProbe,
} from '../../system/fs/surroundings.ts';
import { commandFailed } from '../../transport/command-failed.ts';
import { quote } from '../../transport/quote.ts';

const params = z.strictObject({
  path: absolutePath.describe('the directory'),
  ...attributeParams,
  parents: z.boolean().default(true).describe('make missing parents too, with the same mode and owner'),
});

type Params = z.output<typeof params>;

interface State {
  /** The directory; where `path` is a symbolic link to one, what it points to. */
  readonly path: string;
  readonly now: PathState | Unknown;
  /** The missing ones, outermost first, `path` last. */
  readonly missing: readonly string[];
  /** What is there where the first missing one will be made. */
  readonly nearest?: PathState | Unknown;
  readonly around?: Surroundings;
}

interface DirectoryChange extends Change {
  readonly path: string;
  readonly created: readonly string[];
  readonly after: Attributes;
  readonly before?: Attributes;
  /** Owner and group are what its maker's new directories have: they need not be set. */
  readonly own?: true;
}

export const module = defineModule({
  summary: 'Makes sure that a directory is there, with the mode and owner given.',
  examples: `- fs.directory:
    path: /var/lib/postgresql/15/archive
    owner: postgres
    group: postgres
    mode: "0700"`,
  params,
  freeForm: 'path',
  returns: {
    path: 'the directory',
    mode: 'permission bits, "0750"',
    owner: 'user name',
    group: 'group name',
    created: 'the directories that were made, parents first',
  },
  read,
  plan,
  unchanged: (state, _p) => {
    const now = known(state.now);
    return now.kind === 'absent' ? {} : resultOf(state.path, now, []);
  },
  predict: (change) => {
    const directory: Present = { kind: 'directory', ...attributesOf(change.after), size: 4096, mtime: 0 };
    return {
      resources:
        change.created.length === 0
          ? [predicted(pathResource, change.path, directory)]
          : change.created.map((path) => predicted(pathResource, path, directory, 'absent')),
      result: resultOf(change.path, change.after, change.created),
    };
  },
  apply: async (host, change) => {
    const { created, before, after } = change;
    if (before === undefined) await make(host, change);
    else await setAttributes(host, change.path, before, after);
    return resultOf(change.path, after, created);
  },
  undo,
  mayUndo,
});

async function read(host: ReadHost, p: Params): Promise<State> {
  let path = p.path;
  let now = await host.look(pathResource, path);
  if (!(now instanceof Unknown) && now.kind === 'symlink') {
    path = (await host.query(probe(['readlink', '-f', '--', path]))).stdout.replace(/\n$/, '') || path;
    now = await host.look(pathResource, path);
  }
  const found = { path, now, missing: [] };
  if (now instanceof Unknown) return found;
  if (now.kind !== 'absent') {
    if (now.kind === 'directory' && sameAttributes(wantedAttributes(now, p), now)) return found;
    return { ...found, around: parseSurroundings(await host.query(surroundingsProbe(parentOf(path), p))) };
  }
  const missing = [path];
  let nearest: PathState | Unknown = now;
  let above = parentOf(path);
  for (; ; above = parentOf(above)) {
    nearest = await host.look(pathResource, above);
    if (nearest instanceof Unknown || nearest.kind !== 'absent' || above === '/') break;
    missing.unshift(above);
  }
  const around = parseSurroundings(await host.query(surroundingsProbe(above, p)));
  return { path, now, missing, nearest, around };
}

function plan(state: State, p: Params): DirectoryChange | undefined {
  const { path, missing, around } = state;
  const now = known(state.now);
  if (now.kind === 'absent') {
    if (around === undefined) throw new Error(`the surroundings of ${path} were not looked at`);
    const first = missing[0] ?? path;
    if (!p.parents && missing.length > 1) checkParent(path, parentOf(path), { kind: 'absent' }, around);
    checkParent(first, parentOf(first), known(state.nearest ?? now), around);
    const own = newAttributes(around, 0o777);
    const after = wantedAttributes({ ...own, kind: 'directory', size: 0, mtime: 0 }, p);
    checkOwner(around, p, own, after);
    return {
      summary: `create directory ${path}`,
      diff: missing.map((made) => ({
        subject: made,
        before: '',
        after: `directory, ${describeAttributes(after)}\n`,
      })),
      path,
      created: missing,
      after,
      ...(after.owner === own.owner && after.group === own.group ? { own: true } : {}),
    };
  }
  if (now.kind !== 'directory') {
    throw new PitrError({
      kind: 'refused',
      code: 'not-a-directory',
      message: `${path} is a ${now.kind}, and will not be replaced by a directory`,
      next: [`ls -ld ${quote(path)}`],
    });
  }
  const after = wantedAttributes(now, p);
  if (sameAttributes(after, now)) return undefined;
  if (around !== undefined) checkOwner(around, p, now, after);
  return {
    summary: `change ${path}: ${attributeChanges(now, after)}`,
    diff: [
      { subject: path, before: `${describeAttributes(now)}\n`, after: `${describeAttributes(after)}\n` },
    ],
    path,
    created: [],
    after,
    before: attributesOf(now),
  };
}

/** Nobody but the maker can look inside before the owner and mode are set. Without $1 it stays the maker's own. */
const MAKE = `umask 077
own=$1; mode=$2; shift 2
for d do mkdir -- "$d" && { [ -z "$own" ] || chown -- "$own" "$d"; } && chmod -- "$mode" "$d" || exit; done`;

async function make(host: WriteHost, { created, after, own }: DirectoryChange): Promise<void> {
  const owner = own === true ? '' : `${after.owner}:${after.group}`;
  await host.must(['sh', '-c', MAKE, 'sh', owner, chmodMode(after.mode), ...created], { inShell: true });
}

const HOLDS = 17;

/** The innermost comes first. All of them are looked at before one goes; what cannot be looked into, rmdir tells. */
const REMOVE = `
inner=
for d do
  for name in "$d"/* "$d"/.[!.]* "$d"/..?*; do
    [ -e "$name" ] || [ -L "$name" ] || continue
    [ "$name" = "$inner" ] || { printf %s "$d"; exit ${HOLDS}; }
  done
  inner=$d
done
for d do [ ! -e "$d" ] || rmdir -- "$d" || exit 16; done`;

async function undo(host: WriteHost, change: DirectoryChange): Promise<void> {
  const { path, created, before } = change;
  if (before !== undefined) {
    await setAttributes(host, path, await attributesNow(host, { ...change, before }), before);
    return;
  }
  const result = await host.run(['sh', '-c', REMOVE, 'sh', ...[...created].reverse()]);
  if (result.exitCode === HOLDS)
    throw changedSince(result.stdout, 'it cannot be removed because it holds something');
  if (result.exitCode !== 0)
    throw commandFailed({ ...result, argv: ['rmdir', '--', ...[...created].reverse()] }, host.name);
}

/** Whether a new directory is empty is for `undo` to see: what newer changes have put there goes before. */
async function mayUndo(
  host: ReadHost,
  change: DirectoryChange,
  _context: WorkContext,
  newer: readonly NewerChange[],
): Promise<void> {
  const { path, before } = change;
  if (before !== undefined && !mayTouch(newer, host.name, path))
    await attributesNow(host, { ...change, before });
}

/** Refuses where somebody has changed them since. */
async function attributesNow(
  host: ReadHost,
  { path, before, after }: Pick<DirectoryChange, 'path' | 'after'> & { readonly before: Attributes },
): Promise<Attributes> {
  const now = known(await host.look(pathResource, path));
  if (now.kind !== 'directory') throw changedSince(path, `it is ${now.kind} now`);
  if (!isOfChange(now, before, after)) throw changedSince(path, 'its mode or owner is another');
  return now;
}

function resultOf(path: string, { mode, owner, group }: Attributes, created: readonly string[]) {
  return { path, mode: formatMode(mode), owner, group, created };
}
