import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Archive, type ArchivedFile, mergeArchives } from '../../../../lib/recovery/wal/archive.ts';
import { parseArchiveFileName } from '../../../../lib/recovery/wal/archive-file.ts';
import { goneOn } from '../../../../lib/recovery/wal/choose-line.ts';
import { formatInstant, type Instant, instantAt } from '../../../../lib/recovery/wal/instant.ts';
import { type BackupPosition, linesFrom } from '../../../../lib/recovery/wal/lineage.ts';
import { type Lsn, lsnAt, parseLsn } from '../../../../lib/recovery/wal/lsn.ts';
import { parseSegmentSize, type SegmentSize, segmentAt } from '../../../../lib/recovery/wal/segment.ts';
import { solveWal } from '../../../../lib/recovery/wal/solve.ts';
import type { RecoveryTarget } from '../../../../lib/recovery/wal/target.ts';
import { timelineId } from '../../../../lib/recovery/wal/timeline.ts';
import { historyOf } from './history.ts';

const MIB = 1024 * 1024;

function size(mib: number): SegmentSize {
  const parsed = parseSegmentSize(mib * MIB);
  if (parsed === undefined) throw new Error('no segment size');
  return parsed;
}
function lsn(text: string): Lsn {
  const parsed = parseLsn(text);
  if (parsed === undefined) throw new Error(`no position: ${text}`);
  return parsed;
}
/** Seconds after the backup began. */
function at(seconds: number): Instant {
  return instantAt(1_795_340_000_000_000n + BigInt(Math.round(seconds * 1e6)));
}
function time(seconds: number): RecoveryTarget {
  return { kind: 'time', time: at(seconds) };
}
const latest: RecoveryTarget = { kind: 'latest' };

/** `'000000010000000000000003@30'`: a file written until second 30. */
function file(text: string, segmentSize = size(16)): ArchivedFile {
  const [name = '', seconds = '0'] = text.split('@');
  const parsed = parseArchiveFileName(name);
  if (parsed?.kind !== 'segment' && parsed?.kind !== 'partial') throw new Error(`no segment: ${name}`);
  return {
    segment: parsed.segment,
    partial: parsed.kind === 'partial',
    time: at(Number(seconds)),
    size: segmentSize,
    compressed: false,
  };
}
/** A short name: timeline and last digits, `1:05@30`. */
function short(text: string): string {
  const [, timeline = '', rest = ''] = /^(\d+):(.*)$/.exec(text) ?? [];
  return `${timeline.padStart(8, '0')}${'0'.repeat(14)}${rest}`;
}
function archive(
  server: string,
  files: readonly string[],
  histories: readonly [number, number, string][] = [],
): Archive {
  return {
    server,
    lost: [],
    damaged: [],
    files: files.map((name) => file(short(name))),
    histories: histories.map(([timeline, seconds, text]) => ({
      history: historyOf(timeline, text),
      time: at(seconds),
      bytes: new Uint8Array(),
    })),
  };
}
/** Began in segment 3, ended in segment 4 at second 10. */
const backup: BackupPosition = {
  timeline: timelineId(1),
  beginLsn: lsn('0/3000028'),
  endLsn: lsn('0/4000100'),
  endTime: at(10),
  segmentSize: size(16),
};

/** What the solver says, in a line. */
function solved(
  archives: readonly Archive[],
  target: RecoveryTarget,
  timeline?: number,
  leader?: number,
): string {
  const merged = mergeArchives(archives, backup.segmentSize);
  const plan = solveWal(backup, merged, target, {
    timeline: timeline === undefined ? undefined : timelineId(timeline),
    leader: leader === undefined ? undefined : timelineId(leader),
  });
  const brief = (name: string | undefined) =>
    `${Number.parseInt(name?.slice(0, 8) ?? '', 16)}:${name?.slice(-2)}`;
  if (plan.ok) {
    const last = plan.needed.at(-1);
    return `timeline ${plan.line.timeline}, ${brief(plan.needed[0]?.segment)} to ${brief(last?.segment)}`;
  }
  if (plan.why === 'missing') return `missing ${plan.missing.map((link) => brief(link.segment)).join(' ')}`;
  return 'candidates' in plan
    ? `${plan.why} ${plan.candidates.map((line) => line.timeline).join(' ')}`
    : plan.why;
}

