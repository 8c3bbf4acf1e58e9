import { z } from 'zod';
import { formatBytes } from '../../lib/base/values/bytes.ts';
import { lookOnce } from '../../lib/engine/run/look.ts';
import type { Surroundings } from '../recover/gap.ts';
import { table } from '../table.ts';
import { barmanHost } from '../well-known-hosts.ts';
import { choose, type Prompt } from './prompt.ts';

const backupSchema = z.looseObject({
  id: z.string(),
  server: z.string(),
  status: z.string(),
  size_bytes: z.number().optional(),
  end_time: z.string().optional(),
  to: z.string().optional(),
  missing: z.array(z.string()).default([]),
});

export type Backup = z.output<typeof backupSchema>;

/** All backups of all servers, those that can be used numbered; `r` reads them again. */
export async function chooseBackup(
  prompt: Prompt,
  request: Surroundings & { readonly signal: AbortSignal },
): Promise<Backup> {
  for (;;) {
    prompt.say(['', 'Loading backups of all Barman servers...']);
    const all = await readBackups(request);
    const usable = all.filter(({ status, to }) => status === 'DONE' && to !== undefined);
    prompt.say(['', ...lines(all, usable), '']);
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

async function readBackups(
  request: Surroundings & { readonly signal: AbortSignal },
): Promise<readonly Backup[]> {
  const [answer] = await lookOnce({ ...request, hosts: barmanHost, module: 'barman.backups', params: {} });
  if (answer?.error !== undefined) throw answer.error;
  return z.looseObject({ backups: z.array(backupSchema) }).parse(answer?.result).backups;
}

function lines(all: readonly Backup[], usable: readonly Backup[]): readonly string[] {
  const second = (time: string | undefined): string => time?.slice(0, 19) ?? '-';
  return table<Backup>(
    [
      {
        title: '  #',
        value: (one) => (usable.includes(one) ? String(usable.indexOf(one) + 1) : '-'),
        align: 'right',
      },
      { title: 'BACKUP', value: ({ id }) => id },
      { title: 'SERVER', value: ({ server }) => server },
      { title: 'STATUS', value: ({ status }) => status },
      {
        title: 'SIZE',
        value: ({ size_bytes: size }) => (size === undefined ? '-' : formatBytes(size)),
        align: 'right',
      },
      { title: 'ENDED (UTC)', value: ({ end_time: time }) => second(time) },
      {
        title: 'REACHES UNTIL',
        value: ({ to, missing }) =>
          `${second(to)}${missing.length === 0 ? '' : ' (WAL is missing after that)'}`,
      },
    ],
    all,
  );
}
