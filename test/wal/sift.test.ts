import { execFile } from 'node:child_process';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ReadHost } from '../../lib/contract/host.ts';
import { liveHost } from '../../lib/engine/run/live-host.ts';
import { siftOn } from '../../lib/recovery/barman/sift.ts';
import type { Link } from '../../lib/recovery/wal/chain.ts';
import { parseLsn } from '../../lib/recovery/wal/lsn.ts';
import { findMoment, type Moment } from '../../lib/recovery/wal/moment/find.ts';
import type { RestorePoint } from '../../lib/recovery/wal/moment/scan.ts';
import { runsOf, type Sought } from '../../lib/recovery/wal/moment/sift.ts';
import {
  numberHolding,
  parseSegment,
  parseSegmentSize,
  type SegmentSize,
  segmentNumber,
} from '../../lib/recovery/wal/segment.ts';
import { connectHost } from '../../lib/transport/connect.ts';
import { RealPostgres } from './real-wal.ts';

const execute = promisify(execFile);
const SIZE: SegmentSize = parseSegmentSize(1024 * 1024) ?? bad();
const POINTS = 4000;

let server: RealPostgres;
let host: ReadHost;
let chain: readonly Link[];
/** What `pg_waldump` prints of the WAL, a line a record. */
let dumped: readonly string[];
const told = new Map<string, number>();

/** Records of restore points, 98 bytes long, come to lie over the ends of many pages, and one over that of a segment. */
const SCRIPT = `
create table t (i int);
create table doomed (i int);
do $$ begin
  for i in 1..${POINTS} loop
    perform pg_create_restore_point('point ' || i);
    perform pg_logical_emit_message(false, 'x', repeat('z', (i * 37) % 900));
  end loop;
end $$;
do $$ declare ahead bigint; begin
  loop
    ahead := ${SIZE} - (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::bigint % ${SIZE};
    exit when ahead < 96;
    perform pg_logical_emit_message(false, 'x', repeat('z', greatest(0, ahead - 12000)::int));
  end loop;
  perform pg_create_restore_point('over the end');
end $$;
do $$ begin
  begin insert into t values (0); perform pg_create_restore_point('in a subtransaction'); exception when others then raise; end;
end $$;
do $$ begin for i in 1..25 loop perform pg_logical_emit_message(false, 'x', repeat('z', 900000)); end loop; end $$;
insert into t values (1) returning 'plain|' || pg_current_xact_id();
begin; savepoint s; insert into t values (3) returning 'sub|' || (select backend_xid from pg_stat_activity where pid = pg_backend_pid()); commit;
begin; insert into t values (5) returning 'twice|' || pg_current_xact_id(); prepare transaction 'twice';
select 'x|0' from pg_logical_emit_message(false, 'x', repeat('z', 1500000));
commit prepared 'twice';
begin; insert into t values (6) returning 'undone|' || pg_current_xact_id(); rollback;
begin; drop table doomed; select 'dropped|' || pg_current_xact_id(); commit;
begin; create table never (i int); select 'never made|' || pg_current_xact_id(); rollback;
begin;
do $$ begin
  for i in 1..9000 loop
    begin insert into t values (i); exception when others then raise; end;
  end loop;
end $$;
select 'parent|' || pg_current_xact_id(); commit;
begin;
do $$ begin
  for i in 1..9000 loop
    begin insert into t values (i); exception when others then raise; end;
  end loop;
end $$;
select 'long|' || pg_current_xact_id(); prepare transaction 'long';
do $$ declare ahead bigint; begin
  loop
    ahead := ${SIZE} - (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::bigint % ${SIZE};
    exit when ahead < 96;
    perform pg_logical_emit_message(false, 'x', repeat('z', greatest(0, ahead - 12000)::int));
  end loop;
end $$;
commit prepared 'long';
insert into t values (7) returning 'last|' || pg_current_xact_id();
`;

