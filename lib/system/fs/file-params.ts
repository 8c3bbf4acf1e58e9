import { createHash } from 'node:crypto';
import { z } from 'zod';
import { attributeParams } from './attributes.ts';
import type { WantedContent } from './file-state.ts';
import { destinationPath } from './paths.ts';
import { asText, SMALL_BYTES } from './text.ts';

/** The params that every module that writes a file has. */
export const fileParams = {
  dest: destinationPath.describe('where it goes: a file, or a directory (then under its own name)'),
  ...attributeParams,
  backup: z
    .boolean()
    .default(false)
    .describe('keep a copy of the old file beside it, under a name with the run id'),
  force: z.boolean().default(true).describe('false: leave an existing file as it is, whatever it holds'),
  follow: z
    .boolean()
    .default(false)
    .describe('true: where dest is a symbolic link, write to what it points to'),
};

/** Content that is at hand as a whole. */
export function wantedOf(content: string | Uint8Array): WantedContent {
  const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content;
  const text = bytes.length <= SMALL_BYTES ? asText(bytes) : undefined;
  return {
    sha256: createHash('sha256').update(bytes).digest('hex'),
    size: bytes.length,
    ...(text === undefined ? {} : { text }),
  };
}
