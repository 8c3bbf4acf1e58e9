import { posix } from 'node:path';
import { Unknown } from '../../base/values/unknown.ts';
import type { ReadHost, Resource } from '../../contract/host.ts';
import type { TaskContext } from '../../contract/module.ts';
import { probe, probeScript } from '../../contract/probe.ts';
import { type AttributeWish, sameAttributes, wantedAttributes } from './attributes.ts';
import { HASH_TIMEOUT_MS, keptName, keptSuffix } from './kept-beside.ts';
import { type PathState, pathResource } from './path-resource.ts';
import { besidePath, normalPath, parentOf } from './paths.ts';
import { parseSurroundings, type Surroundings, surroundingsProbe } from './surroundings.ts';
import { forJournal, SMALL_BYTES } from './text.ts';

/** The content a file is to have. */
export interface WantedContent {
  readonly sha256: string;
  readonly size: number;
  /** Of small text. */
  readonly text?: string | undefined;
}

/** What a task says about a file that it wants to be there. */
export interface FileRequest extends AttributeWish {
  /** A slash at its end: into this directory. */
  readonly dest: string;
  /** The name it gets inside a directory. */
  readonly name: string | undefined;
  readonly follow: boolean;
  readonly force: boolean;
  /** Whether a copy of the old file is to be made for people. */
  readonly backup?: boolean | undefined;
}

/** What is at the destination, and what is needed to plan the change where there is one. */
export interface FileState {
  /** Where the file goes, directories and followed links resolved. */
  readonly path: string;
  readonly dest: PathState | Unknown;
  readonly wanted: WantedContent;
  /** Where the old content would be kept on the host. */
  readonly beside: string;
  /** Whether it lies there already, for an earlier change of the run. */
  readonly keptAlready?: boolean | undefined;
  readonly backup: string;
  /** Looked at only when the file would be new. */
  readonly parent?: Pick<PathState, 'kind'> | Unknown | undefined;
  /** Asked for only when something differs. */
  readonly around?: Surroundings | undefined;
  /** The old content, base64, where it differs and is small, and the journal may hold it. */
  readonly old?: string | undefined;
}

const CONTENT = probeScript('base64 < "$1"', { inShell: true });

/**
 * One round trip when the file is as wanted; one or two more when it is not, and one to keep the old file beside. What is
 * wanted may still be on its way: a large file is hashed meanwhile.
 */
export async function readFileState(
  host: ReadHost,
  request: FileRequest,
  asked: WantedContent | Promise<WantedContent>,
  { runId, holdsSecret }: Pick<TaskContext, 'runId' | 'holdsSecret'>,
): Promise<FileState> {
  const [{ path, state }, wanted] = await Promise.all([destination(host, request), asked]);
  const dest = state instanceof Unknown ? state : await hashed(host, path, state);
  const found = {
    path,
    dest,
    wanted,
    beside: besidePath(path, runId, keptSuffix(dest)),
    backup: `${path}.${runId}~`,
  };
  if (dest instanceof Unknown || !(dest.kind === 'file' || dest.kind === 'absent')) return found;
  if (dest.kind === 'file' && isAsWanted(dest, request, wanted)) return found;

  const differs = dest.kind === 'file' && dest.sha256 !== wanted.sha256;
  const readOld = differs && dest.content === undefined && dest.size <= SMALL_BYTES;
  const parentPath = parentOf(path);
  const [answer, content] = await host.queryAll([
    surroundingsProbe(parentPath, request),
    ...(readOld ? [CONTENT([path])] : []),
  ]);
  const around = answer === undefined ? undefined : parseSurroundings(answer);
  const parent = dest.kind === 'absent' ? await parentAround(host, parentPath, around) : undefined;
  // The plan shows the new content, too: a secret that stands beside its name only there is masked in the old one as well.
  if (differs && wanted.text !== undefined) holdsSecret(wanted.text);
  const old = differs ? forJournal(oldContent(dest, content?.stdout), holdsSecret) : undefined;
  return {
    ...found,
    ...(differs && request.force
      ? await keptOf(host, found, dest, { old, runId, backup: request.backup })
      : {}),
    ...(parent === undefined ? {} : { parent }),
    ...(around === undefined ? {} : { around }),
    ...(differs ? { old } : {}),
  };
}