const quiet = [archive('db1', ['1:03@5', '1:04@20', '1:05@30', '1:06@40'])];

describe('one timeline in one archive', () => {
  it.each([
    ['at the moment of the backup end', 10, 'before-backup-end'],
    ['a microsecond after it', 10.000001, 'timeline 1, 1:03 to 1:04'],
    ['before the backup end', 9.999999, 'before-backup-end'],
    ['within the second segment', 15, 'timeline 1, 1:03 to 1:04'],
    ['at the last byte of a segment: what stops recovery is in the next', 20, 'timeline 1, 1:03 to 1:05'],
    ['at the last archived byte', 40, 'timeline 1, 1:03 to 1:06'],
    ['a microsecond after the last archived byte', 40.000001, 'after-last-archived'],
  ])('a target %s (second %d): %s', (_, seconds, expected) => {
    expect(solved(quiet, time(seconds))).toBe(expected);
  });

  it('of a target before the backup end WAL is gone through only by who asks what can be reached', () => {
    const merged = mergeArchives(quiet, size(16));
    let asked = 0;
    const holdings = new Map(merged.holdings);
    const get = holdings.get.bind(holdings);
    holdings.get = (segment) => {
      asked += 1;
      return get(segment);
    };
    const plan = solveWal(backup, { ...merged, holdings }, time(5));
    expect([plan.ok, asked]).toEqual([false, 0]);
    expect(plan.reachable).toEqual({ from: at(10), to: at(40) });
  });

  it('latest needs everything', () => {
    expect(solved(quiet, latest)).toBe('timeline 1, 1:03 to 1:06');
  });

  it('an early target still needs the segment in which the backup became consistent', () => {
    expect(solved([archive('db1', ['1:03@12', '1:04@20', '1:05@30'])], time(11))).toBe(
      'timeline 1, 1:03 to 1:04',
    );
  });

  it('a missing segment is named, and what can be reached without it is known', () => {
    const gap = mergeArchives([archive('db1', ['1:03@5', '1:04@20', '1:06@40', '1:07@50'])], size(16));
    expect(solved([archive('db1', ['1:03@5', '1:04@20', '1:06@40'])], time(35))).toBe('missing 1:05');
    expect(solved([archive('db1', ['1:03@5', '1:04@20', '1:07@40'])], latest)).toBe('missing 1:05 1:06');
    const plan = solveWal(backup, gap, latest);
    expect(plan.reachable.to && formatInstant(plan.reachable.to)).toBe(formatInstant(at(20)));
  });

  it('a gap after the target does not matter, and is told', () => {
    const gap = mergeArchives([archive('db1', ['1:03@5', '1:04@20', '1:06@40'])], size(16));
    const plan = solveWal(backup, gap, time(15));
    expect(plan).toMatchObject({ ok: true, gapAfter: { segment: '000000010000000000000005' } });
  });

  it('a truncated segment counts as missing and is known as damaged', () => {
    const broken = archive('db1', ['1:03@5', '1:04@20', '1:05@30']);
    const cut = { ...broken, files: broken.files.map((f, i) => (i === 1 ? { ...f, size: 1000 } : f)) };
    expect(solveWal(backup, mergeArchives([cut], size(16)), latest)).toMatchObject({
      why: 'missing',
      bad: [{ segment: '000000010000000000000004', server: 'db1', size: 1000 }],
    });
  });

  it('a truncated segment at the end is a gap, and not the end of the archive', () => {
    const broken = archive('db1', ['1:03@5', '1:04@20', '1:05@30']);
    const cut = { ...broken, files: broken.files.map((f, i) => (i === 2 ? { ...f, size: 1000 } : f)) };
    expect(solved([cut], latest)).toBe('missing 1:05');
    expect(solved([cut], time(25))).toBe('missing 1:05');
    expect(solved([cut], time(15))).toBe('timeline 1, 1:03 to 1:04');
  });

  it('a segment that the register knows and the disk does not is missing, at the end too', () => {
    const known = archive('db1', ['1:03@5', '1:04@20', '1:05@30']);
    const lost = known.files
      .filter((_, i) => i === 2)
      .map(({ segment, time: at }) => ({ segment, time: at }));
    const gone = { ...known, files: known.files.slice(0, 2), lost };
    expect(solved([gone], latest)).toBe('missing 1:05');
    expect(solved([gone], time(25))).toBe('missing 1:05');
    expect(solved([gone], time(31))).toBe('after-last-archived');
    expect(solved([gone, archive('db2', ['1:05@30'])], latest)).toBe('timeline 1, 1:03 to 1:05');
  });

  it('a compressed segment may have any size', () => {
    const zipped = archive('db1', ['1:03@5', '1:04@20']);
    const files = zipped.files.map((f) => ({ ...f, size: 1000, compressed: true }));
    expect(solved([{ ...zipped, files }], latest)).toBe('timeline 1, 1:03 to 1:04');
  });

  it('a compressed segment that cannot be unpacked is missing, unless another server has a good copy', () => {
    const zipped = archive('db1', ['1:03@5', '1:04@20', '1:05@30']);
    const broken = {
      ...zipped,
      files: zipped.files.map((f, i) => ({
        ...f,
        size: 1000,
        compressed: true,
        broken: i === 1 ? 'unexpected end of file' : undefined,
      })),
    };
    expect(solved([broken], latest)).toBe('missing 1:04');
    expect(solved([broken, archive('db2', ['1:04@20'])], latest)).toBe('timeline 1, 1:03 to 1:05');
    expect(mergeArchives([broken], size(16)).bad).toMatchObject([
      { server: 'db1', size: 1000, broken: 'unexpected end of file' },
    ]);
  });

  it('nothing archived yet is its own refusal', () => {
    expect(solved([archive('db1', [])], latest)).toBe('nothing-archived');
  });
});

