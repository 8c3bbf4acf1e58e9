import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { formatInstant } from '../../lib/recovery/wal/instant.ts';
import { formatLsn, type Lsn, lsnAt } from '../../lib/recovery/wal/lsn.ts';
import { type SegmentEnd, WalReader } from '../../lib/recovery/wal/records/reader.ts';
import { mainData, rmgrName, type WalRecord } from '../../lib/recovery/wal/records/record.ts';
import { standbyRecord } from '../../lib/recovery/wal/records/standby.ts';
import { transactionEnd } from '../../lib/recovery/wal/records/transaction.ts';
import { unknownMagic, walVersion } from '../../lib/recovery/wal/records/version.ts';
import { xlogRecord } from '../../lib/recovery/wal/records/xlog.ts';
import {
  parseSegment,
  parseSegmentSize,
  type SegmentSize,
  segmentNumber,
  startOfSegment,
} from '../../lib/recovery/wal/segment.ts';
import { RealPostgres } from './real-wal.ts';

const found = parseSegmentSize(1024 * 1024);
if (found === undefined) throw new Error('1 MiB is a segment size');
const size: SegmentSize = found;

let server: RealPostgres;
let names: readonly string[];
/** Every line of pg_waldump over the same segments. */
let dump: readonly string[];

beforeAll(async () => {
  server = await RealPostgres.start(1, { wal_compression: 'on' });
  await server.sql(`
    create table t (i int, x text);
    create table doomed as select 1 as i;
    insert into t select i, repeat(md5(i::text), 20) from generate_series(1, 3000) i;
    checkpoint;
    update t set x = x || 'y' where i % 3 = 0;
    -- One record that is longer than two segments.
    select pg_logical_emit_message(false, 'test', repeat('z', 2500000));
    begin; delete from t where i < 10; rollback;
    begin; savepoint a; insert into t values (1); savepoint b; insert into t values (2); commit;
    begin; insert into t values (3); prepare transaction 'two';
    commit prepared 'two';
    begin; savepoint s; insert into t values (4); lock table t; create table later (i int);
    prepare transaction 'three „x“';
    rollback prepared 'three „x“';
    select pg_create_restore_point('vor „allem“');
    begin; truncate t; drop table doomed; commit;
    create database other strategy wal_log;
    drop database other;`);
  names = await server.archived();
  await server.sql('insert into t values (5)');
  names = await server.archived();
  dump = (await server.waldump(names[0] ?? '', names.at(-1) ?? '')).split('\n').filter((line) => line !== '');
}, 120_000);
afterAll(async () => {
  await server[Symbol.asyncDispose]();
}, 60_000);

/** All records of segments, and how the last one ended. */
async function readAll(
  some: readonly string[],
): Promise<{ readonly records: readonly WalRecord[]; readonly end: SegmentEnd }> {
  const reader = new WalReader(size);
  const records: WalRecord[] = [];
  let end: SegmentEnd = { kind: 'whole' };
  for (const name of some) {
    const segment = parseSegment(name);
    if (segment === undefined) throw new Error(`no segment: ${name}`);
    const steps = reader.read(await server.segment(name), startOfSegment(segment, size));
    let step = steps.next();
    for (; !step.done; step = steps.next()) records.push(step.value);
    end = step.value;
    if (end.kind !== 'whole') break;
  }
  return { records, end };
}

/** `16/0A0B0C0D` as pg_waldump pads it. */
function padded(lsn: Lsn): string {
  const [high = '', low = ''] = formatLsn(lsn).split('/');
  return `${high}/${low.padStart(8, '0')}`;
}

