import { expect, it } from 'vitest';
import { PitrError } from '../../../../../lib/base/errors/pitr-error.ts';
import { behindWords } from '../../../../../lib/recovery/barman/moment-notes.ts';
import type { Link } from '../../../../../lib/recovery/wal/chain.ts';
import { lsnAt } from '../../../../../lib/recovery/wal/lsn.ts';
import { findMoment, type Moment } from '../../../../../lib/recovery/wal/moment/find.ts';
import { segmentAt } from '../../../../../lib/recovery/wal/segment.ts';
import { checkedTarget, type TargetParam } from '../../../../../lib/recovery/wal/target.ts';
import { timelineId } from '../../../../../lib/recovery/wal/timeline.ts';
import { abort, clock, commit, nothingRuns, SIZE, segmentsOf } from './segments.ts';

/** The stop at 10:00:30 is an abort; the first commit after it stands in segment 3. */
const segments = segmentsOf([
  [1, 1, [nothingRuns(10), commit(10, '10:00:00'), abort(11, '10:01:00')]],
  [2, 1, [nothingRuns(12)]],
  [3, 1, [commit(12, '10:02:00')]],
]);
const chain = [1, 2, 3].map(
  (number): Link => ({
    ...{ segment: segmentAt(timelineId(1), number, SIZE), number, servers: ['db1'], partial: false },
    written: clock(`10:0${number}:30`),
  }),
);
const TIME = '2026-11-22 10:00:30+00';
const nothing = new Uint8Array(SIZE);

function momentWith(
  param: TargetParam,
  bad: number,
  read: (link: Link) => Promise<Uint8Array>,
): Promise<Moment> {
  const target = checkedTarget(param);
  const question = { target, chain, segmentSize: SIZE, consistentAt: lsnAt(0x10_0060n), systemId: '77' };
  return findMoment(question, {
    read: async (link) => (link.number === bad ? read(link) : (segments.get(link.number) ?? nothing)),
  });
}

const unreadable = async ({ segment }: Link): Promise<Uint8Array> => {
  const message = `WAL segment ${segment} cannot be read from the archive of db1`;
  throw new PitrError({ kind: 'failed', code: 'wal-unreadable', message });
};
const half = async ({ number }: Link): Promise<Uint8Array> =>
  (segments.get(number) ?? nothing).subarray(0, 50);

it.each([
  ['is cut off', half],
  ['is empty', async () => nothing],
  ['cannot be unpacked', unreadable],
])('a time that stops at an abort is found where the segment behind it %s', async (_, read) => {
  const moment = await momentWith(TIME, 2, read);
  expect(moment).toMatchObject({ stop: { what: 'abort', xid: 11 }, lastCommit: { xid: 10 } });
  expect(moment.nextCommit).toBeUndefined();
  expect(behindWords(checkedTarget(TIME), moment).join()).toContain(chain[1]?.segment);
});

it('a position is found where the rest of its segment is damaged', async () => {
  const whole = segments.get(1) ?? nothing;
  const broken = Uint8Array.from(whole, (byte, at) => (at > 120 && at < 150 ? ~byte : byte));
  const { stop, damagedAfter } = await momentWith({ lsn: '0/100028' }, 1, async () => broken);
  expect(stop).toMatchObject({ what: 'record', lsn: 0x10_0028n });
  expect(damagedAfter).toMatch(/checksum|follow|bytes|manager/);
});

it('damage before the stop is refused as ever, and so is a host that does not answer', async () => {
  await expect(momentWith('2026-11-22 10:01:30+00', 2, half)).rejects.toThrow('000000010000000000000002');
  // PostgreSQL takes no file that is too short.
  const short = async ({ number }: Link) => (segments.get(number) ?? nothing).subarray(0, 150);
  await expect(momentWith(TIME, 1, short)).rejects.toThrow('the file ends within a record');
  const gone = async (): Promise<Uint8Array> => {
    throw new Error('the connection was lost');
  };
  await expect(momentWith(TIME, 2, gone)).rejects.toThrow('the connection was lost');
});

it('a clock that went back within the segment of the stop is told, and what is lost by it', async () => {
  const back = segmentsOf([
    [
      1,
      1,
      [
        ...[nothingRuns(10), commit(10, '10:00:00'), commit(11, '10:01:00'), commit(12, '10:00:10')],
        // Who commits at the same moment takes its time before its place in the WAL.
        ...[commit(13, '10:00:29.5'), commit(14, '10:00:20'), commit(15, '10:01:10')],
      ],
    ],
  ]);
  const told = async (time: string) => {
    const target = checkedTarget(time);
    const question = {
      ...{ target, chain: chain.slice(0, 1), segmentSize: SIZE },
      ...{ consistentAt: lsnAt(0x10_0060n), systemId: '77' },
    };
    const moment = await findMoment(question, { read: async () => back.get(1) ?? nothing });
    return { moment, words: behindWords(target, moment) };
  };
  const { moment, words } = await told(TIME);
  expect(moment).toMatchObject({ stop: { xid: 11 }, lastCommit: { xid: 10 }, nextCommit: { xid: 11 } });
  expect(moment.leftBehind).toMatchObject({ count: 2, last: { xid: 14 } });
  expect(words).toEqual([
    expect.stringMatching(
      /^Clocks went back before .* 2 commits right after it are .* 2026-11-22 10:00:20\+00 \(transaction 14, position \S+\)\. Nothing/,
    ),
    expect.stringContaining('target_xid'),
  ]);
  expect((await told('2026-11-22 10:00:10.5+00')).words).toEqual([]);
});
