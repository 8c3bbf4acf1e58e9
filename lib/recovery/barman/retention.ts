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

/** The newest first. */
function outsidePolicy(
  whole: readonly CompleteBackup[],
  { policy = '', minimum }: Retention,
  now: Instant,
): readonly CompleteBackup[] {
  const redundancy = /^\s*redundancy\s+(\d+)\s*$/i.exec(policy);
  if (redundancy !== null) {
    const most = Math.max(Number(redundancy[1]), minimum);
    return whole.filter((_, index) => index + 1 >= most);
  }
  const window = /^\s*recovery\s+window\s+of\s+(\d+)\s+(day|month|week)s?\s*$/i.exec(policy);
  if (window === null) return [];
  const [, count = '0', unit = ''] = window;
  const days = Number(count) * (DAYS[unit.toUpperCase() as keyof typeof DAYS] ?? 0);
  const begin = now - BigInt(days) * MICROSECONDS_A_DAY;
  const covering = whole.findIndex(({ endTime }) => endTime < begin);
  return covering === -1 ? [] : whole.filter((_, index) => index > covering && index + 1 >= minimum);
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