describe('segments at the end of a log', () => {
  it.each([
    [16, 0xff],
    [64, 0x3f],
    [1024, 0x3],
  ])('of %i MiB are followed by the first of the next log without a gap', (mib, last) => {
    const bytes = size(mib);
    const first = 6 * (last + 1) + last;
    const names = [0, 1, 2].map((step) => segmentAt(timelineId(1), first + step, bytes));
    const position: BackupPosition = {
      ...backup,
      segmentSize: bytes,
      beginLsn: lsnAt(BigInt(first) * BigInt(bytes)),
      endLsn: lsnAt(BigInt(first) * BigInt(bytes) + 512n),
    };
    expect(names[0]?.slice(8)).toBe(`00000006${last.toString(16).toUpperCase().padStart(8, '0')}`);
    const whole = {
      server: 'db1',
      histories: [],
      lost: [],
      damaged: [],
      files: names.map((name, i) => file(`${name}@${20 + i}`, bytes)),
    };
    expect(solveWal(position, mergeArchives([whole], bytes), latest)).toMatchObject({
      ok: true,
      needed: { length: 3 },
    });
    const gap = { ...whole, files: whole.files.filter((_, i) => i !== 1) };
    expect(solveWal(position, mergeArchives([gap], bytes), latest)).toMatchObject({
      why: 'missing',
      missing: [{ segment: '000000010000000700000000' }],
    });
  });
});

describe('several servers', () => {
  it('each hold a part of one chain', () => {
    const parts = [archive('db1', ['1:03@5', '1:05@30']), archive('db3', ['1:04@20', '1:06@40'])];
    expect(solved(parts, latest)).toBe('timeline 1, 1:03 to 1:06');
  });

  it('whose copies disagree about the time: the earlier one counts', () => {
    const stray = archive('db3', ['1:03@500', '1:04@500']);
    expect(solved([...quiet, stray], time(15))).toBe('timeline 1, 1:03 to 1:04');
    expect(solved([...quiet, stray], time(41))).toBe('after-last-archived');
  });

  it('a stray old segment that was uploaded late does not reach further than its successors', () => {
    const archives = [archive('db1', ['1:04@20', '1:05@30']), archive('db3', ['1:03@500'])];
    expect(solved(archives, time(15))).toBe('timeline 1, 1:03 to 1:04');
  });
});

// db1 led until second 38, db3 took over within segment 6 at second 42.
const failover: [number, number, string] = [2, 42, '1\t0/6000500\tno recovery target specified\n'];
const before = ['1:03@5', '1:04@20', '1:05@30'];

