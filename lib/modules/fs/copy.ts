import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { posix } from 'node:path';
import type { Readable } from 'node:stream';
import { z } from 'zod';
import { PitrError } from '../../base/errors/pitr-error.ts';
import { type ControllerFile, defineModule, type TaskContext } from '../../contract/module.ts';
import { applyFile, mayUndoFile, undoFile } from '../../system/fs/file-apply.ts';
import { fileParams, wantedOf } from '../../system/fs/file-params.ts';
import {
  effectsOfFile,
  FILE_RETURNS,
  planFile,
  predictFile,
  unchangedFile,
} from '../../system/fs/file-plan.ts';
import { readFileState, type WantedContent } from '../../system/fs/file-state.ts';
import { SMALL_BYTES } from '../../system/fs/text.ts';

const params = z
  .strictObject({
    src: z.string().optional().describe('file on the controller: beside the playbook, or in its files/'),
    content: z.string().optional().describe('the content itself, instead of src'),
    ...fileParams,
  })
  .refine(
    ({ src, content }) => (src === undefined) !== (content === undefined),
    'give src or content, one of the two',
  );

type Params = z.output<typeof params>;

/** Bigger files go to the host as a stream instead of through memory. */
const STREAMED_BYTES = 4 * 1024 * 1024;
const CHUNK_BYTES = 256 * 1024;

export const module = defineModule({
  summary: 'Puts a file onto the host: from the controller, or with the content given.',
  description:
    'Compares by SHA-256 and sends only on difference. The file appears whole or not at all. The directory must exist.',
  examples: `- fs.copy:
    src: pg_hba.conf
    dest: /etc/postgresql/15/main/pg_hba.conf
    owner: postgres
    group: postgres
    mode: "0640"
- fs.copy:
    content: "maintenance until noon\\n"
    dest: /etc/motd`,
  params,
  returns: { ...FILE_RETURNS, backup_file: 'the copy of the old file, with backup: true' },
  read: async (host, p: Params, context) => {
    const file = p.src === undefined ? undefined : await context.file(p.src);
    const request = { ...p, name: p.src === undefined ? undefined : posix.basename(p.src) };
    return readFileState(host, request, wanted(p, file), context);
  },
  plan: (state, p) => planFile(state, { ...p, name: undefined }),
  unchanged: unchangedFile,
  effects: effectsOfFile,
  predict: predictFile,
  apply: (host, change, p, context) =>
    applyFile(host, change, () => content(p, context, change.after.sha256)),
  undo: undoFile,
  mayUndo: mayUndoFile,
});

async function wanted(p: Params, file: ControllerFile | undefined): Promise<WantedContent> {
  if (file === undefined) return wantedOf(p.content ?? '');
  if (file.size <= SMALL_BYTES) return wantedOf(await file.bytes());
  return { sha256: await file.sha256(), size: file.size };
}

/** The content again, when it is sent; it must still be what the plan was made from. */
async function content(
  p: Params,
  context: TaskContext,
  sha256: string,
): Promise<Uint8Array | string | Readable> {
  if (p.src === undefined) return p.content ?? '';
  const file = await context.file(p.src);
  // What arrives is proved to be what was hashed before it is put in place.
  if (file.size > STREAMED_BYTES) return createReadStream(file.path, { highWaterMark: CHUNK_BYTES });
  const bytes = await file.bytes();
  if (createHash('sha256').update(bytes).digest('hex') !== sha256) throw sourceChanged(file.path);
  return bytes;
}

function sourceChanged(path: string): PitrError {
  return new PitrError({
    kind: 'failed',
    code: 'source-changed',
    message: `${path} changed on the controller while it was being copied; nothing was written`,
    next: ['Run the playbook again when the file is at rest.'],
  });
}
