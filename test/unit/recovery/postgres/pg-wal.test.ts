import { describe, expect, it } from 'vitest';
import {
  type PgWal,
  parsePgWal,
  type TailOwner,
  tailOf,
  waitingOf,
} from '../../../../lib/recovery/postgres/pg-wal.ts';
import { DEFAULT_SEGMENT_SIZE, parseSegment, startOfSegment } from '../../../../lib/recovery/wal/segment.ts';

const SYSTEM = '7711109993528221810';
const NOW = '1795382709.301601';

/** The first page's header of a segment; `holds` is the segment whose content the file has. */
function head(
  holds: string,
  { system = SYSTEM, timeline = Number.parseInt(holds.slice(0, 8), 16), magic = 0xd110 } = {},
): string {
  const segment = parseSegment(holds);
  if (segment === undefined) throw new Error(holds);
  const bytes = Buffer.alloc(40);
  bytes.writeUInt16LE(magic, 0);
  bytes.writeUInt16LE(0x02, 2);
  bytes.writeUInt32LE(timeline, 4);
  bytes.writeBigUInt64LE(startOfSegment(segment, DEFAULT_SEGMENT_SIZE), 8);
  bytes.writeBigUInt64LE(BigInt(system), 24);
  bytes.writeUInt32LE(DEFAULT_SEGMENT_SIZE, 32);
  bytes.writeUInt32LE(8192, 36);
  return bytes.toString('hex');
}

const seg = (timeline: number, number: number): string =>
  `${String(timeline).padStart(8, '0')}${'0'.repeat(8)}${number.toString(16).toUpperCase().padStart(8, '0')}`;

interface Lying {
  readonly segments: readonly (readonly [name: string, bytes: string])[];
  readonly ready?: readonly string[];
  readonly settled?: readonly string[];
  readonly archiver?: string | undefined;
  readonly history?: readonly [string, string];
}

function printed({ segments, ready = [], settled = [], archiver, history }: Lying): string {
  const files = [...segments.map(([name]) => name), ...(history === undefined ? [] : [history[0]])];
  return [
    '@files',
    ...files.map((name) => ` ${name}\t${NOW}0`),
    '@settled',
    ...settled.map((name) => ` ${name}`),
    '@ready',
    ...ready.map((name) => ` ${name}.ready`),
    '@heads',
    ...segments.map(([name]) => ` ${name}`),
    '@bytes',
    ` ${segments.map(([, bytes]) => bytes).join('')}`,
    ...(history === undefined ? [] : [`@history ${history[0]}`, ` ${history[1]}`]),
    '@archiver',
    ...(archiver === undefined ? [] : [` ${archiver}`]),
    '@end',
    '',
  ].join('\n');
}

function lying(what: Lying): PgWal {
  const parsed = parsePgWal(printed(what));
  if (parsed === undefined) throw new Error('not parsed');
  return parsed;
}

const crashed: TailOwner = {
  running: false,
  role: 'primary',
  systemId: SYSTEM,
  segmentSize: DEFAULT_SEGMENT_SIZE,
};
const own = (...numbers: readonly number[]) => numbers.map((n) => [seg(1, n), head(seg(1, n))] as const);
const shown = (wal: PgWal, owner: TailOwner, except = 0, finished = false): readonly string[] =>
  tailOf(wal, owner, except, finished).map(({ name, partial }) => (partial ? `${name}.partial` : name));