/**
 * What the parent is, or what earlier tasks would have made of it. Where the surroundings were seen to be a directory it is
 * not looked at again.
 */
function parentAround(
  host: ReadHost,
  parent: string,
  around: Surroundings | undefined,
): Promise<Pick<PathState, 'kind'> | Unknown> {
  const seen: Resource<Pick<PathState, 'kind'>> = {
    ...pathResource,
    read: async (there, id) =>
      id === parent && around?.parentIsDirectory === true
        ? { kind: 'directory' }
        : pathResource.read(there, id),
  };
  return host.look(seen, parent);
}

/** The names by which the old file will be kept, for the way back and for people. */
async function keptOf(
  host: ReadHost,
  { path, beside, backup }: Pick<FileState, 'path' | 'beside' | 'backup'>,
  { sha256 }: { readonly sha256?: string | undefined },
  wish: { readonly old: string | undefined; readonly runId: string; readonly backup: boolean | undefined },
): Promise<Pick<FileState, 'beside' | 'keptAlready' | 'backup'>> {
  const forUndo = wish.old === undefined ? await keptName(host, beside, { sha256 }) : undefined;
  const forPeople =
    wish.backup === true ? await keptName(host, `${path}.${wish.runId}`, { ending: '~', sha256 }) : undefined;
  return {
    beside: forUndo?.name ?? beside,
    keptAlready: forUndo?.already,
    backup: forPeople?.name ?? backup,
  };
}

/** Whether nothing is to be done about an existing file. */
export function isAsWanted(
  dest: Extract<PathState, { readonly mode: number }>,
  request: Pick<FileRequest, 'force' | 'mode' | 'owner' | 'group'>,
  wanted: WantedContent,
): boolean {
  const sameContent = dest.sha256 === wanted.sha256 || !request.force;
  return sameContent && sameAttributes(wantedAttributes(dest, request), dest);
}

async function destination(
  host: ReadHost,
  request: FileRequest,
): Promise<{ readonly path: string; readonly state: PathState | Unknown }> {
  const inside = request.name === undefined ? undefined : posix.join(request.dest, request.name);
  if (request.dest.endsWith('/') && inside !== undefined) {
    return { path: inside, state: await host.look(pathResource, inside) };
  }
  const path = normalPath(request.dest);
  const state = await host.look(pathResource, path);
  if (state instanceof Unknown) return { path, state };
  if (state.kind === 'directory' && inside !== undefined) {
    return { path: inside, state: await host.look(pathResource, inside) };
  }
  if (state.kind === 'symlink' && request.follow) {
    const real = (await host.query(probe(['readlink', '-f', '--', path]))).stdout.replace(/\n$/, '');
    if (real !== '') return { path: real, state: await host.look(pathResource, real) };
  }
  return { path, state };
}

/**
 * A file too big to be hashed by every look is hashed here: the change and its undo go by the hash. One that its user
 * cannot read stays without.
 */
export async function hashed(host: ReadHost, path: string, dest: PathState): Promise<PathState> {
  if (dest.kind !== 'file' || dest.sha256 !== undefined) return dest;
  const answer = await host.query(probe(['sha256sum', '--', path], { timeoutMs: HASH_TIMEOUT_MS }));
  const sha256 = /^\\?([0-9a-f]{64})/.exec(answer.stdout)?.[1];
  return sha256 === undefined ? dest : { ...dest, sha256 };
}

function oldContent(
  dest: Extract<PathState, { readonly mode: number }>,
  base64: string | undefined,
): string | undefined {
  if (dest.content !== undefined) return Buffer.from(dest.content).toString('base64');
  const bytes = Buffer.from(base64 ?? '', 'base64');
  // In check mode the file may be one that an earlier task would have written: then what is there now is not it.
  return bytes.length === dest.size ? bytes.toString('base64') : undefined;
}
