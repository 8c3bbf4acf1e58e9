import { PitrError } from '../../base/errors/pitr-error.ts';
import type { ReadHost } from '../../contract/host.ts';
import { type Probe, probe } from '../../contract/probe.ts';
import type { Lsn } from '../wal/lsn.ts';
import { lastRecordEnd } from '../wal/records/last-record.ts';
import { parseSegment, type SegmentSize, startOfSegment, type WalSegment } from '../wal/segment.ts';
import {
  type BarmanPlace,
  type OtherBytes,
  type OwnWal,
  otherBytes,
  type SentFile,
  unproved,
} from './same-bytes.ts';
import { READ_FILE, readOnce } from './wal-file.ts';

/**
 * Those of a node's beginnings of segments that an archive has: byte for byte, or up to the same record or a later one.
 * Two nodes that have received the same WAL have the same records, and other bytes behind them. Throws kind `failed`
 * (`archive-not-proved`) where that cannot be told.
 */
export async function heldBeginnings(
  host: ReadHost,
  barman: BarmanPlace,
  own: OwnWal,
  beginnings: readonly SentFile[],
): Promise<ReadonlySet<string>> {
  const held = new Set(beginnings.map(({ name }) => name));
  for (const other of await otherBytes(host, barman, own, beginnings, { where: 'arrived' })) {
    if (!(await reachesAsFar(host, barman, own, other))) held.delete(other.file.name);
  }
  return held;
}

async function reachesAsFar(
  host: ReadHost,
  barman: BarmanPlace,
  { pgdata, user, systemId, segmentSize }: OwnWal,
  { file, gone, copies }: OtherBytes,
): Promise<boolean> {
  const segment = parseSegment(file.name);
  if (segment === undefined || gone || copies.length === 0) return false;
  const endOf = (bytes: Uint8Array, of: WalSegment): Lsn =>
    lastRecordEnd(bytes, startOfSegment(of, segmentSize), segmentSize, systemId);
  const path = `${pgdata}/pg_wal/${segment}`;
  const own = await readFrom(host, path, probe(['cat', '--', path], { user }), segmentSize);
  if (own instanceof PitrError) throw own;
  const mine = endOf(own, segment);
  let unread: PitrError | undefined;
  for (const copy of copies) {
    const unpacked = READ_FILE([copy.path], { user: barman.user });
    const read = await readFrom(host.peer(barman.host), copy.path, unpacked, segmentSize);
    if (read instanceof PitrError) unread = read;
    else if (endOf(read, segment) >= mine) return true;
  }
  if (unread !== undefined) throw unread;
  return false;
}

/** The bytes, or the error that says why they cannot be had: another copy may do. */
async function readFrom(
  host: ReadHost,
  path: string,
  command: Probe,
  size: SegmentSize,
): Promise<Uint8Array | PitrError> {
  const { bytes, exitCode, stderr } = await readOnce(host, command, size);
  if (exitCode === 0 && bytes !== undefined) return bytes;
  const evidence = { command: `(the bytes of ${path})`, stderr };
  return unproved(host.name, path)(exitCode === undefined ? evidence : { ...evidence, exitCode });
}
