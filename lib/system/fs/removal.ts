import { PitrError } from '../../base/errors/pitr-error.ts';
import { refusal } from '../../base/errors/refusal.ts';
import { Unknown } from '../../base/values/unknown.ts';
import type { Effect } from '../../contract/effects.ts';
import type { ReadHost, WriteHost } from '../../contract/host.ts';
import { known } from '../../contract/known.ts';
import type { Change, Foresight, NewerChange, Result, TaskContext } from '../../contract/module.ts';
import { mayTouch } from '../../contract/newer-changes.ts';
import { probeScript } from '../../contract/probe.ts';
import { predicted } from '../../contract/resource.ts';
import { evidenceOf, howItEnded } from '../../transport/command-failed.ts';
import { commandLine } from '../../transport/quote.ts';
import type { RunResult } from '../../transport/types.ts';
import {
  type Attributes,
  attributesOf,
  describeAttributes,
  type Present,
  setAttributes,
} from './attributes.ts';
import { changedSince, lookHashed } from './file-apply.ts';
import { keptName, keptSuffix } from './kept-beside.ts';
import { PLAIN_MOUNT } from './mount-name.ts';
import { leavesOldFile } from './old-file.ts';
import { ABSENT, type PathState, pathResource } from './path-resource.ts';
import { besidePath, depthOf } from './paths.ts';
import { contentDiff, forJournal, SMALL_BYTES } from './text.ts';

/** What is to be removed, and what its removal and the way back need to know. */
export interface RemovalState {
  readonly action: 'remove';
  readonly now: PathState | Unknown;
  /** Of directories: whether nothing is in it. */
  readonly empty: boolean;
  /** Base64, of small files that the journal may hold. */
  readonly old?: string | undefined;
  /** Where a directory is to go for good: the first place in it at which another file system is mounted. */
  readonly mountedAt?: string | undefined;
  readonly keptAt: string;
}

export interface RemovalWish {
  readonly path: string;
  readonly recurse: boolean;
  readonly keep: boolean;
}

export interface RemovalChange extends Change {
  readonly action: 'remove';
  readonly path: string;
  readonly was: Attributes & { readonly kind: string; readonly sha256?: string | undefined };
  readonly way:
    | { readonly how: 'content'; readonly base64: string }
    | { readonly how: 'link'; readonly target: string }
    | { readonly how: 'empty-directory' }
    /** Renamed, so that nothing is lost and the way back is a rename too. */
    | { readonly how: 'aside'; readonly keptAt: string }
    /** Gone for good, as the task demands. */
    | { readonly how: 'gone'; readonly keptAt: string };
}

// None of a file with an access list: a new one in its place would lack that, and what was its mask its group could do.
const CONTENT = probeScript(`
case $(LC_ALL=C ls -ld -- "$1") in ??????????+*) exit 1 ;; esac
base64 < "$1"`);

// A directory that only an earlier task would make has nothing in it. With $2 it tells what is mounted there, too.
const INSIDE = probeScript(`${PLAIN_MOUNT}
[ -d "$1" ] || { echo @foreseen; exit; }
depths=$(find "$1" -maxdepth 1 -printf %d \\( -samefile "$1" -o -quit \\)) || exit
echo "@depths $depths"
[ -n "$2" ] || exit 0
p=$(readlink -f -- "$1") || exit
while read -r _ _ _ _ name _; do
  plain_mount "$name"
  case $at in "$p" | "$p"/*) printf '@mounted %s' "$at"; exit 0 ;; esac
done </proc/self/mountinfo || exit
echo @unmounted`);

/**
 * One round trip when nothing is there, two or three otherwise. Throws kind
 * `refused` where nobody can tell what a directory holds.
 */
export async function readRemoval(
  host: ReadHost,
  wish: RemovalWish,
  { runId, holdsSecret }: Pick<TaskContext, 'runId' | 'holdsSecret'>,
): Promise<RemovalState> {
  const { path } = wish;
  const now = await host.look(pathResource, path);
  const beside = besidePath(path, runId, keptSuffix(now));
  const state = { action: 'remove' as const, now, empty: false, keptAt: beside };
  if (now instanceof Unknown || now.kind === 'absent') return state;
  const inside =
    now.kind === 'directory'
      ? await lookInside(host, path, !wish.keep)
      : await oldOf(host, path, now, holdsSecret);
  const seen = { ...state, ...inside };
  // Earlier tasks of the run may have kept what was there before under that name.
  return 'keptAt' in wayOf(seen, now, wish) ? { ...seen, keptAt: (await keptName(host, beside)).name } : seen;
}

