import type { ReportPart } from '../../contract/script-report.ts';
import type { Archive, ArchivedFile, ArchivedHistory, LostFile } from '../wal/archive.ts';
import { parseHistory } from '../wal/timeline.ts';
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

/**
 * Reads the listing of WAL archives: `@archive <server>` with a line per file that lies on disk (in the form of
 * xlog.db, size as on disk, time and compression as registered where registered), `@history <name>` with the file's
 * text, `@trouble` and lines with `!` for what could not be read, lines with `?` for what is registered and not there. Names that are none of an archive's are passed over.
 */
export function parseArchiveListing(parts: readonly ReportPart[]): ArchiveListing {
  const found = new Map<
    string,
    { files: ArchivedFile[]; lost: LostFile[]; texts: Map<number, string>; times: RegisteredFile[] }
  >();
  const troubles: ArchiveTrouble[] = [];
  let server = '';
  for (const part of parts) {
    if (part.kind === 'archive') {
      server = part.rest;
      const complaints = part.lines.filter((line) => line.startsWith('!'));
      if (complaints.length > 0)
        troubles.push({ server, text: complaints.map((line) => line.slice(1)).join('\n') });
      const registered = part.lines.flatMap((line) => parseXlogDbLine(line) ?? []);
      found.set(server, {
        files: registered.flatMap(archivedFile),
        lost: part.lines.filter((line) => line.startsWith('?')).flatMap((line) => lostFile(line.slice(1))),
        texts: new Map(),
        times: registered.filter(({ file }) => file.kind === 'history'),
      });
    } else if (part.kind === 'history') {
      found.get(server)?.texts.set(Number.parseInt(part.rest.slice(0, 8), 16), part.lines.join('\n'));
    } else if (part.kind === 'trouble') {
      troubles.push({ server, text: part.lines.join('\n') || part.rest });
    }
  }
  const archives: Archive[] = [];
  for (const [name, { files, lost, texts, times }] of found) {
    const histories: ArchivedHistory[] = [];
    for (const { file, time } of times) {
      const text = file.kind === 'history' ? texts.get(file.timeline) : undefined;
      if (file.kind !== 'history' || text === undefined) continue;
      try {
        histories.push({ history: parseHistory(file.timeline, text), time });
      } catch (error) {
        troubles.push({ server: name, text: error instanceof Error ? error.message : String(error) });
      }
    }
    archives.push({ server: name, files, lost, histories });
  }
  return { archives, troubles };
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