beforeAll(async () => {
  server = await RealPostgres.start(1, { wal_level: 'logical' });
  for (const line of (await server.sql(SCRIPT)).split('\n')) {
    const [name = '', xid = ''] = line.split('|');
    told.set(name, Number(xid));
  }
  const names = await server.archived();
  chain = names.map((name): Link => {
    const segment = parseSegment(name) ?? bad();
    return { segment, number: segmentNumber(segment, SIZE), servers: ['real'], partial: false };
  });
  dumped = (await server.waldump(names[0] ?? '', names.at(-1) ?? '')).split('\n');
  const connection = connectHost('here', { kind: 'local' });
  host = liveHost(connection, () => connection);
}, 120_000);
afterAll(async () => {
  await server[Symbol.asyncDispose]();
}, 60_000);

function bad(): never {
  throw new Error('not there');
}

interface Seen {
  readonly may: readonly number[];
  readonly restorePoints: readonly RestorePoint[];
  readonly warnings: readonly string[];
  /** How often a part of the chain was done. */
  readonly times: number;
}

async function sift(sought: Sought, directory = server.archive, on = host): Promise<Seen> {
  const warnings: string[] = [];
  const seen = { may: [] as number[], restorePoints: [] as RestorePoint[], times: 0 };
  for await (const part of sifting(directory, on, warnings)(chain, sought)) {
    seen.may.push(...part.may);
    seen.restorePoints.push(...part.restorePoints);
    seen.times += 1;
  }
  return { ...seen, warnings };
}

function sifting(directory: string, on: ReadHost, warnings: string[]) {
  const servers = [{ name: 'real', wals: '/nowhere', incoming: directory, streaming: '/nowhere' }];
  const warn = (text: string): void => {
    warnings.push(text);
  };
  return siftOn({ host: on, user: '', segmentSize: SIZE, servers, progress: () => {}, warn });
}

async function momentOf(target: Sought, withSift: boolean): Promise<Moment> {
  const question = { target, chain, segmentSize: SIZE, consistentAt: parseLsn('0/1000000') ?? bad() };
  const read = (link: Link): Promise<Uint8Array> => server.segment(link.segment);
  return findMoment(question, { read, sift: withSift ? sifting(server.archive, host, []) : undefined });
}

const lsnIn = (line: string): string => /lsn: ([0-9A-F/]+)/.exec(line)?.[1]?.replace(/\/0+(?=.)/, '/') ?? '';
const indexOf = (line: string): number => {
  const number = numberHolding(parseLsn(lsnIn(line)) ?? bad(), SIZE);
  return chain.findIndex((link) => link.number === number);
};

describe('the search for a restore point where the segments lie', () => {
  it('sees every one that pg_waldump sees, at its very place, also where it goes over the end of a page or a segment', async () => {
    const { restorePoints, warnings } = await sift({ kind: 'name', name: 'none' });
    expect(warnings).toEqual([]);
    const expected = dumped
      .map((line) => /lsn: ([0-9A-F/]+),.*RESTORE_POINT (.*)$/.exec(line))
      .flatMap((match) => (match === null ? [] : [{ name: match[2], lsn: parseLsn(match[1] ?? '') }]));
    expect(expected).toHaveLength(POINTS + 2);
    expect(restorePoints.map(({ name, lsn }) => ({ name, lsn }))).toEqual(expected);
    const straddling = restorePoints.filter(({ lsn }) => (lsn % 8192n) + 98n > 8192n);
    expect(straddling.length).toBeGreaterThan(10);
    const over = restorePoints.find(({ name }) => name === 'over the end');
    expect(((over?.lsn ?? 0n) % BigInt(SIZE)) + 98n).toBeGreaterThan(SIZE);
  });

  it('finds what the reading of all segments finds, and reads only those around it', async () => {
    for (const name of ['point 1', `point ${POINTS}`, 'over the end', 'in a subtransaction']) {
      const target: Sought = { kind: 'name', name };
      const found = await momentOf(target, true);
      expect(found.stop).toEqual((await momentOf(target, false)).stop);
      expect(found.stop?.what).toBe('restore point');
      expect(found.segmentsRead).toBeLessThan(chain.length / 2);
    }
  });

  it('names all that there are where the name is not among them', async () => {
    const none: Sought = { kind: 'name', name: 'Point 1' };
    const [found, read] = [await momentOf(none, true), await momentOf(none, false)];
    expect(found.stop).toBeUndefined();
    expect(found.restorePoints).toEqual(read.restorePoints);
    expect(found.last).toEqual(read.last);
  });
});

