import { z } from 'zod';
import { formatBytes } from '../../lib/base/values/bytes.ts';
import { lookOnce } from '../../lib/engine/run/look.ts';
import { backupSchema, shownRange, unreadServers, unreadWords } from '../commands/backups.ts';
import type { Surroundings } from '../recover/gap.ts';
import { table } from '../table.ts';
import { barmanHost } from '../well-known-hosts.ts';
import { choose, type Prompt } from './prompt.ts';

const usableSchema = backupSchema.extend({ to: z.string().optional() });

export type Backup = z.output<typeof usableSchema>;

/** All backups of all servers, those that can be used numbered; `r` reads them again. */
export async function chooseBackup(
  prompt: Prompt,
  request: Surroundings & { readonly signal: AbortSignal },
): Promise<Backup> {
  for (;;) {
    prompt.say(['', 'Loading backups of all Barman servers...']);
    const { backups: all, unread } = await readBackups(request);
    const usable = all.filter(({ status, to }) => status === 'DONE' && to !== undefined);
    prompt.say(['', ...lines(all, usable), ...unread.map(unreadWords), '']);
    if (usable.length === 0) {
      prompt.say(['No backup can be recovered from.']);
      await prompt.ask('Enter reads them again, Ctrl-C leaves', 'r');
      continue;
    }
    const chosen = await choose<Backup | 'again'>(
      prompt,
      'Backup (r reads them again)',
      [...usable.map((backup) => ({ name: backup.id, value: backup })), { name: 'r', value: 'again' }],
      1,
    );
    if (chosen !== 'again') return chosen;
  }
}

const answerSchema = z.looseObject({ backups: z.array(usableSchema), unread: unreadServers });

async function readBackups(
  request: Surroundings & { readonly signal: AbortSignal },
): Promise<z.output<typeof answerSchema>> {
  const [answer] = await lookOnce({ ...request, hosts: barmanHost, module: 'barman.backups', params: {} });
  if (answer?.error !== undefined) throw answer.error;
  return answerSchema.parse(answer?.result);
}

/** A row for each timeline that a backup reaches, the number at the first one. */
function lines(all: readonly Backup[], usable: readonly Backup[]): readonly string[] {
  const rows = all.flatMap((backup) => {
    const ranges = backup.ranges.length === 0 ? [undefined] : backup.ranges;
    return ranges.map((range, index) => ({ backup, range, first: index === 0 }));
  });
  const once = (text: (backup: Backup) => string) => (row: (typeof rows)[number]) =>
    row.first ? text(row.backup) : '';
  const number = (one: Backup): string => (usable.includes(one) ? String(usable.indexOf(one) + 1) : '-');
  return table<(typeof rows)[number]>(
    [
      { title: '  #', value: once(number), align: 'right' },
      { title: 'BACKUP', value: once(({ id }) => id) },
      { title: 'SERVER', value: once(({ server }) => server) },
      { title: 'STATUS', value: once(({ status }) => status) },
      {
        title: 'SIZE',
        value: once(({ size_bytes: size }) => (size === undefined ? '-' : formatBytes(size))),
        align: 'right',
      },
      {
        title: 'TL',
        value: ({ range }) => (range === undefined ? '-' : String(range.timeline)),
        align: 'right',
      },
      { title: 'AFTER (UTC)', value: ({ range }) => shownRange(range)[0] },
      {
        title: 'UNTIL',
        value: ({ range }) =>
          `${shownRange(range)[1]}${range === undefined || range.gaps.length === 0 ? '' : ' (WAL is missing after that)'}`,
      },
    ],
    rows,
  );
}
