import { describe, expect, it } from 'vitest';
import { NOTHING_LOGGED, readLog } from '../../../../lib/recovery/postgres/log.ts';
import {
  endOfReplay,
  judgeReplay,
  type ReplayWish,
} from '../../../../lib/recovery/postgres/replay-verdict.ts';
import {
  observe,
  type ReplayLook,
  type ReplayWatch,
  replayWords,
  startWatch,
} from '../../../../lib/recovery/postgres/replay-watch.ts';
import { type Lsn, parseLsn } from '../../../../lib/recovery/wal/lsn.ts';
import { DEFAULT_SEGMENT_SIZE, parseSegment } from '../../../../lib/recovery/wal/segment.ts';
import { checkedTarget } from '../../../../lib/recovery/wal/target.ts';

const lsn = (text: string): Lsn => parseLsn(text) ?? (0n as Lsn);
const line = (text: string): string => `2026-11-22 15:47:19.142 UTC [939] ${text}\n`;

const TARGET: ReplayWish = {
  target: checkedTarget('2026-11-22 15:41:19+00'),
  segmentSize: DEFAULT_SEGMENT_SIZE,
  stallMs: 300_000,
  runId: '20261122T154119-7f3a',
};
const LATEST: ReplayWish = { ...TARGET, target: { kind: 'latest' } };

const look = (more: Partial<ReplayLook> = {}): ReplayLook => ({
  alive: true,
  fetchedBytes: 0,
  log: '',
  ...more,
});
const at = (position: string, paused = false) => ({
  session: { inRecovery: true, paused, lsn: lsn(position), lastCommit: '2026-11-22 15:41:18.494545+00' },
});

/** The looks, one every half second. */
function watching(looks: readonly ReplayLook[]): { watch: ReplayWatch; now: number } {
  let watch = startWatch(0);
  let now = 0;
  for (const one of looks) {
    now += 500;
    watch = observe(watch, one, now);
  }
  return { watch, now };
}

const judge = (wish: ReplayWish, looks: readonly ReplayLook[], later = 0) => {
  const { watch, now } = watching(looks);
  return judgeReplay(watch, wish, now + later);
};

/** The command at the end of a line, as it can be typed. */
const GOES_ON = /: pitr resume 20261122T154119-7f3a$/;
const ABSENT = 'pitr: absent 00000001000000000000000E: db1 db2\n';

describe('the log of a recovery', () => {
  it('tells where it stopped and that it is paused there', () => {
    const log = readLog(
      NOTHING_LOGGED,
      line('LOG:  restored log file "00000001000000000000000C" from archive') +
        line('LOG:  recovery stopping before commit of transaction 779, time 2026-11-22 15:41:20.435544+00') +
        line('LOG:  pausing at the end of recovery'),
    );
    expect(log).toMatchObject({
      restored: '00000001000000000000000C',
      stopping: 'before commit of transaction 779, time 2026-11-22 15:41:20.435544+00',
      pausedAtTarget: true,
    });
  });

  it('tells the same where it is verbose', () => {
    const log = readLog(
      NOTHING_LOGGED,
      line('LOG:  00000: recovery stopping at restore point "rp", time 2026-11-29 21:20:00.1+00') +
        line('LOCATION:  recoveryStopsAfter, xlogrecovery.c:2681') +
        line('LOG:  00000: pausing at the end of recovery') +
        line('HINT:  Execute pg_wal_replay_resume() to promote.') +
        line('FATAL:  57P03: the database system is starting up') +
        line('FATAL:  XX000: out of luck'),
    );
    expect(log).toMatchObject({
      stopping: 'at restore point "rp", time 2026-11-29 21:20:00.1+00',
      pausedAtTarget: true,
      fatal: ['FATAL: out of luck'],
    });
  });

  it('may be read in pieces that end anywhere', () => {
    const text =
      line('LOG:  redo starts at 0/7000028') + ABSENT + line('FATAL:  out of luck') + line('DETAIL:  why');
    const whole = readLog(NOTHING_LOGGED, text);
    for (let cut = 0; cut <= text.length; cut++) {
      expect(readLog(readLog(NOTHING_LOGGED, text.slice(0, cut)), text.slice(cut))).toEqual(whole);
    }
    expect(whole.fatal).toEqual(['FATAL: out of luck', '  DETAIL: why']);
  });

  it('forgets that a file was absent once a later one is delivered', () => {
    const log = readLog(
      NOTHING_LOGGED,
      ABSENT + line('LOG:  restored log file "00000001000000000000000E" from archive'),
    );
    expect(log.absent).toBeUndefined();
  });

  it('does not count a client that was turned away as the end of PostgreSQL', () => {
    const log = readLog(
      readLog(NOTHING_LOGGED, line('FATAL:  the database system is not yet accepting connections')),
      line('DETAIL:  Consistent recovery state has not been yet reached.'),
    );
    expect(log.fatal).toEqual([]);
  });
});