describe('records of a real PostgreSQL 15', () => {
  it('are all that pg_waldump shows, with the same lengths, transactions and positions', async () => {
    const { records, end } = await readAll(names);
    const ours = records.map(
      (record) => `${rmgrName(record.rmgr)} ${record.bytes.byteLength} ${record.xid} ${padded(record.lsn)}`,
    );
    const theirs = dump.map((line) => {
      const match = /^rmgr: (\S+)\s+len \(rec\/tot\):\s+\d+\/\s*(\d+), tx:\s+(\d+), lsn: (\S+),/.exec(line);
      return match === null ? line : match.slice(1).join(' ');
    });
    expect(ours.length).toBeGreaterThan(4000);
    expect(ours).toEqual(theirs);
    expect(end).toEqual({ kind: 'whole' });
  });

  it('can be read from any segment on: what began before is passed over', async () => {
    const { records } = await readAll(names);
    for (const first of names.keys()) {
      const start = startOfSegment(parseSegment(names[first] ?? '') ?? bad(), size);
      const later = (await readAll(names.slice(first))).records.map(({ lsn }) => lsn);
      expect(later).toEqual(records.map(({ lsn }) => lsn).filter((lsn) => lsn >= start));
    }
  });

  it('of ends of transactions say the same as pg_waldump', async () => {
    const { records } = await readAll(names);
    const ours = records.flatMap((record) => {
      const end = transactionEnd(record);
      if (end === undefined) return [];
      const subxacts = end.subxids.length === 0 ? '' : ` subxacts ${end.subxids.join(' ')}`;
      return [`${padded(record.lsn)} ${end.kind} ${end.xid} ${formatInstant(end.time)}${subxacts}`];
    });
    const theirs = dump.flatMap((line) => {
      const match =
        /^rmgr: Transaction .*tx:\s+(\d+), lsn: (\S+), .* desc: (COMMIT|ABORT|PREPARE)(_PREPARED)? (?:(?:gid|(\d+): )\S*\s*|(\d+): )?(.*)$/.exec(
          line,
        );
      if (match === null) return [];
      const [, tx = '', lsn = '', what = '', , other, prepared] = match;
      const time = /(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?) UTC/.exec(line)?.[1] ?? '';
      const subs = /subxacts: ([\d ]+)/.exec(line)?.[1]?.trim();
      const xid = other ?? prepared ?? tx;
      const micro = time.includes('.')
        ? time.replace(/\.(\d+)$/, (_, f: string) => `.${f.padEnd(6, '0')}`)
        : time;
      return [
        `${lsn.replace(',', '')} ${what.toLowerCase()} ${xid} ${micro.replace('.000000', '')}+00${subs === undefined ? '' : ` subxacts ${subs}`}`,
      ];
    });
    expect(ours.length).toBeGreaterThan(10);
    expect(ours).toEqual(theirs);
    expect(ours.some((line) => line.includes('subxacts'))).toBe(true);
    expect(ours.some((line) => line.includes('prepare '))).toBe(true);
  });

  it('of a prepared transaction name it, its database and owner, and the strongest lock of each relation', async () => {
    const { records } = await readAll(names);
    const found = records.flatMap((record) => transactionEnd(record)?.prepared ?? []);
    const [numbers = ''] = (
      await server.sql(
        `select concat_ws('/', (select oid from pg_database where datname = 'postgres'), 10, 't'::regclass::oid)`,
      )
    ).split('\n');
    const [database = '', owner = '', relation = ''] = numbers.split('/');
    const own = { database: Number(database), owner: Number(owner) };
    const lock = { database: Number(database), relation: Number(relation) };
    expect(found).toEqual([
      { ...own, gid: 'two', locks: [{ ...lock, mode: 'RowExclusiveLock' }] },
      {
        ...own,
        gid: 'three „x“',
        locks: expect.arrayContaining([{ ...lock, mode: 'AccessExclusiveLock' }]),
      },
    ]);
    // Of the table that came and went with it nothing but the number is known.
    expect(found.at(-1)?.locks).toHaveLength(2);
  });

  it('of locks, running transactions, restore points and switches say the same as pg_waldump', async () => {
    const { records } = await readAll(names);
    const ours = records.flatMap((record) => {
      const standby = standbyRecord(record);
      const xlog = xlogRecord(record);
      const at = padded(record.lsn);
      if (standby?.kind === 'locks')
        return standby.locks.map(
          ({ xid, database, relation }) => `${at} LOCK xid ${xid} db ${database} rel ${relation}`,
        );
      if (standby?.kind === 'running')
        return [`${at} RUNNING_XACTS nextXid ${standby.nextXid} oldestRunningXid ${standby.oldestXid}`];
      if (xlog?.kind === 'restore-point') return [`${at} RESTORE_POINT ${xlog.name}`];
      if (xlog?.kind === 'switch') return [`${at} SWITCH`];
      if (xlog?.kind === 'checkpoint') return [`${at} CHECKPOINT redo ${formatLsn(xlog.redo)}`];
      return [];
    });
    const theirs = dump.flatMap((line) => {
      const at = /lsn: (\S+),/.exec(line)?.[1] ?? '';
      const locks = [...line.matchAll(/xid (\d+) db (\d+) rel (\d+)/g)];
      if (/desc: LOCK /.test(line))
        return locks.map(
          ([, xid, database, relation]) => `${at} LOCK xid ${xid} db ${database} rel ${relation}`,
        );
      const running = /desc: RUNNING_XACTS nextXid (\d+) latestCompletedXid \d+ oldestRunningXid (\d+)/.exec(
        line,
      );
      if (running !== null)
        return [`${at} RUNNING_XACTS nextXid ${running[1]} oldestRunningXid ${running[2]}`];
      const point = /desc: RESTORE_POINT (.*)$/.exec(line);
      if (point !== null) return [`${at} RESTORE_POINT ${point[1]}`];
      if (/desc: SWITCH/.test(line)) return [`${at} SWITCH`];
      const checkpoint = /desc: CHECKPOINT_(?:ONLINE|SHUTDOWN) redo ([0-9A-F/]+);/.exec(line);
      return checkpoint === null ? [] : [`${at} CHECKPOINT redo ${checkpoint[1]}`];
    });
    expect(ours).toEqual(theirs);
    for (const what of ['LOCK', 'RUNNING_XACTS', 'RESTORE_POINT vor „allem“', 'SWITCH', 'CHECKPOINT'])
      expect(
        ours.some((line) => line.includes(what)),
        what,
      ).toBe(true);
  });

  it('hold their main data behind images and data of pages', async () => {
    const { records } = await readAll(names);
    const lengths = records.map((record) => mainData(record).byteLength);
    const message = records.findIndex((record) => rmgrName(record.rmgr) === 'LogicalMessage');
    expect(lengths[message]).toBeGreaterThan(2_500_000);
  });

  it('of another cluster, or of another segment size, are recognised', async () => {
    const [name = ''] = names;
    const bytes = await server.segment(name);
    const start = startOfSegment(parseSegment(name) ?? bad(), size);
    const ending = (reader: WalReader): SegmentEnd | undefined => {
      const step = reader.read(bytes, start).next();
      return step.done === true ? step.value : undefined;
    };
    expect(ending(new WalReader(size, '42'))).toMatchObject({
      kind: 'damaged',
      why: expect.stringContaining('belongs to another cluster: system id') as string,
    });
    expect(ending(new WalReader(parseSegmentSize(2 * 1024 * 1024) ?? bad()))).toMatchObject({
      kind: 'damaged',
      why: 'the segment says that it has 1048576 bytes, the cluster’s have 2097152'.replace('’', "'"),
    });
  });
});

