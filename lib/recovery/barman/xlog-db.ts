import { type ArchiveFileName, parseArchiveFileName } from '../wal/archive-file.ts';
import { type Instant, parseEpoch } from '../wal/instant.ts';

/** A line of Barman's register of archived WAL. The register says what was archived once, not what is there. */
export interface RegisteredFile {
  readonly file: ArchiveFileName;
  readonly size: number;
  /** When the file was last written on the database node. */
  readonly time: Instant;
  /** Whether the file is not as it was written, compressed or encrypted; absent where the line does not say. */
  readonly compressed?: boolean | undefined;
}

/** Reads a line of `xlog.db`: name, size, time, compression, encryption (since 3.14), by tabs. Nothing when it is none. */
export function parseXlogDbLine(line: string): RegisteredFile | undefined {
  const [name = '', size = '', time = '', ...packing] = line.split('\t');
  const file = parseArchiveFileName(name);
  const instant = parseEpoch(time);
  if (file === undefined || instant === undefined || !/^\d+$/.test(size)) return undefined;
  const told = packing.filter((word) => word !== '');
  const known = told.length === 0 ? {} : { compressed: told.some((word) => word !== 'None') };
  return { file, size: Number(size), time: instant, ...known };
}
