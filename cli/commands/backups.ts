import { z } from 'zod';
import { formatBytes } from '../../lib/base/values/bytes.ts';
import { commandLine } from '../../lib/transport/quote.ts';
import { defineCommand } from '../command.ts';
import { INVENTORY_OPTIONS, OUTPUT_OPTIONS, typedWords } from '../common-options.ts';
import { exitCodeOfAnswers, type LookSession, withLookSession } from '../look-session.ts';
import { table } from '../table.ts';
import { printable } from '../text.ts';
import { barmanHost } from '../well-known-hosts.ts';

/** The moments of one timeline, as `barman.backups` says. */
const rangeSchema = z.looseObject({
  timeline: z.number(),
  from: z.string(),
  to: z.string().optional(),
  origin: z.looseObject({ timeline: z.number(), by: z.string() }).optional(),
  gaps: z.array(z.looseObject({ first: z.string(), last: z.string(), segments: z.number() })).default([]),
  conflict: z.array(z.string()).optional(),
});

/** What `barman.backups` says of each. */
export const backupSchema = z.looseObject({
  id: z.string(),
  server: z.string(),
  status: z.string(),
  size_bytes: z.number().optional(),
  end_time: z.string().optional(),
  timeline: z.number().optional(),
  ranges: z.array(rangeSchema).default([]),
});
const damagedSchema = z.looseObject({ server: z.string(), path: z.string(), why: z.string() });
const unreadSchema = z.looseObject({ server: z.string(), concerns: z.boolean(), why: z.string() });
/** Servers that were passed over, as `barman.backups` says. */
export const unreadServers = z.array(unreadSchema).default([]);
const answerSchema = z.looseObject({
  backups: z.array(backupSchema),
  damaged: z.array(damagedSchema).default([]),
  unread: unreadServers,
});

type Backup = z.output<typeof backupSchema>;
type Range = z.output<typeof rangeSchema>;

/** A row: a backup, and one timeline that it reaches; of a backup that reaches none, itself alone. */
interface Row {
  readonly backup: Backup;
  readonly range?: Range | undefined;
}

export const backups = defineCommand({
  name: 'backups',
  summary: 'All backups of all Barman servers, and the moments they can reach',
  description: [
    'Asks Barman for the backups of all its servers and looks at the WAL that is on disk. Each row is a backup and a timeline (TL): a moment after FROM and up to TO can be recovered, with no segment missing in between. After a recovery the moments of the timeline that it left can still be reached: timeline=N says which one is meant where both have the moment. Times are UTC.',
  ],
  arguments: [{ name: 'server', text: 'only this Barman server' }],
  options: { ...INVENTORY_OPTIONS, ...OUTPUT_OPTIONS },
  examples: [
    { text: 'All of the lab', command: 'pitr backups -i inventory/lab-docker.yml' },
    { text: 'For a script', command: 'pitr backups db1 -i inventory/lab-ssh.yml --output json' },
  ],
  run: ({ options, args }, io) =>
    withLookSession(options, io, async (session) => {
      const { lookOnce } = await import('../../lib/engine/run/look.ts');
      const [server] = args;
      const site = typedWords({ ...options, inventory: session.request.inventories });
      const check = `${commandLine(['pitr', 'play', 'recover.yml', ...site])} -e target=<node> --check`;
      const answers = await lookOnce({
        ...session.request,
        hosts: barmanHost,
        module: 'barman.backups',
        params: server === undefined ? {} : { servers: [server] },
      });
      for (const { host, result, error } of answers) {
        if (error !== undefined) session.tell(error);
        if (result === undefined) continue;
        const { backups: all, damaged, unread } = answerSchema.parse(result);
        for (const backup of all) session.emit({ type: 'backup', barman_host: host, ...backup });
        for (const one of damaged) session.emit({ type: 'damaged_history', barman_host: host, ...one });
        for (const one of unread) session.emit({ type: 'unread_server', barman_host: host, ...one });
        session.print(all.length === 0 ? ['There are no backups.'] : backupLines(all, session));
        session.print(damaged.map((one) => session.view.paint.failed(damagedWords(one, check))));
        session.print(unread.map((one) => session.view.paint.failed(unreadWords(one))));
      }
      return exitCodeOfAnswers(answers);
    }),
});

