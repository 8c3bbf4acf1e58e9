import { PitrError } from '../../base/errors/pitr-error.ts';
import { Unknown } from '../../base/values/unknown.ts';
import type { ReadHost, WriteHost } from '../../contract/host.ts';
import { known } from '../../contract/known.ts';
import type { Change, Foresight, Result, WorkContext } from '../../contract/module.ts';
import { probe } from '../../contract/probe.ts';
import { predicted } from '../../contract/resource.ts';
import { evidenceOf } from '../../transport/command-failed.ts';
import type { RunResult } from '../../transport/types.ts';
import {
  type Attributes,
  type AttributeWish,
  attributesOf,
  isOfChange,
  type Present,
  sameAttributes,
  wantedAttributes,
} from './attributes.ts';
import { chmodMode, formatMode } from './mode.ts';
import { type PathState, pathResource } from './path-resource.ts';
import { parentOf } from './paths.ts';
import { checkOwner, parseSurroundings, type Surroundings, surroundingsProbe } from './surroundings.ts';

/** Everything in a directory, itself first, with its attributes. */
export interface TreeState {
  readonly action: 'tree';
  readonly path: string;
  readonly root: PathState | Unknown;
  readonly entries: readonly TreeEntry[];
  readonly around: Surroundings;
}

type TreeEntry = Present & { readonly path: string };

export interface TreeChange extends Change {
  readonly action: 'tree';
  readonly path: string;
  /** Only those that differ. */
  readonly entries: readonly {
    readonly path: string;
    readonly before: Attributes;
    readonly after: Attributes;
  }[];
}

/** A little less than what a command's output may hold before its middle is dropped: some 150000 names. */
const LISTING_BYTES = 15 * 1024 * 1024;

function listing(path: string) {
  return probe(['find', '-P', path, '-printf', '%y %m %U %u %G %g %p\\0'], { timeoutMs: 10 * 60_000 });
}

/** Reads the attributes of a directory and all below, in one listing. */
export async function readTree(host: ReadHost, path: string, wish: AttributeWish): Promise<TreeState> {
  const root = await host.look(pathResource, path);
  const [list, around] = await host.queryAll([listing(path), surroundingsProbe(parentOf(path), wish)]);
  if (list === undefined || around === undefined) throw new Error('a batch of two gave fewer answers');
  const found = { action: 'tree' as const, path, around: parseSurroundings(around) };
  if (root instanceof Unknown || root.kind === 'absent') return { ...found, root, entries: [] };
  if (list.exitCode !== 0) {
    // Foreseen by an earlier task, not there yet: what will be in it only the run can tell.
    const real = await host.query(probe(['test', '-e', path]));
    if (real.exitCode !== 0) return { ...found, root: new Unknown(`what ${path} will hold`), entries: [] };
  }
  return { ...found, root, entries: parseListing(path, list) };
}

const KINDS: Readonly<Record<string, Present['kind']>> = { f: 'file', d: 'directory', l: 'symlink' };

/** Reads the listing above. Throws kind `failed` where it is not whole: the directory itself is always in it. */
function parseListing(path: string, answer: RunResult): readonly TreeEntry[] {
  const records = answer.stdout.split('\0');
  const whole =
    records.pop() === '' && records.length > 0 && Buffer.byteLength(answer.stdout) <= LISTING_BYTES;
  if (answer.exitCode !== 0 || !whole) {
    throw new PitrError({
      kind: 'failed',
      code: 'tree-unreadable',
      message: `cannot list all of ${path}`,
      evidence: evidenceOf({ ...answer, stdout: '' }),
    });
  }
  return records.map((record) => {
    const match = /^(\S) ([0-7]+) (\d+) (.+?) (\d+) (.+?) (\/.*)$/s.exec(record);
    if (match === null || record.includes('\uFFFD')) {
      throw new PitrError({
        kind: 'failed',
        code: 'tree-unreadable',
        message: `a name in ${path} cannot be handled: ${JSON.stringify(record.slice(-200))}`,
        details: ['Only names that are UTF-8 can be carried through the journal and back.'],
      });
    }
    const [, kind = '', mode = '', uid = '', owner = '', gid = '', group = '', entry = ''] = match;
    return {
      kind: KINDS[kind] ?? 'other',
      mode: Number.parseInt(mode, 8),
      uid: Number(uid),
      owner,
      gid: Number(gid),
      group,
      size: 0,
      mtime: 0,
      path: entry,
    };
  });
}

