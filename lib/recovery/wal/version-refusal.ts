import { PitrError } from '../../base/errors/pitr-error.ts';
import { KNOWN_VERSIONS } from './records/version.ts';
import type { WalSegment } from './segment.ts';

/** WAL that may be good, and is not read here: where recovery would stop cannot be told. */
export function walVersionUnknown(segment: WalSegment, why: string, host: string): PitrError {
  return new PitrError({
    kind: 'refused',
    code: 'wal-version-unknown',
    message: `WAL segment ${segment} is not of a PostgreSQL whose WAL pitr reads: ${why}`,
    details: [
      `pitr reads WAL of ${KNOWN_VERSIONS}. Without reading it nobody can say where a recovery would stop.`,
    ],
    host,
    next: [
      'Is there a newer pitr that knows this version?',
      'Barman itself restores it, beside the cluster and with nothing proved: barman recover --target-time ... --target-action pause <server> <backup> <directory>',
    ],
  });
}