describe('a failover between backup and target', () => {
  const old = archive('db1', before);
  const next = archive('db3', ['1:06.partial@38', '2:06@50', '2:07@60'], [failover]);
  it.each([
    ['long before it', 15, 'timeline 1, 1:03 to 1:04'],
    [
      'in the last segment of the old timeline, of which only a part is archived',
      35,
      'timeline 2, 1:03 to 2:06',
    ],
    ['in the moment without a leader', 40, 'timeline 2, 1:03 to 2:06'],
    ['after it', 55, 'timeline 2, 1:03 to 2:07'],
  ])('a target %s (second %d): %s', (_, seconds, expected) => {
    expect(solved([old, next], time(seconds))).toBe(expected);
  });

  it('latest follows the new timeline', () => {
    expect(solved([old, next], latest)).toBe('timeline 2, 1:03 to 2:07');
  });

  it('is not known when the other server is left out', () => {
    expect(solved([old], time(55))).toBe('after-last-archived');
  });

  it('that the old leader archived in full behaves the same', () => {
    const whole = archive('db1', [...before, '1:06@39']);
    expect(solved([whole, next], time(35))).toBe('timeline 2, 1:03 to 2:06');
    expect(solved([whole, next], time(35), 1)).toBe('timeline 1, 1:03 to 1:06');
  });

  it('a missing segment of the old timeline is a gap for targets on the new one', () => {
    expect(solved([archive('db1', ['1:03@5', '1:05@30']), next], time(55))).toBe('missing 1:04');
  });

  it('whose new segment is missing is a gap even when the old one is there', () => {
    const holed = archive('db3', ['2:07@60'], [failover]);
    expect(solved([archive('db1', [...before, '1:06@38']), holed], time(55))).toBe('missing 2:06');
  });

  it('in which the old leader archived what the new one never received: each keeps its own moments', () => {
    const ahead = archive('db1', [...before, '1:06@36', '1:07@41']);
    expect(solved([ahead, next], time(40.5))).toBe('timeline 1, 1:03 to 1:07');
    expect(solved([ahead, next], time(55))).toBe('timeline 2, 1:03 to 2:07');
  });
});

describe('`latest` while somebody leads', () => {
  const old = archive('db1', before);
  const fresh = archive('db3', ['1:06.partial@38'], [failover]);
  const latestOf = (archives: readonly Archive[], leader?: number, timeline?: number) =>
    solved(archives, latest, timeline, leader);

  it('follows the leader after a failover, though nothing of the new timeline is archived yet', () => {
    expect(latestOf([old, fresh], 2)).toBe('timeline 2, 1:03 to 1:05');
    expect(latestOf([old, archive('db3', [], [failover])], 2)).toBe('timeline 2, 1:03 to 1:05');
  });

  it('follows a timeline that is named by hand, whoever leads', () => {
    expect(latestOf([old, fresh], 2, 1)).toBe('timeline 1, 1:03 to 1:06');
  });

  it('stays with a leader that a standby which never promoted has left no mark on', () => {
    const went = archive('db1', [...before, '1:06@45', '1:07@60'], [failover]);
    expect(latestOf([went], 1)).toBe('timeline 1, 1:03 to 1:07');
  });

  it('stays with a leader on a lower timeline after a recovery was taken back, whatever the other wrote', () => {
    const back = archive('db1', [...before, '1:06@45']);
    const dead = archive('db3', ['2:06@50', '2:07@60'], [failover]);
    expect(latestOf([back, dead], 1)).toBe('timeline 1, 1:03 to 1:06');
    expect(latestOf([back, dead])).toBe('timeline 2, 1:03 to 2:07');
  });

  it('is refused where the backup does not lead to the timeline of the leader', () => {
    expect(latestOf([old], 2)).toBe('leader-elsewhere 1');
    expect(latestOf([old, fresh], 3)).toBe('leader-elsewhere 1 2');
  });

  it('and the leader decides nothing but `latest`', () => {
    expect(solved([old, fresh], time(15), undefined, 2)).toBe('timeline 1, 1:03 to 1:04');
    expect(solved([old, fresh], time(35), undefined, 2)).toBe('timeline 1, 1:03 to 1:06');
  });
});