export function planTree(state: TreeState, wish: AttributeWish): TreeChange | undefined {
  known(state.root);
  const entries = state.entries
    .map((entry) => ({ path: entry.path, before: attributesOf(entry), after: wantedOf(entry, wish) }))
    .filter(({ before, after }) => !sameAttributes(before, after));
  const first = entries[0];
  if (first === undefined) return undefined;
  for (const { before, after } of entries) checkOwner(state.around, wish, before, after);
  const more = entries.length - 1;
  return {
    summary: `change ${first.path}${more === 0 ? '' : ` and ${more} more in ${state.path}`}: ${wishInWords(wish)}`,
    diff: [
      {
        subject: state.path,
        before: entries.map(({ path, before }) => line(path, before)).join(''),
        after: entries.map(({ path, after }) => line(path, after)).join(''),
      },
    ],
    action: 'tree',
    path: state.path,
    entries,
  };
}

/** Links have no mode of their own. */
function wantedOf(entry: TreeEntry, wish: AttributeWish): Attributes {
  return attributesOf(
    wantedAttributes(entry, entry.kind === 'symlink' ? { owner: wish.owner, group: wish.group } : wish),
  );
}

function wishInWords({ mode, owner, group }: AttributeWish): string {
  return [mode && `mode ${mode}`, owner && `owner ${owner}`, group && `group ${group}`]
    .filter(Boolean)
    .join(', ');
}

function line(path: string, { mode, owner, group }: Attributes): string {
  return `${formatMode(mode)} ${owner}:${group} ${path}\n`;
}

export function predictTree(change: TreeChange, state: TreeState): Foresight {
  const kinds = new Map(state.entries.map((entry) => [entry.path, entry]));
  return {
    resources: change.entries.flatMap(({ path, after }) => {
      const entry = kinds.get(path);
      // What is in a file is not looked at here, so a state with neither size nor hash would be a wrong one.
      return entry?.kind === 'directory'
        ? [predicted(pathResource, path, { kind: 'directory', ...after, size: 4096, mtime: 0 })]
        : [predicted(pathResource, path, new Unknown(`what the change of ${state.path} leaves at ${path}`))];
    }),
    result: { path: change.path, changed_paths: change.entries.length },
  };
}

export async function applyTree(host: WriteHost, change: TreeChange): Promise<Result> {
  await setAll(
    host,
    change.entries.map(({ path, before, after }) => ({ path, from: before, to: after })),
  );
  return { path: change.path, changed_paths: change.entries.length };
}

/** Puts back the attributes of all that is still there and has not been changed since; names what has been. */
export async function undoTree(
  host: WriteHost,
  change: TreeChange,
  { warn }: Pick<WorkContext, 'warn'>,
): Promise<void> {
  const now = await host.run(listing(change.path).argv, { ownChannel: true });
  const present = new Map(parseListing(change.path, now).map((entry) => [entry.path, entry]));
  const back: Setting[] = [];
  const others: string[] = [];
  for (const { path, before, after } of change.entries) {
    const entry = present.get(path);
    if (entry === undefined) continue;
    if (isOfChange(entry, before, after)) back.push({ path, from: entry, to: before });
    else others.push(path);
  }
  await setAll(host, back);
  const [first] = others;
  if (first !== undefined) {
    const more = others.length === 1 ? '' : `, and ${others.length - 1} more`;
    warn(`somebody has changed mode or owner since, and they are left as they are: ${first}${more}`);
  }
}

interface Setting {
  readonly path: string;
  readonly from: Attributes;
  readonly to: Attributes;
}

/** Owners first: chown takes set-id bits away. Names go by stdin, so their number does not matter. */
async function setAll(host: WriteHost, settings: readonly Setting[]): Promise<void> {
  const owners = new Map<string, string[]>();
  const modes = new Map<string, string[]>();
  for (const { path, from, to } of settings) {
    const chowned = from.owner !== to.owner || from.group !== to.group;
    if (chowned) gather(owners, `${to.owner}:${to.group}`, path);
    if (from.mode !== to.mode || (chowned && (to.mode & 0o6000) !== 0))
      gather(modes, chmodMode(to.mode), path);
  }
  for (const [owner, paths] of owners) await overAll(host, ['chown', '-h', '--', owner], paths);
  for (const [mode, paths] of modes) await overAll(host, ['chmod', '--', mode], paths);
}

function gather(groups: Map<string, string[]>, key: string, path: string): void {
  const group = groups.get(key);
  if (group === undefined) groups.set(key, [path]);
  else group.push(path);
}

async function overAll(host: WriteHost, command: readonly string[], paths: readonly string[]): Promise<void> {
  await host.must(['xargs', '-0', ...command], { stdin: `${paths.join('\0')}\0` });
}