describe('whatever is done to the bytes', () => {
  /** Three segments: a checkpoint with images of pages, and a record that goes on over the boundaries. */
  let some: readonly Uint8Array[];
  let start: Lsn;
  let whole: readonly Lsn[];

  beforeAll(async () => {
    const { records } = await readAll(names);
    const message = records.find((record) => rmgrName(record.rmgr) === 'LogicalMessage');
    const number = Number((message?.lsn ?? 0n) / BigInt(size));
    const first = names.findIndex((name) => segmentNumber(parseSegment(name) ?? bad(), size) === number);
    const chosen = names.slice(first, first + 4);
    some = await Promise.all(chosen.map((name) => server.segment(name)));
    start = startOfSegment(parseSegment(chosen[0] ?? '') ?? bad(), size);
    whole = read(some).lsns;
    expect(whole.length).toBeGreaterThan(100);
  });

  function read(segments: readonly Uint8Array[]): {
    readonly lsns: readonly Lsn[];
    readonly end: SegmentEnd;
  } {
    const reader = new WalReader(size);
    const lsns: Lsn[] = [];
    for (const [index, bytes] of segments.entries()) {
      const steps = reader.read(bytes, lsnAt(start + BigInt(index * size)));
      let step = steps.next();
      for (; !step.done; step = steps.next()) {
        mainData(step.value);
        transactionEnd(step.value);
        standbyRecord(step.value);
        xlogRecord(step.value);
        lsns.push(step.value.lsn);
      }
      if (step.value.kind !== 'whole') return { lsns, end: step.value };
    }
    return { lsns, end: { kind: 'whole' } };
  }
  const places = () => fc.record({ segment: fc.nat(some.length - 1), at: fc.nat(size - 1) });

  it('a file that ends anywhere is read up to there, and said to end there', () => {
    fc.assert(
      fc.property(places(), ({ segment, at }) => {
        const cut = some
          .slice(0, segment + 1)
          .map((bytes, i) => (i === segment ? bytes.subarray(0, at) : bytes));
        const { lsns, end } = read(cut);
        expect(lsns).toEqual(whole.slice(0, lsns.length));
        // Records begin at multiples of eight.
        const here = lsnAt(start + BigInt(segment * size + ((at + 7) & ~7)));
        const afterSwitch = end.kind === 'whole';
        if (!afterSwitch) expect(end.kind === 'damaged' ? end.at <= here : true).toBe(true);
        else expect(lsns.at(-1)).toBe(whole.filter((lsn) => lsn < here).at(-1));
      }),
      { numRuns: 60 },
    );
  });

  it('a bit that has flipped is found, or lies where nothing is read', () => {
    fc.assert(
      fc.property(places(), fc.nat(7), ({ segment, at }, bit) => {
        const flipped = some.map((bytes) => new Uint8Array(bytes));
        const byte = flipped[segment]?.[at] ?? 0;
        flipped[segment]?.set([byte ^ (1 << bit)], at);
        const { lsns, end } = read(flipped);
        expect(lsns).toEqual(whole.slice(0, lsns.length));
        if (lsns.length < whole.length) expect(end.kind).not.toBe('whole');
      }),
      { numRuns: 150 },
    );
  });

  it('segments that are not in their place are found', () => {
    const [first = bad(), second = bad()] = some;
    expect(read([second]).end.kind).not.toBe('whole');
    expect(read([first, first]).end).toMatchObject({ kind: expect.stringMatching('end|damaged') as string });
  });

  it('bytes of no WAL are refused at once', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 0, maxLength: 20_000 }), (bytes) => {
        expect(read([bytes]).end.kind).not.toBe('whole');
      }),
    );
  });
});

describe('a magic number', () => {
  it.each([
    [0xd101, 12],
    [0xd106, 13],
    [0xd10d, 14],
    [0xd110, 15],
    [0xd113, 16],
    [0xd116, 17],
    [0xd118, 18],
  ])('%x is that of PostgreSQL %d', (magic, major) => {
    expect(walVersion(magic)?.major).toBe(major);
  });

  it('of a version that is not known is refused by name', () => {
    expect(walVersion(0xd11f)).toBeUndefined();
    expect(unknownMagic(0xd11f)).toBe(
      "the page's magic number 0xD11F looks like that of a newer PostgreSQL (known: 12 to 18)",
    );
    expect(unknownMagic(0x8b1f)).toContain('0x8B1F is that of no PostgreSQL known here');
  });
});

function bad(): never {
  throw new Error('no segment');
}
