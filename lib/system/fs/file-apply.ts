import type { Readable } from 'node:stream';
import { PitrError } from '../../base/errors/pitr-error.ts';
import { Unknown } from '../../base/values/unknown.ts';
import type { WriteHost } from '../../contract/host.ts';
import type { Result } from '../../contract/module.ts';
import { type Attributes, attributesOf, sameAttributes, setAttributes } from './attributes.ts';
import { type FileChange, type FileFacts, type OldFile, resultOf, rewritesContent } from './file-plan.ts';
import { hashed } from './file-state.ts';
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
    await host.writeFile(path, await content(), {
      ...(change.own === true ? { mode } : attributesOf(after)),
      replace: true,
    });
  }
  return resultOf(path, after, change.backup);
}

/**
 * Puts the old file back, or removes the new one. Refuses when somebody has changed the content since, so that
 * nobody's work is lost; done already is fine.
 */
export async function undoFile(host: WriteHost, change: FileChange): Promise<void> {
  const { path, before, after } = change;
  if (before !== undefined && !rewritesContent(change)) return undoAttributes(host, path, before, after);
  const now = await lookHashed(host, path);
  if (now.kind === 'absent') {
    if (before !== undefined) await restore(host, change);
    return;
  }
  if (now.kind !== 'file') throw changedSince(path, `it is a ${now.kind} now`);
  if (before !== undefined && now.sha256 === before.sha256) {
    await resetAttributes(host, path, now, before, after);
    if (before.keptAt !== undefined && before.keptByThis === true)
      await host.must(['rm', '-f', '--', before.keptAt]);
    return;
  }
  if (now.sha256 !== after.sha256) throw changedSince(path, 'its content is another');
  if (before === undefined) await host.must(['rm', '-f', '--', path]);
  else await restore(host, change);
}

/** The content stays as it is, so that it need not be read; where it can be, it must be what it was. */
async function undoAttributes(
  host: WriteHost,
  path: string,
  before: OldFile,
  after: FileFacts,
): Promise<void> {
  const now = await hashed(host, path, await lookNow(host, path));
  if (now.kind === 'absent') throw changedSince(path, 'it is gone');
  if (now.kind !== 'file') throw changedSince(path, `it is a ${now.kind} now`);
  if (now.sha256 !== undefined && before.sha256 !== undefined && now.sha256 !== before.sha256)
    throw changedSince(path, 'its content is another');
  await resetAttributes(host, path, now, before, after);
}

async function resetAttributes(
  host: WriteHost,
  path: string,
  now: Attributes,
  before: Attributes,
  after: Attributes,
): Promise<void> {
  if (!sameAttributes(now, before) && !sameAttributes(now, after))
    throw changedSince(path, 'its mode or owner is another');
  await setAttributes(host, path, now, before);
}

async function restore(host: WriteHost, { path, before }: FileChange): Promise<void> {
  if (before === undefined) return;
  if (before.keptAt !== undefined) await restoreKept(host, path, { ...before, keptAt: before.keptAt });
  else if (before.content !== undefined) {
    await host.writeFile(path, Buffer.from(before.content, 'base64'), attributesOf(before));
  } else throw changedSince(path, 'it is gone');
}

async function restoreKept(
  host: WriteHost,
  path: string,
  { keptAt, keptByThis, sha256, ...old }: OldFile & { readonly keptAt: string },
): Promise<void> {
  const kept = await lookHashed(host, keptAt);
  if (kept.kind !== 'file') throw changedSince(path, `what was kept as ${keptAt} is gone`);
  if (sha256 !== undefined && kept.sha256 !== sha256)
    throw changedSince(path, `what is kept as ${keptAt} is not what it was`);
  if (keptByThis === true) {
    await host.must(['mv', '-f', '-T', '--', keptAt, path]);
    return;
  }
  // An older change of the run may have kept it: it has to find it when it is taken back in its turn.
  const { owner, group, mode } = old;
  const words = [keptAt, path, `${keptAt}.new`, `${owner}:${group}`, formatMode(mode)];
  await host.must(['sh', '-c', COPY_BACK, 'sh', ...words], { ownChannel: true });
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

/** The present state with its hash, whatever its size. */
export async function lookHashed(host: WriteHost, path: string): Promise<PathState> {
  const now = await lookNow(host, path);
  if (now.kind !== 'file' || now.sha256 !== undefined) return now;
  const hash = await host.must(['sh', '-c', 'sha256sum < "$1"', 'sh', path], { ownChannel: true });
  return { ...now, sha256: hash.stdout.slice(0, 64) };
}

async function lookNow(host: WriteHost, path: string): Promise<PathState> {
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
    next: [`Compare it by hand (ls -l ${path}), then undo again or leave it.`],
  });
}
