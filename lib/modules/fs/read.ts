import { z } from 'zod';
import { PitrError } from '../../base/errors/pitr-error.ts';
import { Unknown } from '../../base/values/unknown.ts';
import { defineLook, type Result } from '../../contract/module.ts';
import { absolutePath } from '../../system/fs/paths.ts';
import { readContent, sha256Of, textOf } from '../../system/fs/read-content.ts';

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
    const bytes = await readContent(host, p.path);
    if (bytes instanceof Unknown)
      return { path: p.path, content: bytes, lines: bytes, size: bytes, sha256: bytes };
    return { path: p.path, ...presented(bytes, p), size: bytes.length, sha256: sha256Of(bytes) };
  },
});

function presented(bytes: Uint8Array, p: Params): Result {
  if (p.as === 'base64') return { content: Buffer.from(bytes).toString('base64') };
  const text = textOf(p.path, bytes, ['Read it with "as: base64".']);
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
