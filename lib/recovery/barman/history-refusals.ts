import { dirname } from 'node:path/posix';
import { PitrError } from '../../base/errors/pitr-error.ts';
import { commandLine } from '../../transport/quote.ts';
import type { Archive } from '../wal/archive.ts';
import type { WalOfTimeline } from '../wal/next-timeline.ts';
import { historyFileName, type TimelineId } from '../wal/timeline.ts';
import type { ServerConfig } from './config.ts';

/**
 * Throws a refusal when an archive has a history file that cannot be believed, whatever its number: recovery is asked
 * for it sooner or later, and ends there in FATAL.
 */
export function refuseDamagedHistories(archives: readonly Archive[], host: string): void {
  const all = archives.flatMap(({ server, damaged }) => damaged.map((one) => ({ server, ...one })));
  const [first] = all;
  if (first === undefined) return;
  const { server, timeline, path, why } = first;
  const name = historyFileName(timeline);
  throw new PitrError({
    kind: 'refused',
    code: 'history-damaged',
    message: `the history file of timeline ${timeline} in the archive of Barman server "${server}" cannot be believed: it ${why}`,
    details: [
      ...all.slice(0, 8).map((one) => `${one.path}: it ${one.why}`),
      'PostgreSQL asks the archives for history files when a recovery begins and when it ends. At this one it would stop with FATAL.',
    ],
    host,
    next: [
      `If a node was promoted to timeline ${timeline}, the right file is in its pg_wal: ls -l <pgdata>/pg_wal/${name}. Copy it over ${path}.`,
      `If no node was ever on timeline ${timeline}, put the file aside, as Barman's user on ${host}:`,
      `${commandLine(['mv', path, `${homeOf(path)}/${name}.damaged`])} && ${commandLine(['barman', 'rebuild-xlogdb', server])}`,
    ],
  });
}

/** `/var/lib/barman/db1/wals/00000002.history`: the directory of the server. */
function homeOf(path: string): string {
  return dirname(dirname(path));
}

/**
 * The next timeline has WAL in an archive already, and no archive has its history file: what the recovered cluster
 * would archive under these names would be put aside by Barman.
 */
export function nextTimelineHasWal(
  timeline: TimelineId,
  found: readonly WalOfTimeline[],
  servers: readonly ServerConfig[],
  host: string,
): PitrError {
  const prefix = historyFileName(timeline).slice(0, 8);
  const asides = found.flatMap(({ server }) => {
    const config = servers.find(({ name }) => name === server);
    if (config === undefined) return [];
    const aside = `${dirname(config.wals)}/strays`;
    const places = [config.wals, config.incoming, config.streaming, config.errors];
    const find = [
      'find',
      ...places,
      '-type',
      'f',
      '-name',
      `${prefix}*`,
      '-exec',
      'mv',
      '-t',
      aside,
      '{}',
      '+',
    ];
    return [
      `${commandLine(['mkdir', '-p', aside])} && ${commandLine(find)}; ${commandLine(['barman', 'rebuild-xlogdb', server])}`,
    ];
  });
  return new PitrError({
    kind: 'refused',
    code: 'next-timeline-has-wal',
    message: `the recovered cluster would become timeline ${timeline}, and there is WAL of a timeline ${timeline} already, without a history file`,
    details: [
      ...found.map(
        ({ server, names }) =>
          `${server}: ${names.slice(0, 6).join(', ')}${names.length > 6 ? ` and ${names.length - 6} more` : ''}`,
      ),
      'Barman keeps the first file of a name and puts later ones into errors/: the new WAL would not be archived.',
    ],
    host,
    next: [
      `If a node was promoted to timeline ${timeline}: its ${prefix}.history is in its pg_wal. Copy it into incoming/ of its Barman server, and the next number is taken instead.`,
      `If these files belong to no timeline of this cluster, put them aside, as Barman's user on ${host}:`,
      ...asides,
    ],
  });
}