describe('a timeline of which no WAL is known', () => {
  const gone = (archives: readonly Archive[]): readonly number[] => {
    const merged = mergeArchives(archives, backup.segmentSize);
    const plan = solveWal(backup, merged, latest);
    if (!plan.ok) throw new Error(plan.why);
    return goneOn(plan.line, linesFrom(backup, merged), backup.segmentSize).map(({ timeline }) => timeline);
  };
  const onPurpose: [number, number, string] = [2, 42, '1\t0/5000500\tbefore 2026-11-22 09:33:45+00\n'];

  it.each([
    ['may have gone on after a failover', [...before, '1:06.partial@38'], [failover], [2]],
    ['may have gone on where the old leader wrote for longer', [...before, '1:06@50'], [failover], [2]],
    ['may have gone on after a recovery to a moment', [...before, '1:06@40'], [onPurpose], [2]],
    ['has not where the one before it went on itself', [...before, '1:06@45', '1:07@60'], [failover], []],
    [
      'has not where another one went on',
      [...before, '1:06@38', '3:06@60'],
      [failover, [3, 50, failover[2]]],
      [],
    ],
    ['is none where there is WAL of it', [...before, '2:06@50'], [failover], []],
  ] as const)('%s', (_, files, histories, expected) => {
    expect(gone([archive('db1', files, [...histories] as [number, number, string][])])).toEqual(expected);
  });
});

describe('an earlier recovery to a moment', () => {
  // At second 60 somebody went back to second 25; the old cluster had written until second 58.
  const first = archive('db1', [...before, '1:06@40', '1:07@58']);
  const branch = archive(
    'db2',
    ['2:05@70', '2:06@80'],
    [[2, 60, '1\t0/5000500\tbefore 2026-11-22 09:33:45+00\n']],
  );
  it.each([
    ['later than the first one, on the old timeline', 35, 'timeline 1, 1:03 to 1:06'],
    ['earlier than the first one', 15, 'timeline 1, 1:03 to 1:04'],
    ['on the new timeline', 75, 'timeline 2, 1:03 to 2:06'],
    ['between the end of the old and the begin of the new', 59, 'timeline-ambiguous 1 2'],
    ['beyond both', 81, 'after-last-archived'],
  ])('a second target %s (second %d): %s', (_, seconds, expected) => {
    expect(solved([first, branch], time(seconds))).toBe(expected);
  });

  it('latest is the timeline that wrote last', () => {
    expect(solved([first, branch], latest)).toBe('timeline 2, 1:03 to 2:06');
  });

  it('while the old cluster still wrote: only a person knows which timeline is meant', () => {
    const busy = archive('db1', [...before, '1:06@40', '1:07@72']);
    expect(solved([busy, branch], time(65))).toBe('timeline-ambiguous 1 2');
    expect(solved([busy, branch], time(65), 1)).toBe('timeline 1, 1:03 to 1:07');
    expect(solved([busy, branch], time(65), 2)).toBe('timeline 2, 1:03 to 2:05');
  });

  it('that branched off before the backup ended cannot be reached from it', () => {
    const early = archive('db2', ['2:03@70'], [[2, 60, '1\t0/3000100\tbefore something\n']]);
    expect(solved([first, early], latest, 2)).toBe('timeline-unreachable 1');
    expect(solved([first, early], latest)).toBe('timeline 1, 1:03 to 1:07');
  });
});

describe('a history whose positions descend', () => {
  const first = archive(
    'db1',
    [...before, '2:06@70'],
    [[2, 60, '1\t0/6000000\tno recovery target specified\n']],
  );
  const wild = (at2: string) =>
    archive(
      'db3',
      ['3:04@95', '3:05@96', '3:06@100'],
      [[3, 90, `1\t0/6000000\tno recovery target specified\n2\t${at2}\tbefore 2026-11-22 09:33:45+00\n`]],
    );

  it('leads nowhere from a backup that ended after one of them', () => {
    expect(solved([first, wild('0/3000100')], time(97))).toBe('after-last-archived');
    expect(solved([first, wild('0/3000100')], time(97), 3)).toBe('timeline-unreachable 1 2');
    expect(solved([first, wild('0/4000100')], time(97), 3)).toBe('timeline 3, 1:03 to 3:06');
  });
});

