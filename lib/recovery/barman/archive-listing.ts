import type { ReportPart } from '../../contract/script-report.ts';
import type { Archive, ArchivedFile, ArchivedHistory, DamagedHistory, LostFile } from '../wal/archive.ts';
import { parseArchiveFileName } from '../wal/archive-file.ts';
import type { Instant } from '../wal/instant.ts';
import { historyFileName, readHistory, type TimelineId } from '../wal/timeline.ts';
import { parseXlogDbLine, type RegisteredFile } from './xlog-db.ts';

/** Something in an archive that could not be read; what lies there is not known. */
interface ArchiveTrouble {
  readonly server: string;
  readonly text: string;
}

export interface ArchiveListing {
  readonly archives: readonly Archive[];
  readonly troubles: readonly ArchiveTrouble[];
}

interface Found {
  readonly files: readonly ArchivedFile[];
  readonly lost: readonly LostFile[];
  /** When each history file was written, as listed. */
  readonly written: ReadonlyMap<TimelineId, Instant>;
  readonly histories: ArchivedHistory[];
  readonly damaged: DamagedHistory[];
}

/**
 * Reads the listing of WAL archives: `@archive <server>` with a line per file that lies on disk (in the form of
 * xlog.db, size as on disk, time and compression as registered where registered), `@history <name> <path>` with the
 * file's bytes in base64, unpacked, `@damaged <name> <path>` with what was said when it was unpacked, `@trouble` and
 * lines with `!` for what could not be read, lines with `?` for what is registered and not there. Names that are none
 * of an archive's are passed over.
 */
export function parseArchiveListing(parts: readonly ReportPart[]): ArchiveListing {
  const servers = new Map<string, Found>();
  const troubles: ArchiveTrouble[] = [];
  let server = '';
  for (const { kind, rest, lines } of parts) {
    if (kind === 'archive') {
      server = rest;
      const complaints = lines.filter((line) => line.startsWith('!'));
      if (complaints.length > 0)
        troubles.push({ server, text: complaints.map((line) => line.slice(1)).join('\n') });
      servers.set(server, listed(lines));
    } else if (kind === 'history' || kind === 'damaged') {
      const found = servers.get(server);
      if (found !== undefined) addHistory(found, kind, rest, lines);
    } else if (kind === 'trouble') {
      troubles.push({ server, text: lines.join('\n') || rest });
    }
  }
  return { archives: [...servers].map(([name, found]) => archiveOf(name, found)), troubles };
}

function listed(lines: readonly string[]): Found {
  const registered = lines.flatMap((line) => parseXlogDbLine(line) ?? []);
  return {
    files: registered.flatMap(archivedFile),
    lost: lines.filter((line) => line.startsWith('?')).flatMap((line) => lostFile(line.slice(1))),
    written: new Map(
      registered.flatMap(({ file, time }) => (file.kind === 'history' ? [[file.timeline, time]] : [])),
    ),
    histories: [],
    damaged: [],
  };
}

function addHistory(
  { written, histories, damaged }: Found,
  kind: 'history' | 'damaged',
  place: string,
  lines: readonly string[],
): void {
  const [name = ''] = place.split(' ', 1);
  const path = place.slice(name.length + 1);
  const file = parseArchiveFileName(name);
  if (file?.kind !== 'history') return;
  const { timeline } = file;
  if (kind === 'damaged') {
    damaged.push({
      timeline,
      path,
      why: `cannot be unpacked: ${lines.join(' ').trim() || 'nothing was said'}`,
    });
    return;
  }
  const bytes = Buffer.from(lines.join(''), 'base64');
  const read = readHistory(timeline, bytes.toString('latin1'));
  const time = written.get(timeline);
  if ('why' in read) damaged.push({ timeline, path, why: read.why });
  else if (time === undefined) return;
  else {
    // What Barman delivers is the copy in the archive itself, which is read last.
    const before = histories.findIndex(({ history }) => history.timeline === timeline);
    if (before !== -1) histories.splice(before, 1);
    histories.push({ history: read, time, bytes });
  }
}

function archiveOf(server: string, { files, lost, written, histories, damaged }: Found): Archive {
  const told = new Set([
    ...histories.map(({ history }) => history.timeline),
    ...damaged.map((d) => d.timeline),
  ]);
  const silent = [...written.keys()]
    .filter((timeline) => !told.has(timeline))
    .map((timeline) => ({
      timeline,
      path: historyFileName(timeline),
      why: 'was gone when it was to be read',
    }));
  return { server, files, lost, histories, damaged: [...damaged, ...silent] };
}

function archivedFile(registered: RegisteredFile): readonly ArchivedFile[] {
  const { file, time, size, compressed } = registered;
  if (file.kind !== 'segment' && file.kind !== 'partial') return [];
  return [{ segment: file.segment, partial: file.kind === 'partial', time, size, compressed }];
}

function lostFile(line: string): readonly LostFile[] {
  const registered = parseXlogDbLine(line);
  return registered?.file.kind === 'segment'
    ? [{ segment: registered.file.segment, time: registered.time }]
    : [];
}
