import { z } from 'zod';
import { formatBytes } from '../../lib/base/values/bytes.ts';
import { defineCommand } from '../command.ts';
import { INVENTORY_OPTIONS, OUTPUT_OPTIONS } from '../common-options.ts';
import { exitCodeOfAnswers, type LookSession, withLookSession } from '../look-session.ts';
import { table } from '../table.ts';
import { barmanHost } from '../well-known-hosts.ts';

/** What `barman.backups` says of each. */
const backupSchema = z.looseObject({
  id: z.string(),
  server: z.string(),
  status: z.string(),
  size_bytes: z.number().optional(),
  end_time: z.string().optional(),
  timeline: z.number().optional(),
  from: z.string().optional(),
  to: z.string().optional(),
  missing: z.array(z.string()).default([]),
});
const answerSchema = z.looseObject({ backups: z.array(backupSchema) });

type Backup = z.output<typeof backupSchema>;

export const backups = defineCommand({
  name: 'backups',
  summary: 'All backups of all Barman servers, and the moments they can reach',
  description: [
    'Asks Barman for the backups of all its servers and looks at the WAL that is on disk. A moment after FROM and up to TO can be recovered from that backup, with no segment missing in between. Times are UTC.',
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
      const answers = await lookOnce({
        ...session.request,
        hosts: barmanHost,
        module: 'barman.backups',
        params: server === undefined ? {} : { servers: [server] },
      });
      for (const { host, result, error } of answers) {
        if (error !== undefined) session.tell(error);
        if (result === undefined) continue;
        const { backups: all } = answerSchema.parse(result);
        for (const backup of all) session.emit({ type: 'backup', barman_host: host, ...backup });
        session.print(all.length === 0 ? ['There are no backups.'] : backupLines(all, session));
      }
      return exitCodeOfAnswers(answers);
    }),
});

/** A table where it fits, else two lines a backup. */
export function backupLines(
  all: readonly Backup[],
  { width, view: { paint } }: Pick<LookSession, 'width' | 'view'>,
): string[] {
  const size = (backup: Backup): string =>
    backup.size_bytes === undefined ? '-' : formatBytes(backup.size_bytes);
  const lines = table<Backup>(
    [
      { title: 'BACKUP', value: ({ id }) => id },
      { title: 'SERVER', value: ({ server }) => server },
      { title: 'STATUS', value: ({ status }) => status },
      { title: 'SIZE', value: size, align: 'right' },
      { title: 'FROM', value: (backup) => range(backup)[0] },
      { title: 'TO (UTC)', value: (backup) => range(backup)[1] },
    ],
    all,
  );
  const fits = lines.every((line) => line.length <= width);
  const bodies = fits
    ? lines.slice(1).map((line) => [line])
    : all.map((backup) => [
        `${backup.id}  ${backup.server}  ${backup.status}  ${size(backup)}`,
        backup.to === undefined ? '  cannot be recovered' : `  from ${range(backup).join(' to ')} UTC`,
      ]);
  return [
    ...(fits ? [paint.strong(lines[0] ?? '')] : []),
    ...all.flatMap((backup, index) => {
      const body = bodies[index] ?? [];
      const painted = backup.status === 'DONE' ? body : body.map(paint.failed);
      const gap =
        backup.missing.length === 0
          ? []
          : [paint.failed(`  WAL is missing after that: ${backup.missing.join(', ')}`)];
      return [...painted, ...gap];
    }),
  ];
}

/**
 * The range in whole seconds that lie inside it, so that what is shown can be typed as a target: a target must be
 * later than FROM. A range too short for that is shown as it is.
 */
function range({ from, to }: Backup): readonly [from: string, to: string] {
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