async function lookInside(
  host: ReadHost,
  path: string,
  goes: boolean,
): Promise<Pick<RemovalState, 'empty' | 'mountedAt'>> {
  const answer = await host.query(INSIDE([path, goes ? 'goes' : '']));
  const { exitCode, stdout } = answer;
  const depths = /^@depths (01?)/.exec(stdout)?.[1];
  const mounted = /^@(?:mounted (.+)|unmounted$)/ms.exec(stdout);
  if (exitCode === 0 && stdout === '@foreseen\n') return { empty: true };
  if (exitCode !== 0 || depths === undefined || (goes && mounted === null))
    throw contentUnknown(path, answer);
  return { empty: depths === '0', mountedAt: mounted?.[1] };
}

function contentUnknown(path: string, answer: RunResult): PitrError {
  return new PitrError({
    kind: 'refused',
    code: 'directory-unknown',
    message: `cannot tell what is in ${path}: the look into it ${howItEnded(answer)}`,
    details: ['Nothing of a directory is removed that nobody has looked into.'],
    evidence: { ...evidenceOf(answer), command: `(a look into ${path} with find and readlink)` },
    next: [`List it as the user of the task: ${commandLine(['find', path, '-maxdepth', '1'])}`],
  });
}

async function oldOf(
  host: ReadHost,
  path: string,
  now: Present,
  holdsSecret: TaskContext['holdsSecret'],
): Promise<Pick<RemovalState, 'old'>> {
  if (now.kind !== 'file' || now.size > SMALL_BYTES) return {};
  const bytes = now.content === undefined ? await contentOf(host, path) : Buffer.from(now.content);
  const old = bytes?.length === now.size ? forJournal(bytes.toString('base64'), holdsSecret) : undefined;
  return old === undefined ? {} : { old };
}

async function contentOf(host: ReadHost, path: string): Promise<Buffer | undefined> {
  const { exitCode, stdout } = await host.query(CONTENT([path]));
  return exitCode === 0 ? Buffer.from(stdout, 'base64') : undefined;
}

/** Directories that hold a system or many people's work: never removed whole, however explicit the task is. */
const HOLDERS = /^\/(?:usr|var|opt|srv|mnt|media)\/[^/]+$/;

export function planRemoval(state: RemovalState, wish: RemovalWish): RemovalChange | undefined {
  const now = known(state.now);
  if (now.kind === 'absent') return undefined;
  const { path } = wish;
  if (now.kind === 'directory' && !state.empty) {
    if (!wish.recurse) {
      throw refusal('directory-not-empty', `${path} is a directory that is not empty`, [
        'Add "recurse: true" to the task if all that is in it is to go.',
      ]);
    }
    if (depthOf(path) < 2 || HOLDERS.test(path)) {
      throw refusal(
        'too-near-the-root',
        `${path} is too near the root to be removed with all that is in it`,
        ['Name the directories below it.'],
      );
    }
  }
  if (state.mountedAt !== undefined) {
    throw refusal(
      'mounted-below',
      `a file system is mounted at ${state.mountedAt}: what is in it would be deleted with ${path}`,
      [
        `See what it is: ${commandLine(['findmnt', state.mountedAt])}`,
        'Unmount it first, or name the directories beside it.',
      ],
    );
  }
  const way = wayOf(state, now, wish);
  const where = way.how === 'aside' ? `, kept as ${way.keptAt}` : way.how === 'gone' ? ' for good' : '';
  const was = `${now.kind}, ${describeAttributes(now)}\n`;
  const content = way.how === 'content' ? Buffer.from(way.base64, 'base64') : undefined;
  return {
    summary: `remove ${path}${where}`,
    diff: [
      content === undefined
        ? { subject: path, before: was, after: '' }
        : contentDiff(path, { size: content.length, sha256: now.sha256, bytes: content }, undefined),
    ],
    action: 'remove',
    path,
    was: {
      ...attributesOf(now),
      kind: now.kind,
      ...(now.sha256 === undefined ? {} : { sha256: now.sha256 }),
    },
    way,
  };
}