describe('two timelines with one number', () => {
  it('are refused when the way leads over them, and do not matter otherwise', () => {
    const one = archive('db2', ['2:06@70'], [[2, 60, '1\t0/6000500\tno recovery target specified\n']]);
    const other = archive('db3', ['2:05@70'], [[2, 50, '1\t0/5000500\tno recovery target specified\n']]);
    const first = archive('db1', [...before, '1:06@40']);
    expect(solved([first, one, other], time(65))).toBe('timeline-conflict');
    expect(solved([first, one, other], time(15))).toBe('timeline 1, 1:03 to 1:04');
  });
});

describe('any archive', () => {
  it('without exactly one segment of the chain is refused with exactly that one, from that segment on', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 40 }), fc.nat(), fc.nat(), (count, hole, moment) => {
        const names = Array.from({ length: count }, (_, i) => segmentAt(timelineId(1), 3 + i, size(16)));
        const missing = hole % (count - 1);
        const files = names.map((name, i) => file(`${name}@${20 + i * 10}`)).filter((_, i) => i !== missing);
        const merged = mergeArchives(
          [{ server: 'db1', files, lost: [], damaged: [], histories: [] }],
          size(16),
        );
        const seconds = 11 + (moment % ((count - 1) * 10));
        const plan = solveWal(backup, merged, time(seconds));
        // The holder of the moment: the first segment that was written to later (and never before consistency).
        const held = Math.max(1, Math.floor((seconds - 20) / 10) + 1);
        const holder = held === missing ? held + 1 : held;
        if (missing <= holder)
          expect(plan).toMatchObject({ why: 'missing', missing: [{ segment: names[missing] }] });
        else expect(plan).toMatchObject({ ok: true, needed: { length: holder + 1 } });
      }),
    );
  });
});

describe('targets that are no time', () => {
  const some: readonly Archive[] = [archive('db1', ['1:03@5', '1:04@20', '1:05@30', '1:07@50'])];
  const position = (text: string): RecoveryTarget => ({ kind: 'lsn', lsn: lsn(text) });

  it.each([
    ['a position needs the segment that holds it', position('0/5000100'), 'timeline 1, 1:03 to 1:05'],
    ['a position right after the backup', position('0/4000100'), 'timeline 1, 1:03 to 1:04'],
    ['a position before the backup is consistent', position('0/40000FF'), 'before-backup-end'],
    ['a position behind a gap', position('0/7000000'), 'missing 1:06'],
    ['a position after all that is archived', position('0/8000000'), 'after-last-archived'],
    ['the end of the backup needs it alone', { kind: 'immediate' } as const, 'timeline 1, 1:03 to 1:04'],
    [
      'what has to be looked for: all up to a gap',
      { kind: 'xid', xid: 7 } as const,
      'timeline 1, 1:03 to 1:05',
    ],
    [
      'what was found needs no more than a position',
      { kind: 'name', name: 'x', foundAt: lsn('0/4000200') } as const,
      'timeline 1, 1:03 to 1:04',
    ],
  ])('%s', (_, target, expected) => {
    expect(solved(some, target)).toBe(expected);
  });

  const failover: [number, number, string] = [2, 35, '1\t0/5800000\tno recovery target specified\n'];
  const branch: [number, number, string] = [2, 35, '1\t0/5800000\tbefore 2026-11-22 09:34:43+00\n'];

  it('a position on both sides of a failover is on the timeline that goes on', () => {
    const both = [archive('db1', ['1:03@5', '1:04@20', '1:05@30', '2:05@40', '2:06@50'], [failover])];
    expect(solved(both, position('0/4000200'))).toBe('timeline 2, 1:03 to 1:04');
    expect(solved(both, position('0/6000000'))).toBe('timeline 2, 1:03 to 2:06');
  });

  it('a position that two branches wrote is nobody’s guess; before they parted it is', () => {
    const both = [
      archive('db1', ['1:03@5', '1:04@20', '1:05@30', '1:06@45', '2:05@40', '2:06@50'], [branch]),
    ];
    expect(solved(both, position('0/6000000'))).toBe('timeline-ambiguous 1 2');
    expect(solved(both, position('0/6000000'), 1)).toBe('timeline 1, 1:03 to 1:06');
    expect(solved(both, position('0/4000200'))).toBe('timeline 1, 1:03 to 1:04');
  });
});
