import { describe, expect, it } from 'vitest';
import { savingNodes } from '../../../../lib/recovery/barman/prove-wal.ts';
import { type Archive, mergeArchives } from '../../../../lib/recovery/wal/archive.ts';
import { type Instant, instantAt } from '../../../../lib/recovery/wal/instant.ts';
import { lsnAt } from '../../../../lib/recovery/wal/lsn.ts';
import { DEFAULT_SEGMENT_SIZE, parseSegment, type WalSegment } from '../../../../lib/recovery/wal/segment.ts';
import { solveWal } from '../../../../lib/recovery/wal/solve.ts';
import {
  filesFrom,
  filesToSend,
  nodesToSave,
  silentNodes,
  type TailFile,
  type TailsParam,
  tailName,
  tailsOf,
} from '../../../../lib/recovery/wal/tail.ts';
import { timelineId } from '../../../../lib/recovery/wal/timeline.ts';

const SIZE = DEFAULT_SEGMENT_SIZE;
const at = (second: number): Instant => instantAt(BigInt(second) * 1_000_000n);
const seg = (number: number, timeline = 1): WalSegment => {
  const name = parseSegment(
    `${String(timeline).padStart(8, '0')}${'0'.repeat(8)}${number.toString(16).toUpperCase().padStart(8, '0')}`,
  );
  if (name === undefined) throw new Error('no segment');
  return name;
};

/** `5@100`, `7p@130`: number, partial, time. */
function archive(server: string, ...files: readonly string[]): Archive {
  return {
    server,
    lost: [],
    damaged: [],
    histories: [],
    files: files.map((text) => {
      const [, number = '', partial = '', time = ''] = /^(\d+)(p?)@(\d+)$/.exec(text) ?? [];
      const segment = seg(Number(number));
      return { segment, partial: partial === 'p', time: at(Number(time)), size: SIZE, compressed: false };
    }),
  };
}

function tail(node: string, ...files: readonly string[]): TailsParam[number] {
  return {
    node,
    pgdata: '/data',
    user: 'postgres',
    system_id: '1',
    histories: [],
    files: archive('', ...files).files.map(({ segment, partial, time }) => ({
      name: segment,
      partial,
      time: String(time / 1_000_000n),
    })),
  };
}

const cluster = { systemId: '1', segmentSize: SIZE };
const backup = {
  timeline: timelineId(1),
  beginLsn: lsnAt(BigInt(SIZE) * 4n),
  endLsn: lsnAt(BigInt(SIZE) * 4n + 256n),
  endTime: at(40),
  segmentSize: SIZE,
};

function solved(archives: readonly Archive[], tails: TailsParam, seconds?: number) {
  const beside = tailsOf(tails, cluster);
  const merged = mergeArchives([...archives, ...beside.map((one) => one.archive)], SIZE);
  const target =
    seconds === undefined ? ({ kind: 'latest' } as const) : ({ kind: 'time', time: at(seconds) } as const);
  const plan = solveWal(backup, merged, target);
  if (!plan.ok) throw new Error(plan.why);
  return { plan, save: nodesToSave(plan.needed, [], beside) };
}

describe('WAL that only nodes have', () => {
  const archived = archive('db1', '4@50', '5@100');
  const dead = tail('db1', '4@50', '5@100', '6@110', '7p@120');

  it('counts as archived for what can be reached, and its node is named', () => {
    const { plan, save } = solved([archived], [dead]);
    expect(plan.archivedUntil).toMatchObject({ segment: seg(7), partial: true });
    expect(save).toEqual(['db1']);
    expect(solved([archived], [dead], 105).save).toEqual(['db1']);
  });

  it('is asked of nobody where the moment lies in what is archived', () => {
    expect(solved([archived], [dead], 60).save).toEqual([]);
  });

  it('is asked of one node each, of the one that is there first', () => {
    expect(solved([archived], [dead, tail('db2', '6@111', '7p@119')]).save).toEqual(['db1']);
    expect(solved([archived], [tail('db3', '6@109'), dead]).save).toEqual(['db1']);
    expect(solved([archived], [tail('db3', '6@109'), tail('db2', '7p@119')]).save).toEqual(['db2', 'db3']);
  });

  it('is not asked for again once it is archived: of equal beginnings that of the archive is taken', () => {
    const saved = archive('db1', '4@50', '5@100', '6@110', '7p@120');
    expect(solved([saved], [dead]).save).toEqual([]);
  });

  it('counts also where Barman has received a beginning of the same segment in the same second', () => {
    const streamed = archive('db1', '4@50', '5@100', '6@110', '7p@120');
    const { plan } = solved([streamed], [dead]);
    expect(plan.needed.at(-1)).toMatchObject({ segment: seg(7), servers: ['db1', tailName('db1')] });
  });

  it('is asked of the node whose beginning of the last segment reaches farthest, also where one is archived', () => {
    const shorter = archive('db2', '4@50', '5@100', '6@110', '7p@119');
    const { plan } = solved([shorter], [dead]);
    const beside = tailsOf([dead], cluster);
    const sorted = (servers: readonly string[]) =>
      plan.needed.map((link) => (link.partial ? { ...link, servers } : link));
    expect(nodesToSave(sorted([tailName('db1'), 'db2']), [], beside)).toEqual(['db1']);
    expect(nodesToSave(sorted(['db2', tailName('db1')]), [], beside)).toEqual([]);
  });

  it('of another cluster, or of a node that did not answer, does not count', () => {
    const silent = { failed: true, error: { host: 'db1' } };
    expect(tailsOf([{ ...dead, system_id: '2' }, silent], cluster)).toEqual([]);
    expect(silentNodes([dead, silent])).toEqual(['db1']);
    expect(tailsOf([dead], cluster)[0]?.archive.server).toBe(tailName('db1'));
  });
});