function wayOf(state: RemovalState, now: Present, wish: RemovalWish): RemovalChange['way'] {
  if (!wish.keep) return { how: 'gone', keptAt: state.keptAt };
  if (now.kind === 'symlink' && now.target !== undefined) return { how: 'link', target: now.target };
  if (now.kind === 'directory' && state.empty) return { how: 'empty-directory' };
  if (state.old !== undefined) return { how: 'content', base64: state.old };
  return { how: 'aside', keptAt: state.keptAt };
}

/** A file that is kept stays until `pitr commit`. A directory stays for good: it is nobody's but the operator's to remove. */
export function effectsOfRemoval({ path, was, way }: RemovalChange): readonly Effect[] {
  return way.how === 'aside' && was.kind === 'file' ? [leavesOldFile(path, 'absent', way.keptAt)] : [];
}

export function predictRemoval(change: RemovalChange): Foresight {
  return {
    resources: [predicted(pathResource, change.path, ABSENT, 'absent')],
    result: resultOfRemoval(change),
  };
}

function resultOfRemoval({ path, way }: RemovalChange): Result {
  return { path, state: 'absent', ...(way.how === 'aside' ? { kept_at: way.keptAt } : {}) };
}

const ASIDE = `[ ! -e "$2" ] && [ ! -L "$2" ] || { echo "$2 exists" >&2; exit 1; }
mv -T -n -- "$1" "$2" && [ ! -e "$1" ]`;

export async function applyRemoval(host: WriteHost, change: RemovalChange): Promise<Result> {
  const { path, way } = change;
  if (way.how === 'empty-directory') await host.must(['rmdir', '--', path]);
  else if (way.how === 'content' || way.how === 'link') await host.must(['rm', '-f', '--', path]);
  else {
    await host.must(['sh', '-c', ASIDE, 'sh', path, way.keptAt]);
    // The name is free at once; what takes long is done under the other one.
    if (way.how === 'gone') await host.must(['rm', '-rf', '--', way.keptAt], { ownChannel: true });
  }
  return resultOfRemoval(change);
}

/**
 * Refuses where what was kept is gone. What is there in its place is for `undoRemoval` to judge: what newer changes have
 * started may have put it there, and take it away when it is stopped.
 */
export async function mayUndoRemoval(
  host: ReadHost,
  { path, way }: RemovalChange,
  newer: readonly NewerChange[],
): Promise<void> {
  if (way.how !== 'aside') return;
  const { keptAt } = way;
  if ([path, keptAt].some((one) => mayTouch(newer, host.name, one))) return;
  const seen = await Promise.all([path, keptAt].map((one) => host.look(pathResource, one)));
  if (seen.every((one) => known(one).kind === 'absent')) throw keptIsGone(path, keptAt);
}

function keptIsGone(path: string, keptAt: string): PitrError {
  return changedSince(path, `what was kept as ${keptAt} is gone`);
}

/** Puts back what was removed; refuses where something else is there now. Done already is fine. */
export async function undoRemoval(host: WriteHost, { path, was, way }: RemovalChange): Promise<void> {
  const now = await lookHashed(host, path);
  if (way.how === 'aside') {
    const kept = known(await host.look(pathResource, way.keptAt));
    if (kept.kind === 'absent') {
      if (now.kind === 'absent') throw keptIsGone(path, way.keptAt);
      return;
    }
    if (now.kind !== 'absent')
      throw changedSince(path, `something is there again; the old one is ${way.keptAt}`);
    await host.must(['sh', '-c', ASIDE, 'sh', way.keptAt, path]);
    return;
  }
  if (now.kind !== 'absent') {
    const same =
      (way.how === 'content' && now.sha256 === was.sha256) ||
      (way.how === 'link' && now.target === way.target) ||
      (way.how === 'empty-directory' && now.kind === 'directory');
    if (!same) throw changedSince(path, 'something else is there now');
    if (way.how !== 'link') await setAttributes(host, path, now, was);
    return;
  }
  if (way.how === 'content') await host.writeFile(path, Buffer.from(way.base64, 'base64'), attributesOf(was));
  else if (way.how === 'empty-directory') {
    await host.must(['mkdir', '-m', '0700', '--', path]);
    const made = known(await host.look(pathResource, path));
    // It may have got more of the directory that it is in than its group.
    if (made.kind === 'directory') await setAttributes(host, path, made, was);
  } else if (way.how === 'link') {
    await host.must(['ln', '-s', '-T', '--', way.target, path]);
    await host.must(['chown', '-h', '--', `${was.owner}:${was.group}`, path]);
  } else throw changedSince(path, 'it was removed for good, as the task demanded');
}
