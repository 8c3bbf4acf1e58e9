import type { Readable } from 'node:stream';
import { PitrError } from '../../base/errors/pitr-error.ts';
import { Unknown } from '../../base/values/unknown.ts';
import type { ReadHost, WriteHost } from '../../contract/host.ts';
import type { NewerChange, Result, WorkContext } from '../../contract/module.ts';
import { mayTouch } from '../../contract/newer-changes.ts';
import { probeScript } from '../../contract/probe.ts';
import { commandFailed } from '../../transport/command-failed.ts';
import { quote } from '../../transport/quote.ts';
import {
  type Attributes,
  attributesOf,
  isOfChange,
  type Present,
  sameAttributes,
  setAttributes,
} from './attributes.ts';
import { type FileChange, type FileFacts, type OldFile, resultOf, rewritesContent } from './file-plan.ts';
import { hashed } from './file-state.ts';
import { HASH_TIMEOUT_MS } from './kept-beside.ts';
import { formatMode } from './mode.ts';
import { type PathState, pathResource } from './path-resource.ts';

/** Carries a file change out; `content` is asked for only when the content changes. */
export async function applyFile(
  host: WriteHost,
  change: FileChange,
  content: () => Promise<Uint8Array | string | Readable>,
): Promise<Result> {
  const { path, before, after } = change;
  if (before !== undefined && !rewritesContent(change)) {
    await setAttributes(host, path, before, after);
  } else {
    if (change.backup !== undefined) await copyOnce(host, path, change.backup);
    if (before?.keptAt !== undefined) await keep(host, path, before.keptAt, before.keptByThis === true);
    const { mode } = after;
    const asNew = { ...(change.own === true ? { mode } : attributesOf(after)), replace: true };
    // An old file hands its access list on.
    const told = before === undefined ? asNew : sameAttributes(before, after) ? {} : attributesOf(after);
    await host.writeFile(path, await content(), { ...told, sha256: after.sha256 });
  }
  return resultOf(path, after, change.backup);
}

/**
 * Puts the old file back, or removes the new one. Refuses when somebody has changed the content since, so that
 * nobody's work is lost; done already is fine.
 */
export async function undoFile(host: WriteHost, change: FileChange): Promise<void> {
  const goBack = await wayBack(host, change);
  await goBack?.(host);
}

/** Refuses as `undoFile` does, where no newer change has anything to do with the file. */
export async function mayUndoFile(
  host: ReadHost,
  change: FileChange,
  _context: WorkContext,
  newer: readonly NewerChange[],
): Promise<void> {
  if (!mayTouch(newer, host.name, change.path)) await wayBack(host, change);
}

type WayBack = (host: WriteHost) => Promise<unknown>;

/** Looks, and gives what leads back; nothing where it is so already. */
async function wayBack(host: ReadHost, change: FileChange): Promise<WayBack | undefined> {
  const { path, before, after } = change;
  if (before !== undefined && !rewritesContent(change)) return attributesBack(host, path, before, after);
  const now = await lookHashed(host, path);
  if (now.kind === 'absent') return before === undefined ? undefined : contentBack(host, path, before);
  if (now.kind !== 'file') throw changedSince(path, `it is a ${now.kind} now`);
  if (before !== undefined && now.sha256 === before.sha256) {
    const { keptAt, keptByThis } = before;
    const reset = resetBack(path, now, before, after);
    return async (there) => {
      await reset(there);
      if (keptAt !== undefined && keptByThis === true) await there.must(['rm', '-f', '--', keptAt]);
    };
  }
  if (now.sha256 !== after.sha256) throw changedSince(path, 'its content is another');
  return before === undefined
    ? (there) => there.must(['rm', '-f', '--', path])
    : contentBack(host, path, before);
}

/** The content stays as it is, so that it need not be read; where it can be, it must be what it was. */
async function attributesBack(
  host: ReadHost,
  path: string,
  before: OldFile,
  after: FileFacts,
): Promise<WayBack> {
  const now = await hashed(host, path, await lookNow(host, path));
  if (now.kind === 'absent') throw changedSince(path, 'it is gone');
  if (now.kind !== 'file') throw changedSince(path, `it is a ${now.kind} now`);
  if (now.sha256 !== undefined && before.sha256 !== undefined && now.sha256 !== before.sha256)
    throw changedSince(path, 'its content is another');
  return resetBack(path, now, before, after);
}

