import { describe, expect, it } from 'vitest';
import { type BackupInfo, isComplete, parseBackupInfo } from '../../../../lib/recovery/barman/backup-info.ts';
import { backupToHold } from '../../../../lib/recovery/barman/keep.ts';
import { obsoleteByOneMore, shortOfPolicy } from '../../../../lib/recovery/barman/retention.ts';
import { parseInstant } from '../../../../lib/recovery/wal/parse-instant.ts';
import { fixture } from './fixture.ts';

const NOW = instant('2026-11-29 12:00:00+00');

function instant(text: string) {
  const parsed = parseInstant(text);
  if (!parsed.ok) throw new Error(text);
  return parsed.instant;
}

/** A backup of each day, the newest first. */
function backups(kept: readonly string[] = []) {
  return ['28', '27', '26', '25'].map((day) => {
    const id = `202611${day}T120000`;
    const text = fixture('backup.info').replace(/end_time=\S+/, `end_time=2026-11-${day}`);
    return { ...parseBackupInfo('db1', id, text), ...(kept.includes(day) ? { kept: 'full' } : {}) };
  });
}

describe('one more backup', () => {
  it.each([
    [undefined, 0, [], []],
    ['REDUNDANCY 1', 0, [], ['28', '27', '26', '25']],
    ['redundancy 2', 0, [], ['27', '26', '25']],
    ['REDUNDANCY 2', 4, [], ['25']],
    ['REDUNDANCY 1', 0, ['26'], ['28', '27', '25']],
    ['RECOVERY WINDOW OF 2 DAYS', 0, [], ['25']],
    ['RECOVERY WINDOW OF 1 WEEK', 0, [], []],
    ['RECOVERY WINDOW OF 2 DAYS', 5, [], []],
    ['something else', 0, [], []],
  ] as const)('with %s and at least %i, %j kept, makes %j obsolete', (policy, minimum, kept, gone) => {
    const found = obsoleteByOneMore(backups(kept), { policy, minimum }, NOW);
    expect(found.map(({ id }) => id.slice(6, 8))).toEqual(gone);
  });
});

describe("one more backup, replayed from Debian's Barman 3.20.1: of differences to a whole one", () => {
  const [of28, of27, of26, of25] = backups();
  const chain = (kept?: string) => [
    { ...of28, parent: of27?.id },
    of27,
    { ...of26, parent: of25?.id },
    { ...of25, kept },
  ];

  it.each([
    // Whole are 27 and 25.
    ['REDUNDANCY 2', undefined, ['26', '25']],
    ['REDUNDANCY 2', 'full', []],
    ['REDUNDANCY 2', 'standalone', ['26']],
    ['REDUNDANCY 3', undefined, []],
    ['RECOVERY WINDOW OF 1 DAYS', undefined, ['26', '25']],
  ])('with %s, the oldest kept as %s, goes %j', (policy, kept, gone) => {
    const found = obsoleteByOneMore(chain(kept) as BackupInfo[], { policy, minimum: 0 }, NOW);
    expect(found.map(({ id }) => id.slice(6, 8))).toEqual(gone);
  });

  it('the whole one is kept for all that rest on it', () => {
    const all = chain() as BackupInfo[];
    expect(all.map((backup) => backupToHold(backup, all).id.slice(6, 8))).toEqual(['27', '27', '25', '25']);
    expect(fixture('3.20.1/keep-of-incremental.txt')).toContain('Only full backups are eligible');
    const real = parseBackupInfo('db1', '20261122T180000', fixture('3.20.1/incremental.backup.info'));
    const whole = parseBackupInfo('db1', '20261122T155813', fixture('3.13.3/backup.info'));
    expect(backupToHold(real, [real, whole])).toBe(whole);
    expect(backupToHold(real, [real])).toBe(real);
  });
});

describe('what backups of four days lack of a policy', () => {
  it.each([
    ['REDUNDANCY 4', undefined],
    ['redundancy 5', 'there are 4 whole backups, and there are to be 5'],
    ['RECOVERY WINDOW OF 3 DAYS', undefined],
    [
      'RECOVERY WINDOW OF 1 WEEK',
      /^the oldest whole backup, 20261125T120000 of db1, is 3 days old, and .* 7 days /,
    ],
    ['something else', undefined],
  ])('%s', (policy, lack) => {
    const said = shortOfPolicy(backups().filter(isComplete), policy, NOW);
    if (lack instanceof RegExp) expect(said).toMatch(lack);
    else expect(said).toBe(lack);
  });

  it('takes one that is kept alone for no beginning of a window', () => {
    const [newest, ...older] = backups();
    const all = [newest, ...older.map((one) => ({ ...one, kept: 'standalone' }))] as BackupInfo[];
    const told = (those: readonly BackupInfo[]) =>
      shortOfPolicy(those.filter(isComplete), 'RECOVERY WINDOW OF 3 DAYS', NOW);
    expect(told(all)).toMatch(/^the oldest whole backup, 20261128T120000 /);
    expect(told(all.slice(1))).toMatch(/^every whole backup is kept without the WAL behind it /);
  });

  it('counts no difference to another one', () => {
    const [of28, of27] = backups();
    const all = [{ ...of28, parent: of27?.id }, of27] as BackupInfo[];
    expect(shortOfPolicy(all.filter(isComplete), 'REDUNDANCY 2', NOW)).toBe(
      'there is 1 whole backup, and there are to be 2',
    );
  });
});
