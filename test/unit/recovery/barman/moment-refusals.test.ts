import { describe, expect, it } from 'vitest';
import type { PitrError } from '../../../../lib/base/errors/pitr-error.ts';
import {
  afterLastCommit,
  beforeConsistency,
  type MomentFacts,
  targetNotFound,
  walDamaged,
} from '../../../../lib/recovery/barman/moment-refusals.ts';
import { instantAt } from '../../../../lib/recovery/wal/instant.ts';
import { lsnAt } from '../../../../lib/recovery/wal/lsn.ts';
import type { Moment } from '../../../../lib/recovery/wal/moment/find.ts';
import { DamagedWal } from '../../../../lib/recovery/wal/moment/scan-chain.ts';
import { parseSegment } from '../../../../lib/recovery/wal/segment.ts';
import { checkedTarget, type TargetParam } from '../../../../lib/recovery/wal/target.ts';

const time = instantAt(1_795_340_083_000_000n);
const moment: Moment = {
  lastCommit: { xid: 740, time, lsn: lsnAt(0x5000060n) },
  last: { lsn: lsnAt(0x50000a0n), endLsn: lsnAt(0x6000000n) },
  held: [],
  prepared: [],
  restorePoints: [{ name: 'before-release', time, lsn: lsnAt(0x5000028n) }],
  writtenBefore: [],
  segmentsRead: 2,
};
const facts = (param: TargetParam): MomentFacts => ({
  target: checkedTarget(param),
  backupId: '20261122T155813',
  timeline: 2,
  host: 'barman',
});

function damaged(): DamagedWal {
  const segment = parseSegment('000000020000000000000006');
  if (segment === undefined) throw new Error('it is one');
  return new DamagedWal(segment, lsnAt(0x6000100n), "the record's checksum is wrong", lsnAt(0x6000060n));
}

/** What the operator reads. */
function words(error: PitrError): string {
  return [`${error.code}: ${error.message}`, ...error.details, ...error.next.map((line) => `> ${line}`)].join(
    '\n',
  );
}

