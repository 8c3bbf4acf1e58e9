import { z } from 'zod';
import { PitrError } from '../../base/errors/pitr-error.ts';
import { formatBytes, parseBytes } from '../../base/values/bytes.ts';
import { defineLook } from '../../contract/module.ts';
import { probeScript } from '../../contract/probe.ts';
import { parseSpace } from '../../system/fs/free-space.ts';
import { absolutePath } from '../../system/fs/paths.ts';
import { PRESENCE } from '../../system/fs/presence.ts';
import { quote } from '../../transport/quote.ts';

const size = z
  .union([z.number().nonnegative(), z.string()])
  .refine((value) => parseBytes(String(value)) !== undefined, 'expected bytes, or a size such as "10 GiB"');

const params = z.strictObject({
  path: absolutePath.describe('where the data will go; it need not exist yet'),
  need: size.describe('what will be written: bytes, or a size such as "10 GiB"'),
  reserve: size.default(0).describe('what must stay free beside it'),
  inodes: z.number().int().nonnegative().default(0).describe('how many files will be made'),
  ways: z
    .array(z.string())
    .default([])
    .describe('what else can be done where there is too little or that cannot be told, line by line'),
});

// Above a directory that may not be entered lies another file system, perhaps: only what is proved to be absent is passed.
const FREE = probeScript(`${PRESENCE}
p=$1
until presence "$p"; do
  [ $? -eq 1 ] && [ "$p" != / ] || exit 3
  p=\${p%/*}; [ -n "$p" ] || p=/
done
LC_ALL=C df -P -k -- "$p" | tail -n 1
LC_ALL=C df -P -i -- "$p" | tail -n 1`);

export const module = defineLook({
  summary: 'Refuses to go on unless a file system has room for what will be written.',
  description:
    'Counts what a user without privileges may use, and free inodes where the file system has a limit. Fails where the path may not be looked at.',
  examples: `- fs.space:
    path: "{{ pgdata }}"
    need: "{{ backup.size_bytes }}"
    reserve: 1 GiB`,
  params,
  returns: {
    free_bytes: 'what is free',
    needed_bytes: 'need and reserve together',
    size_bytes: 'of the whole file system',
    free_inodes: 'how many files can still be made; absent where there is no limit',
    mount: 'where the file system is mounted',
    device: 'what it is on',
  },
  read: async (host, p) => {
    const space = parseSpace(p.path, await host.query(FREE([p.path])), p.ways);
    const need = parseBytes(String(p.need)) ?? 0;
    const reserve = parseBytes(String(p.reserve)) ?? 0;
    if (space.freeBytes < need + reserve) {
      const kept = reserve === 0 ? '' : ` and ${formatBytes(reserve)} to stay free`;
      throw new PitrError({
        kind: 'refused',
        code: 'not-enough-space',
        message: `not enough space for ${p.path}: ${formatBytes(need)} needed${kept}, ${formatBytes(space.freeBytes)} free on ${space.mount}`,
        details: [
          `needed ${need + reserve} bytes, free ${space.freeBytes} of ${space.sizeBytes} bytes on ${space.device}`,
          `missing: ${formatBytes(need + reserve - space.freeBytes)}`,
        ],
        next: [`du -x -d 1 -h ${space.mount}`, 'Free space there, or choose another place.', ...p.ways],
      });
    }
    if (space.freeInodes !== undefined && space.freeInodes < p.inodes) {
      throw new PitrError({
        kind: 'refused',
        code: 'not-enough-inodes',
        message: `not enough inodes for ${p.path}: ${p.inodes} files to come, ${space.freeInodes} inodes free on ${space.mount}`,
        next: [`df -i ${quote(space.mount)}`, ...p.ways],
      });
    }
    return {
      free_bytes: space.freeBytes,
      needed_bytes: need + reserve,
      size_bytes: space.sizeBytes,
      ...(space.freeInodes === undefined ? {} : { free_inodes: space.freeInodes }),
      mount: space.mount,
      device: space.device,
    };
  },
});
