import { describe, expect, it } from 'vitest';
import { parseArchiveListing } from '../../../lib/barman/archive-listing.ts';
import { type PassedOver, whyChosen, whyNot } from '../../../lib/barman/auto-backup.ts';
import { type CompleteBackup, isComplete, parseBackupInfo } from '../../../lib/barman/backup-info.ts';
import { solveFor } from '../../../lib/barman/recovery-wal.ts';
import { parseReport } from '../../../lib/barman/report.ts';
import type { Archive } from '../../../lib/wal/archive.ts';
import { checkedTarget, type TargetParam } from '../../../lib/wal/target.ts';
import { fixture } from './fixture.ts';

const { archives } = parseArchiveListing(parseReport(fixture('archives-after-switchover.txt')));
const servers = archives.map(({ server }) => ({ name: server, backups: [] }));

function backup(id: string, change: (text: string) => string = (text) => text): CompleteBackup {
  const info = parseBackupInfo('db1', id, change(fixture('backup.info')));
  if (!isComplete(info)) throw new Error('it is DONE');
  return info;
}
const newest = backup('20261122T155813');

/** The reason against a backup, as the operator reads it. */
function reason(param: TargetParam, some: readonly Archive[] = archives): string {
  const target = checkedTarget(param);
  const refusal = solveFor(newest, servers, some, target);
  return refusal.ok ? 'none' : whyNot(refusal, target, newest);
}

describe('why a newer backup is passed over', () => {
  it('is said for each reason', () => {
    expect(reason('2026-11-22 15:00:00+00')).toBe('ended at 2026-11-22 15:58:17.456449+00, after the target');
    expect(reason({ lsn: '0/28' })).toMatch(/^ended at position 0\/[0-9A-F]+, after the target$/);
    expect(reason('2026-11-22 17:00:00+00')).toBe(
      'the WAL that follows it ends before the target, on timeline 2',
    );
    expect(reason('latest', [])).toBe('none of its WAL is archived');
    const holes = archives.map((archive) => ({
      ...archive,
      files: archive.files.filter(({ segment }) => !segment.endsWith(newest.endWal.slice(-8))),
    }));
    expect(reason('latest', holes)).toMatch(/^WAL is missing on its way: [0-9A-F]{24}$/);
  });

  it('and why the chosen one is chosen', () => {
    const older = backup('20261121T155813');
    const passed: PassedOver[] = [{ backup: newest, why: 'ended at 16:00, after the target' }];
    expect(whyChosen(newest, [], checkedTarget('latest'))).toEqual([
      '20261122T155813 of server db1 is the newest backup, and WAL leads from it to the end of what is archived.',
    ]);
    expect(whyChosen(older, passed, checkedTarget({ xid: 731 }))).toEqual([
      '20261121T155813 of server db1 is the newest backup from which WAL leads to after the end of transaction 731.',
      'Passed over: 20261122T155813 of server db1: ended at 16:00, after the target.',
    ]);
  });
});