describe('what the operator reads when a moment cannot be reached', () => {
  it('a time after the last commit', () => {
    expect(
      words(afterLastCommit(moment, 'no-leader', facts('2026-11-22 17:00:00+00'))),
    ).toMatchInlineSnapshot(`
      "target-after-last-commit: no transaction that is archived ended after the target, so that nothing would stop the recovery there: 2026-11-22 17:00:00+00
      The last commit on timeline 2 is of 2026-11-22 09:34:43+00 (transaction 740, position 0/5000060).
      The last record begins at 0/50000A0.
      The cluster has no leader that could write one more commit.
      > To stop right after the last commit: target_lsn=0/5000060
      > To take all that is archived: target_time=latest"
    `);
  });

  it('a time after the last commit, where nobody has looked whether a leader could write one more', () => {
    const refused = afterLastCommit(moment, 'not-asked', facts('2026-11-22 17:00:00+00'));
    expect(refused.details.join(' ')).not.toContain('has no leader');
    expect(refused.details.at(-1)).toMatch(/^This run knows of no leader .* no member has answered\.$/);
    expect(refused.next).toContainEqual(expect.stringContaining('barman switch-wal --force --archive'));
  });

  it('a moment that was to be left out: the last commit, which is to be kept, is not', () => {
    const left = facts({ time: '2026-11-22 17:00:00+00', inclusive: false });
    expect(afterLastCommit(moment, 'no-leader', left).next).toEqual([
      'To stop right after the last commit: target_lsn=0/5000060 -e inclusive=true',
      'To take all that is archived: target_time=latest -e inclusive=true',
    ]);
    expect(walDamaged(damaged(), ['db1'], left).next.at(-1)).toBe(
      'As far as can be reached without it: target_lsn=0/6000060 -e inclusive=true',
    );
  });

  it('a position after the last record', () => {
    expect(
      words(afterLastCommit(moment, 'other-timeline', facts({ lsn: '0/6000100' }))),
    ).toMatchInlineSnapshot(`
      "target-after-last-record: the target lies after the last record that is archived: after the record at position 0/6000100
      The last commit on timeline 2 is of 2026-11-22 09:34:43+00 (transaction 740, position 0/5000060).
      The last record begins at 0/50000A0.
      The leader of the cluster is on another timeline: what it writes cannot end this recovery.
      > To stop right after the last commit: target_lsn=0/5000060
      > To take all that is archived: target_time=latest"
    `);
  });

  it('a restore point, a transaction, and a subtransaction that are not there', () => {
    expect(words(targetNotFound(moment, facts({ name: 'before-relaese' })))).toMatchInlineSnapshot(`
      "target-not-found: no restore point is called "before-relaese" (did you mean "before-release"?)
      Searched: all WAL from backup 20261122T155813 on, on timeline 2, up to 0/6000000.
      Restore points in it:
        before-release  2026-11-22 09:34:43+00  0/5000028
      The last commit in it is of 2026-11-22 09:34:43+00 (transaction 740, position 0/5000060).
      > Is it older than the backup? Choose an older one (pitr backups). Is it on another timeline? Say which: timeline=...
      > Has it only just happened? Archive what the leader has: barman switch-wal --force --archive <its server>"
    `);
    expect(words(targetNotFound(moment, facts({ xid: 900 })))).toMatchInlineSnapshot(`
      "target-not-found: the end of that transaction is not archived: 900
      Searched: all WAL from backup 20261122T155813 on, on timeline 2, up to 0/6000000.
      The last commit in it is of 2026-11-22 09:34:43+00 (transaction 740, position 0/5000060).
      > Is it older than the backup? Choose an older one (pitr backups). Is it on another timeline? Say which: timeline=...
      > Has it only just happened? Archive what the leader has: barman switch-wal --force --archive <its server>"
    `);
    expect(
      words(targetNotFound({ ...moment, parentOfTarget: 739 }, facts({ xid: 740 }))),
    ).toMatchInlineSnapshot(`
      "target-not-found: that is a subtransaction, at which PostgreSQL does not stop: 740
      Searched: all WAL from backup 20261122T155813 on, on timeline 2, up to 0/6000000.
      The last commit in it is of 2026-11-22 09:34:43+00 (transaction 740, position 0/5000060).
      > Aim at the transaction that it belongs to: target_xid=739
      > Is it older than the backup? Choose an older one (pitr backups). Is it on another timeline? Say which: timeline=...
      > Has it only just happened? Archive what the leader has: barman switch-wal --force --archive <its server>"
    `);
  });

  it('a stop before the backup is consistent', () => {
    const stop = {
      side: 'after',
      what: 'commit',
      lsn: lsnAt(0x3000028n),
      replayedTo: lsnAt(0x3000060n),
      readTo: lsnAt(0x3000060n),
      xid: 700,
      time,
    } as const;
    expect(words(beforeConsistency(stop, '0/4000100', facts({ xid: 700 })))).toMatchInlineSnapshot(`
      "target-before-backup-end: the target lies before the end of backup 20261122T155813: after the end of transaction 700
      Recovery would stop at 0/3000028; the data of the backup is consistent from 0/4000100 on.
      You can only recover to a time AFTER the backup completed.
      > Choose an older backup: pitr backups"
    `);
  });

  it('damaged WAL', () => {
    expect(words(walDamaged(damaged(), ['db1'], facts('latest')))).toMatchInlineSnapshot(`
      "wal-damaged: WAL segment 000000020000000000000006 is damaged in the archive of db1: the record's checksum is wrong
      At position 0/6000100; nothing after it can be replayed.
      The last good record begins at 0/6000060.
      > Does another server or a database node have a good copy? Put it into the archive: find / -name 000000020000000000000006
      > As far as can be reached without it: target_lsn=0/6000060"
    `);
  });
});
