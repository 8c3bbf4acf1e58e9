import { PitrError } from '../../base/errors/pitr-error.ts';
import { formatBytes } from '../../base/values/bytes.ts';
import type { Effect } from '../../contract/effects.ts';
import { known } from '../../contract/known.ts';
import type { Change, Diff, Foresight, Result } from '../../contract/module.ts';
import { predicted } from '../../contract/resource.ts';
import { quote } from '../../transport/quote.ts';
import {
  type Attributes,
  attributeChanges,
  attributesOf,
  describeAttributes,
  type Present,
  sameAttributes,
  wantedAttributes,
} from './attributes.ts';
import { type FileRequest, type FileState, isAsWanted } from './file-state.ts';
import { formatMode } from './mode.ts';
import { leavesOldFile } from './old-file.ts';
import { HASHED_BYTES, pathResource } from './path-resource.ts';
import { parentOf } from './paths.ts';
import { checkOwner, checkParent, newAttributes, type Surroundings } from './surroundings.ts';
import { contentDiff } from './text.ts';

/** A file to be written, or to get other attributes; all that its undo needs. */
export interface FileChange extends Change {
  readonly path: string;
  /** What the file is afterwards. */
  readonly after: FileFacts;
  /** What it was; absent for a new file. */
  readonly before?: OldFile | undefined;
  /** Whether it gets another content. Older journals do not say it: there the hashes tell. */
  readonly rewrites?: boolean | undefined;
  /** A copy of the old file to be made for people, as `backup: true` asks. */
  readonly backup?: string | undefined;
  /** Its owner and group are what its writer's new files have: they need not be set. */
  readonly own?: true;
}

export interface FileFacts extends Attributes {
  /** Empty where nobody could read what the file keeps. */
  readonly sha256: string;
  readonly size: number;
}

export interface OldFile extends Attributes {
  readonly sha256?: string | undefined;
  readonly size: number;
  /** Base64, where it was small. */
  readonly content?: string | undefined;
  /** Where the old file itself is kept, where it was big or held a secret. */
  readonly keptAt?: string | undefined;
  /** Nothing lay there before, so that no older change of the run needs it. Older journals do not say it. */
  readonly keptByThis?: true | undefined;
}

/** Whether the file gets another content; the hashes alone cannot tell where the old one could not be read. */
export function rewritesContent({ rewrites, before, after }: FileChange): boolean {
  return rewrites ?? (before === undefined || before.sha256 !== after.sha256);
}

/** The old file that is kept beside the new one stays until `pitr commit`. */
export function effectsOfFile({ path, before }: FileChange): readonly Effect[] {
  return before?.keptAt === undefined ? [] : [leavesOldFile(path, 'another content', before.keptAt)];
}

export interface FileWish extends FileRequest {
  readonly backup: boolean;
}

/** The change that makes the file as wanted. Throws to say what stands in the way. */
export function planFile(state: FileState, wish: FileWish): FileChange | undefined {
  const dest = known(state.dest);
  if (dest.kind === 'absent') return planNew(state, wish);
  if (dest.kind !== 'file') throw inTheWay(state.path, dest);
  if (isAsWanted(dest, wish, state.wanted)) return undefined;
  const attributes = wantedAttributes(dest, wish);
  checkOwner(around(state), wish, dest, attributes);
  const rewrites = wish.force && dest.sha256 !== state.wanted.sha256;
  const after: FileFacts = rewrites
    ? { ...attributes, sha256: state.wanted.sha256, size: state.wanted.size }
    : { ...attributes, sha256: dest.sha256 ?? '', size: dest.size };
  const before: OldFile = {
    ...attributesOf(dest),
    sha256: dest.sha256,
    size: dest.size,
    ...(rewrites ? keepingOf(state) : {}),
  };
  const diff: Diff[] = rewrites ? [rewriteDiff(state, dest)] : [];
  if (!sameAttributes(dest, after)) {
    diff.push({
      subject: state.path,
      before: `${describeAttributes(dest)}\n`,
      after: `${describeAttributes(after)}\n`,
    });
  }
  return {
    summary: rewrites ? `rewrite ${state.path}` : `change ${state.path}: ${attributeChanges(dest, after)}`,
    diff,
    path: state.path,
    after,
    before,
    rewrites,
    ...ownOf(after, around(state)),
    ...(wish.backup && rewrites ? { backup: state.backup } : {}),
  };
}

