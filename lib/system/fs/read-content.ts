import { createHash } from 'node:crypto';
import { PitrError } from '../../base/errors/pitr-error.ts';
import { formatBytes } from '../../base/values/bytes.ts';
import { Unknown } from '../../base/values/unknown.ts';
import type { ReadHost } from '../../contract/host.ts';
import { probeScript } from '../../contract/probe.ts';
import { type Prediction, predictedChange } from '../../contract/resource.ts';
import { evidenceOf } from '../../transport/command-failed.ts';
import { type PathState, pathResource } from './path-resource.ts';

/** The largest file that is read as a whole. */
const LARGEST_BYTES = 8 * 1024 * 1024;

const CONTENT = probeScript('base64 < "$1"', { inShell: true });

/**
 * The bytes of a file; unknown where check mode cannot tell what an earlier task would have made of it. Throws kind
 * `failed` when there is no file, or when it is too big or cannot be read.
 */
export async function readContent(host: ReadHost, path: string): Promise<Uint8Array | Unknown> {
  const state = await host.look(pathResource, path);
  return state instanceof Unknown ? state : contentOf(host, path, state);
}

/** The text of a file (UTF-8), or nothing where there is no such file. Throws and answers as `readContent` does. */
export async function readText(host: ReadHost, path: string): Promise<string | Unknown | undefined> {
  const state = await host.look(pathResource, path);
  if (state instanceof Unknown) return state;
  if (state.kind === 'absent') return undefined;
  const bytes = await contentOf(host, path, state);
  return bytes instanceof Unknown ? bytes : textOf(path, bytes);
}

/**
 * What a file would be after `text` was written there, for check mode: its owner, group and mode as they are, or root's
 * and 0644 where it is not there yet.
 */
export function predictedText(path: string, text: string): Prediction {
  const bytes = new TextEncoder().encode(text);
  return predictedChange(
    pathResource,
    path,
    (before): PathState => ({
      ...(before.kind === 'file' ? before : { mode: 0o644, owner: 'root', group: 'root', mtime: 0 }),
      kind: 'file',
      size: bytes.length,
      sha256: sha256Of(bytes),
      content: text,
    }),
  );
}

/** Bytes as text. Throws kind `failed` (`not-text`) when they are not UTF-8. */
export function textOf(path: string, bytes: Uint8Array, next: readonly string[] = []): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw new PitrError({
      kind: 'failed',
      code: 'not-text',
      message: `${path} is not UTF-8 text`,
      next,
      cause: error,
    });
  }
}

export function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

async function contentOf(host: ReadHost, path: string, state: PathState): Promise<Uint8Array | Unknown> {
  if (state.kind !== 'file' && state.kind !== 'symlink') throw notAFile(path, state);
  if (state.size > LARGEST_BYTES) throw tooBig(path, state.size);
  if (state.content !== undefined) return new TextEncoder().encode(state.content);
  const answer = await host.query(CONTENT([path]));
  if (answer.exitCode !== 0) {
    throw new PitrError({
      kind: 'failed',
      code: 'file-unreadable',
      message: `${path} cannot be read`,
      evidence: evidenceOf(answer),
    });
  }
  const bytes = Buffer.from(answer.stdout, 'base64');
  // In check mode an earlier task may be about to write other bytes than those that are there now.
  if (state.sha256 !== undefined && state.sha256 !== sha256Of(bytes))
    return new Unknown(`content of ${path}`);
  return bytes;
}

function notAFile(path: string, state: PathState): PitrError {
  return new PitrError({
    kind: 'failed',
    code: state.kind === 'absent' ? 'file-missing' : 'not-a-file',
    message: state.kind === 'absent' ? `there is no file ${path}` : `${path} is a ${state.kind}, not a file`,
  });
}

function tooBig(path: string, size: number): PitrError {
  return new PitrError({
    kind: 'failed',
    code: 'file-too-big',
    message: `${path} has ${formatBytes(size)}, and ${formatBytes(LARGEST_BYTES)} can be read at most`,
  });
}