describe('a history file that only a node has', () => {
  const whole = archive('db1', '4@50', '5@100');
  const text = `1\t0/${(5 * SIZE + 512).toString(16).toUpperCase()}\tno recovery target specified\n`;
  const knows = (...names: readonly string[]): TailsParam[number] => ({
    ...tail('db2'),
    histories: names.map((name) => ({ name, text, time: '120' })),
  });
  /** For a moment on timeline 1. */
  function saving(archives: readonly Archive[], tails: TailsParam): readonly string[] {
    const beside = tailsOf(tails, cluster);
    const merged = mergeArchives([...archives, ...beside.map((one) => one.archive)], SIZE);
    const plan = solveWal(backup, merged, { kind: 'time', time: at(60) }, { timeline: timelineId(1) });
    if (!plan.ok) throw new Error(plan.why);
    return savingNodes({ plan, merged, tails: beside }, plan.needed);
  }

  it('is archived where a promotion has to pass over its number', () => {
    expect(saving([whole], [knows('00000002.history')])).toEqual(['db2']);
    expect(saving([whole], [knows('00000003.history')])).toEqual([]);
    const [known] = tailsOf([knows('00000002.history')], cluster);
    const archived = { ...whole, histories: known?.archive.histories ?? [] };
    expect(saving([archived], [knows('00000002.history')])).toEqual([]);
    expect(saving([archived], [knows('00000002.history', '00000003.history')])).toEqual(['db2']);
  });
});

describe('the files that a node archives', () => {
  const file = (name: string, second: number, partial = false): TailFile => ({
    name,
    partial,
    time: at(second),
  });

  it('are those that no archive has, histories first, and none that was let go of', () => {
    const files = [
      file(seg(3), 30),
      file(seg(5), 100),
      file(seg(6), 110),
      file(seg(7), 120, true),
      file('00000002.history', 125),
    ];
    expect(filesToSend(files, [archive('db1', '4@50'), archive('db2', '5@100')], SIZE)).toEqual([
      file('00000002.history', 125),
      file(seg(6), 110),
      file(seg(7), 120, true),
    ]);
  });

  it('are those from the first one on that is needed, on any timeline', () => {
    const files = [file(seg(5), 100), file(seg(6, 2), 110), file('00000002.history', 105)];
    expect(filesFrom(files, seg(6), SIZE).map(({ name }) => name)).toEqual([seg(6, 2), '00000002.history']);
    expect(filesFrom(files, undefined, SIZE)).toBe(files);
  });

  it('are told also beside an archive of hundreds of thousands of segments', () => {
    const held = Array.from({ length: 200_000 }, (_, number) => ({
      segment: seg(number % 256),
      partial: false,
      time: at(100),
      size: SIZE,
      compressed: false,
    }));
    const large = { ...archive('db1'), files: held };
    const files = [{ name: seg(255, 2), partial: false, time: at(110) }];
    expect(filesToSend(files, [large], SIZE)).toEqual(files);
  });

  it('are all of them where nothing was ever archived', () => {
    expect(filesToSend([file(seg(1), 10)], [archive('db1')], SIZE)).toHaveLength(1);
  });

  it.each([
    ['no beginning of which an archive has the whole', '7@120', [], 0],
    ['no beginning that an archive has', '7p@119', [seg(7)], 0],
    ['the beginning of which an archive has another, whatever its time', '7p@120', [], 1],
  ])('have %s', (_, there, held, count) => {
    const beginning = [file(seg(7), 120, true)];
    expect(filesToSend(beginning, [archive('db1', there)], SIZE, new Set<string>(held))).toHaveLength(count);
  });

  it.each([
    ['empty', { size: 0 }],
    ['cut off', { size: 1000 }],
  ])('are those of which the archived copy is %s', (_, damage) => {
    const good = archive('db1', '4@50', '5@100');
    const cut = {
      ...good,
      files: good.files.map((one) => (one.segment === seg(5) ? { ...one, ...damage } : one)),
    };
    const files = [file(seg(4), 50), file(seg(5), 100)];
    expect(filesToSend(files, [cut], SIZE)).toEqual([file(seg(5), 100)]);
    expect(filesToSend(files, [cut, good], SIZE)).toEqual([]);
  });
});
