import { PitrError } from '../../base/errors/pitr-error.ts';
import { evidenceOf } from '../../transport/command-failed.ts';
import { quote } from '../../transport/quote.ts';
import type { RunResult } from '../../transport/types.ts';

/** How much room a file system has, for users without privileges. */
export interface FreeSpace {
  readonly device: string;
  readonly mount: string;
  readonly sizeBytes: number;
  readonly freeBytes: number;
  /** Absent where the file system makes inodes as they are needed. */
  readonly freeInodes?: number | undefined;
}

// Device names may hold spaces (network shares), mount points too: the numbers in the middle are what is sure.
const LINE = /^(.+?)\s+(\d+|-)\s+(\d+|-)\s+(\d+|-)\s+(?:\d+%|-)\s+(\/.*)$/;

/**
 * Reads the last lines of `df -P -k` and `df -P -i`. Throws kind `failed` where df could not tell; `ways` is what can be
 * done then beside mending it.
 */
export function parseSpace(path: string, answer: RunResult, ways: readonly string[] = []): FreeSpace {
  const [blocks = '', inodes = ''] = answer.stdout.split('\n');
  const space = LINE.exec(blocks);
  if (space === null) {
    throw new PitrError({
      kind: 'failed',
      code: 'space-unknown',
      message: `cannot tell how much space there is for ${path}`,
      evidence: { ...evidenceOf(answer), command: `df ${quote(path)}` },
      next: [
        'Let the task become root, or a user that may enter every directory on the way there (become: true).',
        `See what is in the way: namei -l ${path}`,
        ...ways,
      ],
    });
  }
  const [, device = '', kilobytes = '', , free = '', mount = ''] = space;
  const [, , allInodes = '0', , freeInodes = '0'] = LINE.exec(inodes) ?? [];
  return {
    device,
    mount,
    sizeBytes: Number(kilobytes) * 1024,
    freeBytes: Number(free) * 1024,
    ...(Number(allInodes) > 0 ? { freeInodes: Number(freeInodes) } : {}),
  };
}
