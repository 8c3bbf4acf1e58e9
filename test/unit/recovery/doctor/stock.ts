import { parseBackupInfo } from '../../../../lib/recovery/barman/backup-info.ts';
import type { Stock } from '../../../../lib/recovery/doctor/facts.ts';
import { instantAt } from '../../../../lib/recovery/wal/instant.ts';
import { parseSegment } from '../../../../lib/recovery/wal/segment.ts';
import { fixture } from '../barman/fixture.ts';

export const MIB = 1024 * 1024;

/** A backup of 34.3 MiB, and eight segments of 16 MiB from its beginning. */
export const STOCK: Stock = {
  servers: [
    {
      name: 'db1',
      directory: '',
      idle: [],
      basebackups: '',
      meta: '',
      wals: '',
      incoming: '',
      streaming: '',
      streamingArchiver: false,
      errors: '',
      xlogDbs: [],
      retention: { minimum: 0 },
      conninfoHosts: [],
      staging: { remote: false, path: '/tmp' },
      backups: [parseBackupInfo('db1', '20261122T155813', fixture('backup.info'))],
    },
  ],
  archives: [
    {
      server: 'db1',
      files: [8, 9, 10, 11, 12, 13, 14, 15].flatMap((number) => {
        const segment = parseSegment(
          `0000000100000000000000${number.toString(16).toUpperCase().padStart(2, '0')}`,
        );
        const time = instantAt(1_795_363_100_000_000n);
        return segment === undefined ? [] : [{ segment, partial: false, time, size: 16 * MIB }];
      }),
      lost: [],
      histories: [],
      damaged: [],
    },
  ],
};