describe('a replay', () => {
  it('is at its target when it is paused there and the log says so', () => {
    const log = line('LOG:  pausing at the end of recovery');
    expect(judge(TARGET, [look({ ...at('0/C1D31B8', true), log })])).toEqual({
      kind: 'reached',
      what: 'target',
      promoted: false,
    });
  });

  it('that stands anywhere but where the archived WAL said it would stop has stopped elsewhere', () => {
    const log = line('LOG:  pausing at the end of recovery');
    const target = checkedTarget({ time: '2026-11-22 15:41:19+00', stops_at: '0/C1D3200' });
    const wish = { ...TARGET, target };
    expect(judge(wish, [look({ ...at('0/C1D31B8', true), log })])).toMatchObject({
      code: 'stopped-elsewhere',
      // A run that moved it on and was broken off has left it so: that one goes on.
      next: [expect.stringContaining('pitr resume <run>'), expect.stringContaining('rollback.yml')],
    });
    expect(judge(wish, [look({ ...at('0/C1D3200', true), log })])).toMatchObject({ what: 'target' });
  });

  it('that stands earlier, at a commit that is later than its target, tells of a clock that went back', () => {
    const stopping = (time: string) =>
      line(`LOG:  recovery stopping before commit of transaction 740, time 2026-11-22 ${time}+00`) +
      line('LOG:  pausing at the end of recovery');
    const target = checkedTarget({ time: '2026-11-22 15:41:19+00', stops_at: '0/C1D3200' });
    const judged = (position: string, time: string) =>
      judge({ ...TARGET, target }, [look({ ...at(position, true), log: stopping(time) })]);
    expect(judged('0/C1D31B8', '15:46:00')).toMatchObject({
      code: 'stopped-elsewhere',
      details: expect.arrayContaining([expect.stringContaining('A clock went back behind it')]) as string[],
      next: expect.arrayContaining([expect.stringContaining('target_lsn=')]) as string[],
    });
    // The stop of a recovery that was to be moved on, and one behind the place.
    for (const other of [judged('0/C1D31B8', '15:40:00'), judged('0/C1D4000', '15:46:00')]) {
      expect(other).toMatchObject({ code: 'stopped-elsewhere' });
      expect(JSON.stringify(other)).not.toContain('clock');
    }
  });

  it('replayed from PostgreSQL 12, by its source, is at its target where it has stopped and paused', () => {
    const log =
      line('LOG:  recovery stopping before commit of transaction 740, time 2026-11-22 15:41:19.1+00') +
      line('LOG:  recovery has paused');
    expect(judge(TARGET, [look({ ...at('0/C1D31B8', true), log })])).toMatchObject({ what: 'target' });
  });

  it('that somebody paused by hand is not at its target', () => {
    const log = line('LOG:  recovery has paused');
    expect(judge(TARGET, [look({ ...at('0/C1D31B8', true), log })]).kind).toBe('going');
  });

  it('stopped by a setting that is too low is no pause at the target', () => {
    const log =
      line('WARNING:  hot standby is not possible because of insufficient parameter settings') +
      line(
        'DETAIL:  max_connections = 50 is a lower setting than on the primary server, where its value was 100.',
      );
    expect(judge(TARGET, [look({ ...at('0/C1D31B8', true), log })])).toMatchObject({
      kind: 'failed',
      code: 'settings-too-low',
    });
  });

  it('is at the end of WAL only after two proofs of absence and a position that stays', () => {
    const once = look({ ...at('0/E000000'), log: ABSENT });
    const same = look(at('0/E000000'));
    expect(judge(LATEST, [once, same, same]).kind).toBe('going');
    const moving = look({ ...at('0/D000000'), log: ABSENT + ABSENT });
    expect(judge(LATEST, [moving, look(at('0/E000000'))]).kind).toBe('going');
    expect(judge(LATEST, [once, look({ ...at('0/E000000'), log: ABSENT }), same])).toEqual({
      kind: 'reached',
      what: 'end-of-wal',
      promoted: false,
    });
  });

  it('does not take doubt for the end of WAL', () => {
    const doubt = 'pitr: doubt 00000001000000000000000E: db1(exit code 2)\n';
    const looks = [1, 2, 3, 4].map(() => look({ ...at('0/E000000'), log: doubt }));
    expect(judge(LATEST, looks).kind).toBe('going');
    expect(judge(LATEST, looks, 300_000)).toMatchObject({
      kind: 'failed',
      code: 'replay-stalled',
      next: [expect.stringMatching(GOES_ON)],
    });
  });

  it('needs no proof of absence behind the last segment that is known to be archived', () => {
    const wish = { ...LATEST, lastSegment: parseSegment('00000001000000000000000D') };
    const same = look(at('0/E000000'));
    expect(judge(wish, [same, same, same])).toMatchObject({ kind: 'reached', what: 'end-of-wal' });
    expect(judge({ ...wish, target: TARGET.target }, [same, same, same]).kind).toBe('going');
  });

  const again = line('LOG:  restored log file "00000001000000000000000C" from archive');
  const checksum = line('LOG:  incorrect resource manager data checksum in record at 0/C100028');
  const nothing = line('LOG:  invalid record length at 0/C100028: wanted 24, got 0');

  it.each([
    ['the archive delivers a damaged segment over and over', checksum, '000000010000000000000010', true],
    ['a damaged segment is the last one known', checksum, '00000001000000000000000C', true],
    ['a segment in the middle ends too early', nothing, '00000001000000000000000D', true],
    ['the last segment known ends before it is full', nothing, '00000001000000000000000C', false],
  ])('%s', (_, words, last, damaged) => {
    const wish = { ...LATEST, lastSegment: parseSegment(last) };
    const looks = [look({ ...at('0/C100028'), log: again + words })].concat(
      [1, 2, 3].map(() => look({ ...at('0/C100028'), log: again })),
    );
    const verdict = judge(wish, looks);
    expect(verdict.kind === 'failed' ? verdict.code : verdict.kind).toBe(damaged ? 'wal-damaged' : 'going');
    if (verdict.kind === 'failed') expect(verdict.next[0]).toMatch(GOES_ON);
    expect(judge(wish, looks.slice(0, 3)).kind).toBe('going');
  });

  it('names a segment that is missing before the last one known', () => {
    const wish = { ...LATEST, lastSegment: parseSegment('000000010000000000000010') };
    const looks = [1, 2, 3].map(() => look({ ...at('0/E000000'), log: ABSENT }));
    const verdict = judge(wish, looks);
    expect(verdict).toMatchObject({ kind: 'failed', code: 'wal-missing' });
    expect(verdict).toMatchObject({
      message: expect.stringContaining('00000001000000000000000E'),
      next: [expect.stringMatching(GOES_ON), expect.stringContaining('before it')],
    });
  });

  it.each([
    ['recovery ended before configured recovery target was reached', 'target-not-reached'],
    [
      'could not restore file "00000002.history" from archive: child process exited with exit code 255',
      'wal-fetch-failed',
    ],
    ['recovery aborted because of insufficient parameter settings', 'settings-too-low'],
    // Replayed from PostgreSQL 12 and 13, by xlog.c of theirs; it is `primary server` in none of them.
    [
      'hot standby is not possible because max_connections = 50 is a lower setting than on the master server (its value was 100)',
      'settings-too-low',
    ],
    ['could not load pg_hba.conf', 'postgres-ended'],
  ])('that ends with FATAL "%s" is %s', (words, code) => {
    const log = line(`FATAL:  ${words}`) + line('LOG:  database system is shut down');
    const verdict = judge(TARGET, [look(at('0/E000000')), look({ alive: false, log })]);
    expect(verdict).toMatchObject({ kind: 'failed', code });
    // What ended before its target does so again: nothing goes on with it.
    if (verdict.kind === 'failed' && code !== 'target-not-reached') expect(verdict.next[0]).toMatch(GOES_ON);
  });

  it('that somebody has stopped names the command that goes on', () => {
    const log = line('LOG:  received fast shutdown request');
    expect(judge(TARGET, [look(at('0/E000000')), look({ alive: false, log })])).toMatchObject({
      code: 'postgres-stopped',
      next: [expect.stringMatching(GOES_ON)],
    });
  });

  it('that promoted itself has ended', () => {
    const session = { inRecovery: false, paused: false, lsn: lsn('0/E0000F0') };
    expect(judge(LATEST, [look({ session })])).toMatchObject({
      kind: 'reached',
      what: 'end-of-wal',
      promoted: true,
    });
  });

  it.each([
    ['bytes of a file that is being fetched', { fetchedBytes: 5_000_000 }],
    [
      'a segment that was delivered',
      { log: line('LOG:  restored log file "00000001000000000000000D" from archive') },
    ],
    ['another position', at('0/D500000')],
  ])('does not stall while it makes progress: %s', (_, progress) => {
    const { watch } = watching([look(at('0/D000000')), look(at('0/D000000'))]);
    const late = observe(watch, look({ ...at('0/D000000'), ...progress }), 299_000);
    expect(judgeReplay(late, TARGET, 400_000).kind).toBe('going');
    const idle = observe(watch, look({ ...at('0/D000000'), log: 'pitr: doubt x: y\n' }), 299_000);
    expect(judgeReplay(idle, TARGET, 400_000)).toMatchObject({ code: 'replay-stalled' });
  });

  it('is not at the end of WAL while a segment cannot be fetched, though older timelines do not have it', () => {
    const doubt = 'pitr: doubt 00000002000000000000000E: db1 (no room for it in pg_wal)\n';
    const looks = [1, 2, 3, 4].map(() => look({ ...at('0/DFFFFF8'), log: doubt + ABSENT }));
    expect(judge(LATEST, looks).kind).toBe('going');
    expect(judge(LATEST, looks, 300_000)).toMatchObject({
      code: 'replay-stalled',
      details: expect.arrayContaining([expect.stringContaining('no room for it in pg_wal')]),
    });
  });

  it('says why a segment cannot be fetched though a history was fetched in the moment before', () => {
    const doubt = 'pitr: doubt 00000002000000000000000E: db1 (no room for it in pg_wal)\n';
    const history = line('LOG:  restored log file "00000002.history" from archive');
    const looks = [1, 2, 3, 4].map(() => look({ ...at('0/DFFFFF8'), log: doubt + ABSENT + history }));
    expect(judge(LATEST, looks, 300_000)).toMatchObject({
      code: 'replay-stalled',
      details: expect.arrayContaining([expect.stringContaining('no room for it in pg_wal')]),
    });
  });

  it('stalls when one fetch fails over and over on all timelines, however busy that looks', () => {
    const round = ['waiting for 00000011000000000000000B', 'waiting for 00000010000000000000000B'];
    const looks = Array.from({ length: 40 }, (_, turn) =>
      look({
        startup: round[turn % 2],
        fetchedBytes: (turn % 3) * 4_000_000,
        log: line(
          `LOG:  restored log file "${turn % 4 < 2 ? '00000011.history' : '00000010.history'}" from archive`,
        ),
      }),
    );
    const { watch } = watching(looks);
    expect(judgeReplay(watch, { ...TARGET, stallMs: 15_000 }, 20_000)).toMatchObject({
      code: 'replay-stalled',
    });
  });

  describe('that stalls before anybody is let in', () => {
    const START = line('LOG:  entering standby mode');
    const CONSISTENT = line('LOG:  consistent recovery state reached at 0/C0000F0');
    const OPEN = line('LOG:  database system is ready to accept read-only connections');
    const judged = (log: string, goesOn = ABSENT, wish = LATEST) => {
      const looks = [1, 2, 3, 4].map((turn) => look({ log: turn === 1 ? log : goesOn }));
      const verdict = judge(wish, looks, 300_000);
      return verdict.kind === 'failed' ? verdict : undefined;
    };

    it('tells that the snapshot is not usable where the data is consistent and all WAL was replayed', () => {
      expect(judged(START + CONSISTENT + ABSENT)).toMatchObject({
        code: 'snapshot-pending',
        details: [
          expect.stringContaining('consistent since 0/C0000F0'),
          expect.stringContaining('00000001000000000000000E'),
        ],
        next: [expect.stringMatching(GOES_ON), expect.stringContaining('-e backup=')],
      });
    });

    // What is archived of the last segment is delivered as a whole one, and the next one is never asked for.
    it.each([
      ['and a part of one segment more', '00000001000000000000000B', nothing, 'snapshot-pending'],
      ['the last of it a part', '00000001000000000000000C', nothing, 'snapshot-pending'],
      ['but for a segment in the middle', '00000001000000000000000D', nothing, 'replay-stalled'],
      ['but for the last segment, which is damaged', '00000001000000000000000C', checksum, 'replay-stalled'],
    ])('after all WAL was replayed, %s', (_, last, words, code) => {
      const wish = { ...LATEST, lastSegment: parseSegment(last) };
      expect(judged(START + CONSISTENT + again + words, again, wish)?.code).toBe(code);
      expect(judged(START + again + words, again, wish)?.code).toBe('replay-stalled');
    });

    it.each([
      ['it is not consistent', START + ABSENT],
      ['it is open', START + CONSISTENT + OPEN + ABSENT],
      [
        'PostgreSQL 13 says that it is open',
        START + CONSISTENT + line('LOG:  database system is ready to accept read only connections') + ABSENT,
      ],
      ['an earlier start was consistent, this one is not', CONSISTENT + START + ABSENT],
      [
        'the archive cannot be asked',
        `${START}${CONSISTENT}pitr: doubt 00000001000000000000000F: db1(exit code 2)\n`,
      ],
    ])('tells of no snapshot where %s', (_, log) => {
      expect(judged(log)?.code).toBe('replay-stalled');
    });
  });

  it('says how far it is, how fast, and how long it will take', () => {
    let watch = startWatch(0);
    for (let second = 0; second <= 4; second++) {
      watch = observe(watch, look(at(`0/${(0x1000000 * second).toString(16)}`)), second * 1000);
    }
    expect(replayWords(watch, lsn('0/8000000'))).toBe(
      'replayed to 0/4000000, last commit 2026-11-22 15:41:18.494545+00, 16.0 MiB/s, about 4 s left',
    );
  });
});

describe('how far there is to replay', () => {
  const stopping = { ...TARGET, target: { ...TARGET.target, stopsAt: lsn('0/5000028') } };
  const lastSegment = parseSegment('00000001000000000000000C');

  it('is to the target, where that comes before the end of what is archived', () => {
    expect(endOfReplay({ ...stopping, lastSegment })).toBe(lsn('0/5000028'));
    expect(endOfReplay(stopping)).toBe(lsn('0/5000028'));
  });

  it('is to the end of what is archived, where nothing else is known or the target comes later', () => {
    expect(endOfReplay({ ...TARGET, lastSegment })).toBe(lsn('0/D000000'));
    const later = { ...TARGET.target, stopsAt: lsn('0/F000000') };
    expect(endOfReplay({ ...TARGET, target: later, lastSegment })).toBe(lsn('0/D000000'));
    expect(endOfReplay(TARGET)).toBeUndefined();
  });
});