/** What a list does not show, since it could not be looked at. */
export function unreadWords({ why, concerns }: z.output<typeof unreadSchema>): string {
  return printable(
    `Passed over: ${why}.${concerns ? ' WAL of these backups may lie there: other moments may be reached than these.' : ''}`,
  );
}

function damagedWords({ path, why }: z.output<typeof damagedSchema>, check: string): string {
  return printable(`${path} ${why}: every recovery of its cluster is refused. What to do says: ${check}`);
}

/** A table where it fits, else two lines a row. */
export function backupLines(
  all: readonly Backup[],
  { width, view: { paint } }: Pick<LookSession, 'width' | 'view'>,
): string[] {
  const rows = all.flatMap((backup): readonly Row[] =>
    backup.ranges.length === 0 ? [{ backup }] : backup.ranges.map((range) => ({ backup, range })),
  );
  const size = ({ size_bytes: bytes }: Backup): string => (bytes === undefined ? '-' : formatBytes(bytes));
  const timeline = ({ range }: Row): string => (range === undefined ? '-' : String(range.timeline));
  const lines = table<Row>(
    [
      { title: 'BACKUP', value: ({ backup }) => backup.id },
      { title: 'SERVER', value: ({ backup }) => backup.server },
      { title: 'STATUS', value: ({ backup }) => backup.status },
      { title: 'SIZE', value: ({ backup }) => size(backup), align: 'right' },
      { title: 'TL', value: timeline, align: 'right' },
      { title: 'FROM', value: ({ range }) => shownRange(range)[0] },
      { title: 'TO (UTC)', value: ({ range }) => shownRange(range)[1] },
    ],
    rows,
  );
  const fits = lines.every((line) => line.length <= width);
  const bodies = fits
    ? lines.slice(1).map((line) => [line])
    : rows.map((row) => [
        `${row.backup.id}  ${row.backup.server}  ${row.backup.status}  ${size(row.backup)}`,
        row.range?.to === undefined
          ? '  cannot be recovered'
          : `  timeline ${timeline(row)}: from ${shownRange(row.range).join(' to ')} UTC`,
      ]);
  return [
    ...(fits ? [paint.strong(lines[0] ?? '')] : []),
    ...rows.flatMap(({ backup, range }, index) => {
      const body = bodies[index] ?? [];
      const painted = backup.status === 'DONE' ? body : body.map(paint.failed);
      return [...painted, ...remarks(range).map((text) => paint.failed(`  ${text}`))];
    }),
  ];
}

/** What keeps moments of a timeline from being reached. */
export function remarks(range: Range | undefined): readonly string[] {
  if (range === undefined) return [];
  const gaps = range.gaps.map(({ first, last, segments }) =>
    segments === 1 ? first : `${first} to ${last} (${segments} segments)`,
  );
  return [
    ...(gaps.length === 0 ? [] : [`WAL is missing after that: ${gaps.slice(0, 8).join(', ')}`]),
    ...(range.conflict === undefined
      ? []
      : [
          `${range.conflict.join(' and ')} tell different histories of it: name the right servers (barman_servers)`,
        ]),
  ];
}

/**
 * The range in whole seconds that lie inside it, so that what is shown can be typed as a target: a target must be
 * later than FROM. A range too short for that is shown as it is.
 */
export function shownRange(range: Range | undefined): readonly [from: string, to: string] {
  const { from, to } = range ?? {};
  if (from === undefined || to === undefined) return ['-', '-'];
  const first = secondOf(from) + 1000;
  const last = secondOf(to);
  return first <= last ? [written(first), written(last)] : [from, to];
}

/** `2026-11-22 09:34:43.075605+00`: always UTC. */
function secondOf(instant: string): number {
  return Date.parse(`${instant.slice(0, 19).replace(' ', 'T')}Z`);
}

function written(milliseconds: number): string {
  return new Date(milliseconds).toISOString().slice(0, 19).replace('T', ' ');
}
