import { describe, expect, it } from 'vitest';
import { parseBackupInfo } from '../../../../lib/recovery/barman/backup-info.ts';
import { obsoleteByOneMore } from '../../../../lib/recovery/barman/retention.ts';
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