function resetBack(path: string, now: Present, before: Attributes, after: Attributes): WayBack {
  if (!isOfChange(now, before, after)) throw changedSince(path, 'its mode or owner is another');
  return (there) => setAttributes(there, path, now, before);
}

async function contentBack(host: ReadHost, path: string, before: OldFile): Promise<WayBack> {
  const { keptAt, content } = before;
  if (keptAt !== undefined) return keptBack(host, path, { ...before, keptAt });
  if (content === undefined) throw changedSince(path, 'it is gone');
  return (there) => there.writeFile(path, Buffer.from(content, 'base64'), attributesOf(before));
}

async function keptBack(
  host: ReadHost,
  path: string,
  { keptAt, keptByThis, sha256, ...old }: OldFile & { readonly keptAt: string },
): Promise<WayBack> {
  const kept = await lookHashed(host, keptAt);
  if (kept.kind !== 'file') throw changedSince(path, `what was kept as ${keptAt} is gone`);
  if (sha256 !== undefined && kept.sha256 !== sha256)
    throw changedSince(path, `what is kept as ${keptAt} is not what it was`);
  if (keptByThis === true) return (there) => there.must(['mv', '-f', '-T', '--', keptAt, path]);
  // An older change of the run may have kept it: it has to find it when it is taken back in its turn.
  const { owner, group, mode } = old;
  const words = [keptAt, path, `${keptAt}.new`, `${owner}:${group}`, formatMode(mode)];
  return (there) => there.must(['sh', '-c', COPY_BACK, 'sh', ...words], { ownChannel: true });
}

/**
 * Under its name a copy is there whole or not at all: what a full disk or an abort left of one would count as made when the
 * task is tried again, and the file itself would be overwritten.
 */
const copy = (then = '') => `
trap 'rm -f -- "$3"' EXIT
trap 'exit 143' HUP INT TERM
rm -f -- "$3" && cp -p -- "$1" "$3" ${then}&& sync -- "$3" && mv -f -T -- "$3" "$2"`;

const COPY_BACK = copy('&& chown -- "$4" "$3" && chmod -- "$5" "$3" ');

// What lies there is what an earlier change has kept, or else is nobody knows whose.
const KEEP = `
if [ -e "$2" ] || [ -L "$2" ]; then [ "$4" = shared ] && exit; echo "$2 exists" >&2; exit 1; fi
ln -- "$1" "$2" 2>/dev/null && exit
${copy()}`;

/** A second name for the old file: free, and untouched by the rename of the new one over the first name. */
async function keep(host: WriteHost, path: string, beside: string, alone: boolean): Promise<void> {
  const words = [path, beside, `${beside}.new`, alone ? '' : 'shared'];
  await host.must(['sh', '-c', KEEP, 'sh', ...words]);
}

async function copyOnce(host: WriteHost, path: string, to: string): Promise<void> {
  await host.must(['sh', '-c', `[ -e "$2" ] && exit\n${copy()}`, 'sh', path, to, `${to}.new`]);
}

const HASH = probeScript('sha256sum < "$1"');

/** The present state with its hash, whatever its size. */
export async function lookHashed(host: ReadHost, path: string): Promise<PathState> {
  const now = await lookNow(host, path);
  if (now.kind !== 'file' || now.sha256 !== undefined) return now;
  const hash = await host.query(HASH([path], { timeoutMs: HASH_TIMEOUT_MS }));
  if (hash.exitCode !== 0) throw commandFailed(hash, host.name);
  return { ...now, sha256: hash.stdout.slice(0, 64) };
}

async function lookNow(host: ReadHost, path: string): Promise<PathState> {
  const now = await host.look(pathResource, path);
  if (now instanceof Unknown) throw new Error(`what is at ${path} cannot be unknown outside check mode`);
  return now;
}

/** The refusal to overwrite what somebody else did after the run. */
export function changedSince(path: string, how: string): PitrError {
  return new PitrError({
    kind: 'refused',
    code: 'changed-since',
    message: `${path} was changed after the run: ${how}; it is left as it is`,
    next: [`Compare it by hand (ls -l ${quote(path)}), then undo again or leave it.`],
  });
}