describe('the search for a transaction where the segments lie', () => {
  it('names a segment for every transaction that ended, whatever way it ended', async () => {
    const ends = dumped.filter((line) => /desc: (COMMIT|ABORT)/.test(line));
    const xidOf = (line: string): number =>
      Number(/PREPARED (\d+)/.exec(line)?.[1] ?? /tx: +(\d+)/.exec(line)?.[1]);
    const some = ends.filter((line) => [...told.values()].includes(xidOf(line)));
    expect(some.length).toBeGreaterThanOrEqual(5);
    for (const line of some)
      expect((await sift({ kind: 'xid', xid: xidOf(line) })).may).toContain(indexOf(line));
  });

  it.each(['plain', 'twice', 'undone', 'dropped', 'never made', 'parent', 'long', 'last'])(
    'finds what the reading of all segments finds: %s',
    async (name) => {
      const target: Sought = { kind: 'xid', xid: told.get(name) ?? bad() };
      const found = await momentOf(target, true);
      expect(found.stop?.xid).toBe(target.xid);
      expect(found.stop).toEqual((await momentOf(target, false)).stop);
    },
  );

  it('finds whose subtransaction it is, also in a list that is longer than a page', async () => {
    const late = (told.get('parent') ?? bad()) + 8_500;
    expect((await momentOf({ kind: 'xid', xid: late }, true)).parentOfTarget).toBe(told.get('parent'));
    expect((await momentOf({ kind: 'xid', xid: told.get('sub') ?? bad() }, true)).parentOfTarget).toBe(
      (await momentOf({ kind: 'xid', xid: told.get('sub') ?? bad() }, false)).parentOfTarget,
    );
  });

  it('finds nothing where there is nothing', async () => {
    const { stop, segmentsRead } = await momentOf({ kind: 'xid', xid: 4_000_000_000 }, true);
    expect(stop).toBeUndefined();
    // The end of the chain, and what is around the one commit that is too long to be seen whole.
    expect(segmentsRead).toBeLessThan(8);
  });
});