function keepingOf({ old, beside, keptAlready }: FileState): Partial<OldFile> {
  if (old !== undefined) return { content: old };
  return { keptAt: beside, ...(keptAlready === true ? {} : { keptByThis: true }) };
}

function planNew(state: FileState, wish: FileWish): FileChange {
  const surroundings = around(state);
  const parent = known(state.parent ?? { kind: 'absent' });
  checkParent(state.path, parentOf(state.path), parent, surroundings);
  const created = newAttributes(surroundings, 0o666);
  const attributes = wantedAttributes({ ...created, kind: 'file', size: 0, mtime: 0 }, wish);
  checkOwner(surroundings, wish, created, attributes);
  return {
    summary: `create ${state.path} (${formatBytes(state.wanted.size)})`,
    diff: [contentDiff(state.path, undefined, shownWanted(state))],
    path: state.path,
    after: { ...attributes, sha256: state.wanted.sha256, size: state.wanted.size },
    ...ownOf(attributes, surroundings),
  };
}

function ownOf(after: Attributes, surroundings: Surroundings): { readonly own?: true } {
  const created = newAttributes(surroundings, 0o666);
  return after.owner === created.owner && after.group === created.group ? { own: true } : {};
}

function around(state: FileState): Surroundings {
  if (state.around === undefined) throw new Error(`the surroundings of ${state.path} were not looked at`);
  return state.around;
}

function rewriteDiff(state: FileState, dest: Present): Diff {
  const old = {
    size: dest.size,
    sha256: dest.sha256,
    ...bytesOf(state.old === undefined ? undefined : Buffer.from(state.old, 'base64')),
  };
  return contentDiff(state.path, old, shownWanted(state));
}

function shownWanted({ wanted }: FileState) {
  const bytes = wanted.text === undefined ? undefined : new TextEncoder().encode(wanted.text);
  return { size: wanted.size, sha256: wanted.sha256, ...bytesOf(bytes) };
}

function bytesOf(bytes: Uint8Array | undefined): { readonly bytes?: Uint8Array } {
  return bytes === undefined ? {} : { bytes };
}

function inTheWay(path: string, dest: Present): PitrError {
  const what =
    dest.kind === 'symlink'
      ? `a symbolic link to ${dest.target ?? '?'}`
      : dest.kind === 'directory'
        ? 'a directory'
        : 'not a regular file';
  return new PitrError({
    kind: 'refused',
    code: 'not-a-file',
    message: `${path} is ${what}, and will not be replaced by a file`,
    next:
      dest.kind === 'symlink'
        ? ['Add "follow: true" to write to what it points to.']
        : [`Look at it: ls -ld ${quote(path)}`],
  });
}

/** What later tasks find in check mode. */
export function predictFile(change: FileChange, state: FileState): Foresight {
  const { sha256, size } = change.after;
  const present: Present = {
    kind: 'file',
    ...attributesOf(change.after),
    size,
    mtime: 0,
    ...(size <= HASHED_BYTES && sha256 !== '' ? { sha256 } : {}),
    ...(rewritesContent(change) && state.wanted.text !== undefined ? { content: state.wanted.text } : {}),
  };
  return {
    resources: [predicted(pathResource, change.path, present)],
    result: resultOf(change.path, change.after, change.backup),
  };
}

/** What `register` sees when the file was as wanted. */
export function unchangedFile(state: FileState): Result {
  const dest = known(state.dest);
  if (dest.kind !== 'file') throw new Error(`${state.path} is no file, yet nothing was to be done`);
  return resultOf(
    state.path,
    { ...attributesOf(dest), size: dest.size, sha256: dest.sha256 ?? '' },
    undefined,
  );
}

/** The result of every module that writes a file. */
export function resultOf(path: string, facts: FileFacts, backup: string | undefined): Result {
  return {
    path,
    sha256: facts.sha256,
    size: facts.size,
    mode: formatMode(facts.mode),
    owner: facts.owner,
    group: facts.group,
    ...(backup === undefined ? {} : { backup_file: backup }),
  };
}

/** One line each, for the docs of those modules. */
export const FILE_RETURNS = {
  path: 'the file on the host',
  sha256: 'of its content',
  size: 'in bytes',
  mode: 'permission bits, "0640"',
  owner: 'user name',
  group: 'group name',
} as const;
