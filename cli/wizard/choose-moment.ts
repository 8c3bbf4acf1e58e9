import { z } from 'zod';
import type { PitrError } from '../../lib/base/errors/pitr-error.ts';
import { lookOnce } from '../../lib/engine/run/look.ts';
import { formatInstant } from '../../lib/recovery/wal/instant.ts';
import { parseInstant } from '../../lib/recovery/wal/parse-instant.ts';
import { momentLines } from '../recover/carry-out.ts';
import { gapLines, type Surroundings } from '../recover/gap.ts';
import { gapQuestion } from '../recover/order.ts';
import { barmanHost } from '../well-known-hosts.ts';
import type { Backup } from './choose-backup.ts';
import type { Prompt } from './prompt.ts';

export interface Moment {
  readonly targetTime: string;
  readonly acceptGap: boolean;
}

const gapSchema = z.looseObject({
  missing: z.array(z.string()),
  reachable: z.looseObject({ to: z.string() }),
});
const walSchema = z.looseObject({ segments: z.number(), timeline: z.number() });

/** Asks for the moment until it is one that can be reached from the backup, by all WAL that lies on disk. */
export async function chooseMoment(
  prompt: Prompt,
  backup: Backup,
  request: Surroundings & { readonly signal: AbortSignal },
): Promise<Moment> {
  prompt.say([
    '',
    `From this backup every moment can be reached after ${backup.end_time ?? '?'}${backup.to === undefined ? '' : ` and until ${backup.to}`} (UTC).`,
    `Your zone is ${Intl.DateTimeFormat().resolvedOptions().timeZone}. A time needs its offset: 2026-01-23 12:29:59.5+00`,
  ]);
  for (;;) {
    const typed = await prompt.ask('Target time', 'latest');
    const targetTime = spelled(typed, prompt);
    if (targetTime === undefined) continue;
    const [wal] = await lookOnce({
      ...request,
      hosts: barmanHost,
      module: 'barman.wal',
      params: {
        backup: { id: backup.id, server: backup.server },
        target_time: targetTime,
        accept_gap: false,
        // what the living leader has not archived yet is archived by the recovery itself
        unarchived: 'allow',
      },
    });
    if (wal?.error === undefined) {
      const { segments, timeline } = walSchema.parse(wal?.result);
      prompt.say([
        ...(targetTime === 'latest'
          ? ['Target Time: latest, all that is archived']
          : momentLines(targetTime)),
        `  on timeline ${timeline}; WAL: ${segments} segments, all on disk`,
      ]);
      return { targetTime, acceptGap: false };
    }
    const gap = gapSchema.safeParse(wal.error.result).data;
    if (wal.error.code === 'wal-missing' && gap !== undefined) {
      const known = { missing: gap.missing, until: gap.reachable.to };
      prompt.say(['', ...gapLines(known, { targetTime }), '']);
      if (await prompt.confirm(gapQuestion(known.until).text)) return { targetTime, acceptGap: true };
      continue;
    }
    // What is wrong with the moment can be mended here; what is wrong with hosts cannot.
    if (wal.error.kind !== 'refused' && wal.error.kind !== 'validation') throw wal.error;
    tellProblem(wal.error, prompt);
  }
}

function spelled(typed: string, prompt: Prompt): string | undefined {
  if (typed === 'latest') return typed;
  const parsed = parseInstant(typed);
  if (parsed.ok) return formatInstant(parsed.instant);
  const { problem } = parsed;
  prompt.say([
    '',
    `✗ ${problem.message}`,
    ...problem.details.map((line) => `  ${line}`),
    ...problem.next.map((line) => `  ${line}`),
  ]);
  return undefined;
}

function tellProblem(error: PitrError, prompt: Prompt): void {
  prompt.say(['', `✗ ${error.message}`, ...error.details.map((line) => `  ${line}`)]);
}
