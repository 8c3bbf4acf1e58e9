import type { Instant } from '../wal/instant.ts';
import { type BackupInfo, type CompleteBackup, chainOfBackup, isComplete } from './backup-info.ts';

/** How many backups of a server stay, as its configuration says. */
export interface Retention {
  /** `REDUNDANCY 2`, `RECOVERY WINDOW OF 7 DAYS`; absent where nothing is ever obsolete. */
  readonly policy?: string | undefined;
  readonly minimum: number;
}

const DAYS = { DAY: 1, WEEK: 7, MONTH: 31 } as const;
const MICROSECONDS_A_DAY = 86_400_000_000n;

/**
 * The backups that one more backup makes obsolete, which Barman deletes at its next `barman cron` with all WAL before the
 * oldest one that stays. What is kept (`barman keep`) stays. As retention_policies.py of Barman 3.4.0 counts, and that of
 * 3.20.1 those that are differences to another one: they are not counted, and go when the whole one goes.
 */
export function obsoleteByOneMore(
  backups: readonly BackupInfo[],
  retention: Retention,
  now: Instant,
): readonly CompleteBackup[] {
  const done = backups.filter(isComplete).sort((a, b) => (a.id < b.id ? 1 : -1));
  const outside = new Set(
    outsidePolicy(
      done.filter(({ parent }) => parent === undefined),
      retention,
      now,
    ),
  );
  return done.filter((backup) => {
    const root = chainOfBackup(backup, done)?.at(-1);
    if (root === undefined || !outside.has(root)) return false;
    return root === backup ? backup.kept === undefined : root.kept !== 'full';
  });
}

/** What a policy asks for: so many whole backups, or that every moment of so many days can be reached. */
type Asked = { readonly backups: number } | { readonly days: number };

/** Nothing of a policy that Barman would not know, either. */
function askedBy(policy = ''): Asked | undefined {
  const redundancy = /^\s*redundancy\s+(\d+)\s*$/i.exec(policy);
  if (redundancy !== null) return { backups: Number(redundancy[1]) };
  const window = /^\s*recovery\s+window\s+of\s+(\d+)\s+(day|month|week)s?\s*$/i.exec(policy);
  if (window === null) return undefined;
  const [, count = '0', unit = ''] = window;
  return { days: Number(count) * (DAYS[unit.toUpperCase() as keyof typeof DAYS] ?? 0) };
}

function daysBefore(now: Instant, days: number): bigint {
  return now - BigInt(days) * MICROSECONDS_A_DAY;
}

/** The newest first. */
function outsidePolicy(
  whole: readonly CompleteBackup[],
  { policy, minimum }: Retention,
  now: Instant,
): readonly CompleteBackup[] {
  const asked = askedBy(policy);
  if (asked === undefined) return [];
  if ('backups' in asked) {
    const most = Math.max(asked.backups, minimum);
    return whole.filter((_, index) => index + 1 >= most);
  }
  const begin = daysBefore(now, asked.days);
  const covering = whole.findIndex(({ endTime }) => endTime < begin);
  return covering === -1 ? [] : whole.filter((_, index) => index > covering && index + 1 >= minimum);
}

/**
 * What complete backups lack of what a policy asks for, in words. Whole ones count, as for Barman, and of all servers of a
 * cluster: a recovery starts from any of them. Nothing where they lack nothing, or there is none.
 */
export function shortOfPolicy(
  backups: readonly CompleteBackup[],
  policy: string,
  now: Instant,
): string | undefined {
  const asked = askedBy(policy);
  const whole = backups
    .filter(({ parent }) => parent === undefined)
    .toSorted((a, b) => (a.endTime < b.endTime ? -1 : 1));
  if (asked === undefined || whole.length === 0) return undefined;
  if ('backups' in asked) {
    if (whole.length >= asked.backups) return undefined;
    return `there ${whole.length === 1 ? 'is 1 whole backup' : `are ${whole.length} whole backups`}, and there are to be ${asked.backups}`;
  }
  // Of one that is kept alone Barman keeps no WAL from behind its end.
  const oldest = whole.find(({ kept }) => kept !== 'standalone');
  if (oldest === undefined)
    return `every whole backup is kept without the WAL behind it (barman keep --target standalone), and every moment of ${asked.days} days is to be within reach`;
  if (oldest.endTime < daysBefore(now, asked.days)) return undefined;
  const days = Number((now - oldest.endTime) / MICROSECONDS_A_DAY);
  return `the oldest whole backup, ${oldest.id} of ${oldest.server}, is ${days} days old, and every moment of ${asked.days} days is to be within reach`;
}

/** The same in words; nothing where nothing is deleted. */
export function deletedByRetention(
  server: string,
  backups: readonly BackupInfo[],
  retention: Retention,
  now: Instant,
): string | undefined {
  const gone = obsoleteByOneMore(backups, retention, now);
  if (gone.length === 0) return undefined;
  const names = gone.map(({ id }) => id);
  return (
    `With one more backup ${names.join(', ')} of ${server} ${names.length === 1 ? 'is' : 'are'} obsolete (${retention.policy}): ` +
    `Barman deletes ${names.length === 1 ? 'it' : 'them'} at its next cron, with the WAL before the oldest backup that stays. ` +
    `To keep one: barman keep --target full ${server} <id>`
  );
}