describe('what cannot be searched', () => {
  it('is unpacked where Python can, and may hold anything where it cannot', async () => {
    const directory = join(server.directory, 'packed');
    await mkdir(directory);
    // As fast as each can: how small it gets does not matter here.
    const packers = ['gzip.compress(data, 1)', 'bz2.compress(data, 1)', 'lzma.compress(data, preset=0)'];
    const sought: Sought = { kind: 'name', name: `point ${POINTS}` };
    const plain = await sift(sought);
    await Promise.all(
      chain.map(async ({ segment }, index) => {
        const pack = `import bz2, gzip, lzma, sys; data = open(sys.argv[1], "rb").read(); sys.stdout.buffer.write(${packers[index % 3]})`;
        const from = join(server.archive, segment);
        const { stdout } = await execute('python3', ['-c', pack, from], {
          encoding: 'buffer',
          maxBuffer: 4e6,
        });
        await writeFile(join(directory, segment), stdout);
      }),
    );
    const packed = await sift(sought, directory);
    expect([packed.may, packed.restorePoints]).toEqual([plain.may, plain.restorePoints]);
    const [first, second, third] = chain.map(({ segment }) => join(directory, segment));
    // Packed by what Python does not know, cut off, and empty.
    await writeFile(first ?? '', Buffer.from('28b52ffd00', 'hex'));
    await writeFile(second ?? '', (await readFile(second ?? '')).subarray(0, 500));
    await writeFile(third ?? '', '');
    // Damaged behind a good beginning.
    const fourth = join(directory, chain[3]?.segment ?? '');
    const bytes = await readFile(fourth);
    await writeFile(
      fourth,
      bytes.fill(0xff, Math.floor(bytes.length / 2), Math.floor(bytes.length / 2) + 400),
    );
    const seen = await sift(sought, directory);
    expect(seen.may).toEqual([...new Set([0, 1, 2, 3, ...plain.may])].sort((a, b) => a - b));
    expect(seen.warnings).toEqual([]);
  });

  it("is what nobody has looked at when Barman's host gives up on the way", async () => {
    let asked = 0;
    const failing: ReadHost = {
      ...host,
      query: async (one) =>
        asked++ === 0 ? host.query(one) : { ...(await host.query(one)), exitCode: 1, stdout: '' },
    };
    const sought: Sought = { kind: 'name', name: 'point 1' };
    // Batches of one segment: the first one is done, and the next one fails.
    const servers = [{ name: 'real', wals: '/nowhere', incoming: server.archive, streaming: '/nowhere' }];
    const segmentSize = parseSegmentSize(1024 * 1024 * 1024) ?? bad();
    const place = { host: failing, user: '', segmentSize, servers, progress: () => {}, warn: () => {} };
    const seen: number[] = [];
    for await (const { may } of siftOn(place)(chain, sought)) seen.push(...may);
    expect(asked).toBe(2);
    expect(seen.slice(-(chain.length - 1))).toEqual(chain.slice(1).map((_, index) => index + 1));
  });

  it('is said in one argument that a host takes, however many segments there are', async () => {
    const links = Array.from({ length: 1000 }, () => chain)
      .flat()
      .slice(0, 2500);
    const names = ['one', 'two', 'three'].map((name) => `${name}-${'x'.repeat(60)}`);
    const lengths: number[] = [];
    const deaf: ReadHost = {
      ...host,
      query: async (one) => {
        lengths.push(Math.max(...one.argv.slice(4).map((word) => word.length)));
        return { ...(await host.query({ ...one, argv: ['true'] })), stdout: '@end\n' };
      },
    };
    const servers = names.map((name) => ({
      name,
      wals: `/${name}`,
      incoming: `/${name}`,
      streaming: `/${name}`,
    }));
    const place = { host: deaf, user: '', segmentSize: SIZE, servers, progress: () => {}, warn: () => {} };
    const held = links.map((link) => ({ ...link, servers: names }));
    for await (const _ of siftOn(place)(held, { kind: 'xid', xid: 1 }));
    expect(Math.max(...lengths)).toBeLessThan(128 * 1024);
    expect(Math.max(...lengths)).toBeGreaterThan(30_000);
  });

  it('is all of it where there is no Python, and that is said', async () => {
    const bin = join(server.directory, 'bin');
    await mkdir(bin);
    for (const name of ['sh', 'head', 'sed'])
      await writeFile(join(bin, name), `#!/bin/sh\nexec /usr/bin/${name} "$@"\n`).then(() =>
        chmod(join(bin, name), 0o755),
      );
    const connection = connectHost('here', { kind: 'local' });
    const live = liveHost(connection, () => connection);
    const without: ReadHost = { ...live, query: (one) => live.query({ ...one, env: { PATH: bin } }) };
    const seen = await sift({ kind: 'name', name: 'point 1' }, server.archive, without);
    expect(seen.times).toBe(0);
    expect(seen.warnings.join()).toMatch(/WAL cannot be searched on here \(.*python3.*not found\)/);
  });
});

describe('places that follow each other', () => {
  it('are read in one go', () => {
    expect(runsOf([])).toEqual([]);
    expect(runsOf([0, 1, 2, 5, 7, 8])).toEqual([
      [0, 2],
      [5, 5],
      [7, 8],
    ]);
  });
});