describe('the tail of WAL in a pg_wal', () => {
  it('of a crashed primary is complete segments, and the beginning that it was writing', () => {
    expect(shown(lying({ segments: own(5, 6, 7), ready: [seg(1, 5), seg(1, 6)] }), crashed)).toEqual([
      seg(1, 5),
      seg(1, 6),
      `${seg(1, 7)}.partial`,
    ]);
  });

  it('of a PostgreSQL that is not read here is no tail that is passed over in silence', () => {
    const newer = [[seg(1, 5), head(seg(1, 5), { magic: 0xd11f })]] as const;
    expect(() => shown(lying({ segments: newer }), crashed)).toThrow('0xD11F looks like that of a newer');
  });

  it('has no file that waits to be used again, was never written, or belongs to another cluster', () => {
    const segments = [
      ...own(5),
      [seg(1, 6), head(seg(1, 2))],
      [seg(1, 7), '00'.repeat(40)],
      [seg(1, 8), head(seg(1, 8), { system: '1' })],
      [seg(1, 9), head(seg(1, 9), { timeline: 2 })],
    ] as const;
    expect(shown(lying({ segments }), crashed)).toEqual([`${seg(1, 5)}.partial`]);
  });

  it('has the last segment whole where the primary had finished it', () => {
    expect(shown(lying({ segments: own(5), ready: [seg(1, 5)] }), crashed)).toEqual([seg(1, 5)]);
  });

  it('of a standby has as a beginning what its receiver closed without knowing that it is whole', () => {
    const standby: TailOwner = { ...crashed, running: true, role: 'recovering' };
    expect(shown(lying({ segments: own(5, 6), ready: [seg(1, 6)] }), standby)).toEqual([
      seg(1, 5),
      `${seg(1, 6)}.partial`,
    ]);
  });

  it('counts each timeline for itself; the one that a living leader archives is none', () => {
    const segments = [...own(5, 6), [seg(2, 6), head(seg(2, 6), { timeline: 1 })]] as const;
    expect(shown(lying({ segments }), crashed)).toEqual([
      seg(1, 5),
      `${seg(1, 6)}.partial`,
      `${seg(2, 6)}.partial`,
    ]);
    expect(shown(lying({ segments }), crashed, 2)).toEqual([seg(1, 5), `${seg(1, 6)}.partial`]);
  });

  it('of a running primary is no segment, unless its archiver fails: then what waits for it, and never the open one', () => {
    const leader: TailOwner = { ...crashed, running: true };
    const with_ = (archiver: string) =>
      shown(lying({ segments: own(5, 6), ready: [seg(1, 5)], archiver }), leader, 1);
    expect(with_('postgres: main: archiver last was 000000010000000000000004')).toEqual([]);
    expect(with_('postgres: main: archiver archiving 000000010000000000000005')).toEqual([]);
    expect(with_('postgres: main: archiver failed on 000000010000000000000005')).toEqual([seg(1, 5)]);
  });

  describe('of a running primary whose archiver is not believed', () => {
    const leader: TailOwner = { ...crashed, running: true };
    const segments = [...own(4, 5, 6), [seg(1, 7), head(seg(1, 3))]] as const;
    const last = 'postgres: main: archiver last was 000000010000000000000004';
    const archiving = 'postgres: main: archiver archiving 000000010000000000000005';
    const failed = 'postgres: main: archiver failed on 000000010000000000000005';

    it.each([
      ['says yes', last, [], [seg(1, 4)], 1],
      ['fails', failed, [], [seg(1, 4), seg(1, 5)], 0],
      ['does nothing more', last, [5], [seg(1, 4), seg(1, 5)], 0],
      ['never comes to an end', archiving, [4, 5], [seg(1, 4), seg(1, 5)], 0],
      ['does not say what it does', 'postgres: main: archiver ', [5], [seg(1, 4), seg(1, 5)], 0],
      ['is not there', undefined, [5], [seg(1, 4), seg(1, 5)], 0],
      ['is not there yet', undefined, [], [seg(1, 4)], 1],
    ] as const)('is what it has finished, where the archiver %s', (_, archiver, settled, files, waiting) => {
      const wal = lying({ segments, ready: [seg(1, 5)], settled: settled.map((n) => seg(1, n)), archiver });
      expect(shown(wal, leader, 1, true)).toEqual(files);
      expect(waitingOf(wal, leader, tailOf(wal, leader, 1, true))).toBe(waiting);
    });

    it('is what it has finished without archiving anything (archive_mode = off), and never the open one', () => {
      const wal = lying({ segments });
      expect(shown(wal, leader, 1, true)).toEqual([seg(1, 4), seg(1, 5)]);
    });

    it('waits for nobody where it does not run, or is no primary', () => {
      const wal = lying({ segments, ready: [seg(1, 5)] });
      expect(waitingOf(wal, crashed, [])).toBe(0);
      expect(waitingOf(wal, { ...leader, role: 'recovering' }, [])).toBe(0);
    });
  });

  it('of a running primary has its histories: one that its archiver has sent is not sent again', () => {
    const leader: TailOwner = { ...crashed, running: true };
    const archiver = 'postgres: main: archiver last was 000000020000000000000006';
    const history = ['00000002.history', '1\t0/5000000\tno recovery target'] as const;
    expect(shown(lying({ segments: own(5, 6), archiver, history }), leader, 2)).toEqual(['00000002.history']);
  });

  it('has the history files, with their text', () => {
    const wal = lying({ segments: [], history: ['00000002.history', '1\t0/5000000\tno recovery target'] });
    expect(wal.histories.map(({ name, text }) => [name, text])).toEqual([
      ['00000002.history', '1\t0/5000000\tno recovery target'],
    ]);
    expect(shown(wal, crashed)).toEqual(['00000002.history']);
  });

  it('is not believed where a file went away between being listed and being read', () => {
    const whole = printed({ segments: own(5, 6) });
    expect(parsePgWal(whole.replace(head(seg(1, 5)), ''))).toBeUndefined();
  });
});
