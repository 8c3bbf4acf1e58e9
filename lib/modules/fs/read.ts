import { createHash } from 'node:crypto';
import { z } from 'zod';
import { PitrError } from '../../base/errors/pitr-error.ts';
import { formatBytes } from '../../base/values/bytes.ts';
import { Unknown } from '../../base/values/unknown.ts';
import type { ReadHost } from '../../contract/host.ts';
import { defineLook, type Result } from '../../contract/module.ts';
import { probeScript } from '../../contract/probe.ts';
import { type PathState, pathResource } from '../../system/fs/path-resource.ts';
import { absolutePath } from '../../system/fs/paths.ts';
import { evidenceOf } from '../../transport/command-failed.ts';

const LARGEST_BYTES = 8 * 1024 * 1024;

const params = z.strictObject({
  path: absolutePath.describe('the file'),
  as: z
    .enum(['text', 'json', 'base64'])
    .default('text')
    .describe('text (UTF-8), json (read into data), or base64 for anything else'),
});

type Params = z.output<typeof params>;

export const module = defineLook({
  summary: 'Reads a file of the host, up to 8 MiB.',
  examples: `- fs.read: /etc/hostname
  register: hostname
- fs.read: { path: /etc/app/state.json, as: json }
  register: state`,
  params,
  freeForm: 'path',
  returns: {
    content: 'the text, the data, or the base64',
    lines: 'the lines, when read as text',
    size: 'in bytes',
    sha256: 'of the bytes',
  },
  read: async (host, p): Promise<Result> => {
    const bytes = await contentOf(host, p.path);
    if (bytes instanceof Unknown)
      return { path: p.path, content: bytes, lines: bytes, size: bytes, sha256: bytes };
    return { path: p.path, ...presented(bytes, p), size: bytes.length, sha256: hashOf(bytes) };
  },
});

const CONTENT = probeScript('base64 < "$1"');

async function contentOf(host: ReadHost, path: string): Promise<Uint8Array | Unknown> {
  const state = await host.look(pathResource, path);
  if (state instanceof Unknown) return state;
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
  if (state.sha256 !== undefined && state.sha256 !== hashOf(bytes)) return new Unknown(`content of ${path}`);
  return bytes;
}

function presented(bytes: Uint8Array, p: Params): Result {
  if (p.as === 'base64') return { content: Buffer.from(bytes).toString('base64') };
  const text = utf8(p.path, bytes);
  if (p.as === 'text')
    return { content: text, lines: text === '' ? [] : text.replace(/\n$/, '').split('\n') };
  try {
    return { content: JSON.parse(text) };
  } catch (error) {
    throw new PitrError({
      kind: 'failed',
      code: 'not-json',
      message: `${p.path} is not JSON: ${error instanceof Error ? error.message : String(error)}`,
      cause: error,
    });
  }
}

function utf8(path: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw new PitrError({
      kind: 'failed',
      code: 'not-text',
      message: `${path} is not UTF-8 text`,
      next: ['Read it with "as: base64".'],
      cause: error,
    });
  }
}

function hashOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
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
    message: `${path} has ${formatBytes(size)}, and fs.read takes ${formatBytes(LARGEST_BYTES)} at most`,
  });
}
