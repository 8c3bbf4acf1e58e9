import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Link } from '../../lib/recovery/wal/chain.ts';
import { type Instant, instantAt } from '../../lib/recovery/wal/instant.ts';
import { formatLsn, type Lsn, lsnAt, parseLsn } from '../../lib/recovery/wal/lsn.ts';
import { aimAt, aimWords, stopWords } from '../../lib/recovery/wal/moment/aim.ts';
import { findMoment, type Moment } from '../../lib/recovery/wal/moment/find.ts';
import { DamagedWal } from '../../lib/recovery/wal/moment/scan-chain.ts';
import {
  parseSegment,
  parseSegmentSize,
  type SegmentSize,
  segmentNumber,
} from '../../lib/recovery/wal/segment.ts';
import { checkedTarget, type RecoveryTarget, type TargetParam } from '../../lib/recovery/wal/target.ts';
import { RealPostgres } from './real-wal.ts';

const SIZE: SegmentSize = parseSegmentSize(1024 * 1024) ?? bad();

let server: RealPostgres;
let chain: readonly Link[];
let begin: Lsn;
/** What happened, by name: a position, a transaction or a time that the server told. */
const told = new Map<string, string>();

/** `name|value` lines of the script's output. */
const NOW = `to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') || '+00'`;
const SCRIPT = `
create table t (i int);
create table dropped_late (i int); create table dropped_early (i int); create table dropped_busy (i int);
insert into t values (1);
select 'begin|' || pg_current_wal_insert_lsn();
checkpoint;
insert into t values (2) returning 'xid2|' || (pg_current_xact_id()::text);
select 'afterTwo|' || pg_current_wal_insert_lsn();
begin; savepoint s; insert into t values (3) returning 'subxid|' || (select backend_xid from pg_stat_activity where pid = pg_backend_pid()); commit;
select pg_create_restore_point('here');
select 'beforeLate|' || ${NOW};
begin; drop table dropped_late; select 'xidLate|' || (pg_current_xact_id()::text); commit;
insert into t values (4);
begin; drop table dropped_early; select 'xidEarly|' || (pg_current_xact_id()::text);
  select 'x|' from pg_logical_emit_message(false, 'test', repeat('z', 1500000)); checkpoint;
  select 'x|' from pg_logical_emit_message(false, 'test', repeat('z', 1500000)); checkpoint;
  select 'x|' from pg_logical_emit_message(false, 'test', repeat('z', 1500000)); checkpoint;
  select 'x|' from pg_logical_emit_message(false, 'test', repeat('z', 900000)); checkpoint;
  select 'beforeEarly|' || ${NOW};
commit;
insert into t values (5);
begin; drop table dropped_busy; prepare transaction 'busy';
insert into t values (6);
select 'beforeBusy|' || ${NOW};
commit prepared 'busy';
insert into t values (7) returning 'xidLast|' || (pg_current_xact_id()::text);
select 'x|' from pg_logical_emit_message(false, 'test', repeat('z', 3200000));
select 'end|' || ${NOW};
`;

beforeAll(async () => {
  server = await RealPostgres.start(1);
  for (const line of (await server.sql(SCRIPT)).split('\n')) {
    const [name = '', value = ''] = line.split('|');
    told.set(name, value);
  }
  begin = parseLsn(value('begin')) ?? bad();
  const names = await server.archived();
  const all = await Promise.all(
    names.map(async (name): Promise<Link> => {
      const segment = parseSegment(name) ?? bad();
      const { mtimeMs } = await stat(join(server.archive, name));
      const time = instantAt(BigInt(Math.ceil(mtimeMs * 1000)));
      return {
        segment,
        number: segmentNumber(segment, SIZE),
        servers: ['real'],
        partial: false,
        time,
        written: time,
      };
    }),
  );
  chain = all.filter(({ number }) => BigInt(number + 1) * BigInt(SIZE) > begin);
}, 120_000);
afterAll(async () => {
  await server[Symbol.asyncDispose]();
}, 60_000);

function bad(): never {
  throw new Error('not there');
}
function value(name: string): string {
  return told.get(name) ?? bad();
}

async function momentOf(
  param: TargetParam,
  change?: (link: Link, bytes: Uint8Array) => Uint8Array,
): Promise<Moment> {
  const target = checkedTarget(param);
  const question = { target, chain, segmentSize: SIZE, consistentAt: begin };
  const read = async (link: Link): Promise<Uint8Array> => {
    const bytes = await server.segment(link.segment);
    return change === undefined ? bytes : change(link, bytes);
  };
  return findMoment(question, { read });
}
/** The rows that are there: those whose commit lies before the stop. */
async function aimOf(
  param: TargetParam,
): Promise<{ readonly target: RecoveryTarget; readonly words: string }> {
  const moment = await momentOf(param);
  const aim = aimAt(checkedTarget(param), moment, begin);
  return { target: aim.target, words: aimWords(aim).join('\n') };
}
async function firstLockOf(xid: string): Promise<string> {
  const [first, last] = [chain[0]?.segment ?? '', chain.at(-1)?.segment ?? ''];
  const line = (await server.waldump(first, last))
    .split('\n')
    .find((l) => l.includes(`desc: LOCK xid ${xid} `));
  return formatLsn(parseLsn(/lsn: ([0-9A-F/]+)/.exec(line ?? '')?.[1] ?? '') ?? bad());
}

describe('where PostgreSQL stops', () => {
  it('for a time: before the first transaction that ended later; what is recovered is known', async () => {
    const { stop, lastCommit, nextCommit } = await momentOf(value('beforeLate'));
    expect(stop).toMatchObject({ side: 'before', what: 'commit', xid: Number(value('xidLate')) });
    expect(nextCommit?.xid).toBe(Number(value('xidLate')));
    expect(lastCommit?.xid).toBe(Number(value('xid2')) + 1);
  });

  it('for a time that is exactly that of a commit: after it, or before it when exclusive', async () => {
    const { lastCommit } = await momentOf({ xid: value('xid2') });
    const time: Instant = lastCommit?.time ?? bad();
    const exactly = { kind: 'time', time } as const;
    const question = { chain, segmentSize: SIZE, consistentAt: begin };
    const read = (link: Link) => server.segment(link.segment);
    const inclusive = await findMoment({ ...question, target: exactly }, { read });
    const exclusive = await findMoment({ ...question, target: { ...exactly, exclusive: true } }, { read });
    expect(inclusive.lastCommit?.xid).toBe(Number(value('xid2')));
    expect(exclusive.stop).toMatchObject({ side: 'before', xid: Number(value('xid2')) });
  });

  it.each([
    ['after it', true, 'after'],
    ['before it when exclusive', false, 'before'],
  ])('for a transaction: %s', async (_, inclusive, side) => {
    const xid = Number(value('xid2'));
    const { stop, lastCommit } = await momentOf({ xid, inclusive });
    expect(stop).toMatchObject({ side, what: 'commit', xid });
    expect(lastCommit?.xid === xid).toBe(inclusive);
    const again = await momentOf({ xid, inclusive, found_at: formatLsn(stop?.lsn ?? bad()) });
    expect(again.stop).toEqual(stop);
  });

  it('for a position between two records: at the next one', async () => {
    const after = parseLsn(value('afterTwo')) ?? bad();
    const { stop, lastCommit } = await momentOf({ lsn: formatLsn(lsnAt(after - 1n)), inclusive: false });
    expect(stop).toMatchObject({ side: 'before', lsn: after });
    expect(lastCommit?.xid).toBe(Number(value('xid2')));
  });

  it('for a restore point: there', async () => {
    const { stop, lastCommit } = await momentOf({ name: 'here' });
    expect(stop).toMatchObject({ side: 'after', what: 'restore point' });
    expect(lastCommit?.xid).toBe(Number(value('xid2')) + 1);
  });

  it('for the end of the backup: at the first record there', async () => {
    const { stop } = await momentOf({ immediate: true });
    expect(stop?.what).toBe('consistency');
    expect(stop && stop.replayedTo >= begin).toBe(true);
  });

  it('for latest: nowhere, and the last record and the last commit are known, however far back', async () => {
    const { stop, lastCommit, last, segmentsRead } = await momentOf('latest');
    expect(stop).toBeUndefined();
    expect(lastCommit?.xid).toBe(Number(value('xidLast')));
    const end = BigInt((chain.at(-1)?.number ?? 0) + 1) * BigInt(SIZE);
    expect(last?.endLsn).toBe(end);
    expect(segmentsRead).toBeGreaterThan(2);
  });

  it('for a time after the last commit: nowhere', async () => {
    const { stop, lastCommit } = await momentOf(value('end'));
    expect(stop).toBeUndefined();
    expect(lastCommit?.xid).toBe(Number(value('xidLast')));
  });

  it('for what does not exist: nowhere, and what was seen instead is told', async () => {
    expect((await momentOf({ name: 'there' })).restorePoints.map(({ name }) => name)).toEqual(['here']);
    expect((await momentOf({ xid: 4_000_000 })).stop).toBeUndefined();
    const parent = Number(value('xid2')) + 1;
    expect((await momentOf({ xid: parent + 1 })).parentOfTarget).toBe(parent);
  });

  it('is told in words', async () => {
    const { stop } = await momentOf({ xid: value('xid2') });
    expect(stopWords(stop ?? bad())).toMatch(
      /^after the commit of transaction \d+ of 2\d{3}-.*\+00 at position 0\/[0-9A-F]+$/,
    );
  });
});

describe('tables that a transaction keeps locked at the stop', () => {
  it('move the aim to before its lock', async () => {
    const { target, words } = await aimOf(value('beforeLate'));
    expect(target).toEqual({
      kind: 'lsn',
      lsn: parseLsn(await firstLockOf(value('xidLate'))),
      exclusive: true,
    });
    expect(words).toContain('no commit lies between');
  });

  it('move it also where the lock was taken long before, and snapshots repeat it', async () => {
    const { target } = await aimOf(value('beforeEarly'));
    expect(target).toMatchObject({ kind: 'lsn', lsn: parseLsn(await firstLockOf(value('xidEarly'))) });
  });

  it('do not move it where commits lie between: those would be lost', async () => {
    const { target, words } = await aimOf(value('beforeBusy'));
    expect(target).toEqual(checkedTarget(value('beforeBusy')));
    expect(words).toContain('nobody can read until the promotion');
    expect(words).toContain('would lose 2 commits');
  });

  it('do not concern a stop where nothing is locked', async () => {
    const target = { xid: value('xid2') };
    expect(await aimOf(target)).toEqual({ target: checkedTarget(target), words: '' });
  });

  it('never move it to before the end of the backup', async () => {
    const moment = await momentOf(value('beforeLate'));
    const target = checkedTarget(value('beforeLate'));
    expect(aimAt(target, moment, moment.stop?.lsn ?? bad()).target).toBe(target);
  });
});

describe('WAL that is not what it should be', () => {
  const third = () => chain[2]?.segment ?? bad();

  it('is found, with the last record before it', async () => {
    const act = momentOf({ name: 'there' }, (link, bytes) => {
      if (link.segment !== third()) return bytes;
      const broken = new Uint8Array(bytes);
      broken.fill(0x55, 400_000, 400_016);
      return broken;
    });
    const error = await act.then(bad, (thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(DamagedWal);
    // The record goes on in the next segment: only at its end it shows.
    expect(error).toMatchObject({
      why: expect.stringMatching(
        /^the record's checksum is wrong \(it begins in 0{7}1[0-9A-F]{16}\)$/,
      ) as string,
    });
  });

  it('a truncated file, and one that ends though later ones exist, are damage', async () => {
    const cut = momentOf('latest', (_, bytes) => bytes.subarray(0, 300_000));
    await expect(cut).rejects.toThrow('the file ends within');
    const zeros = momentOf({ name: 'there' }, (link, bytes) =>
      link.segment === third() ? new Uint8Array(bytes.byteLength) : bytes,
    );
    await expect(zeros).rejects.toThrow(
      'nothing has been written from here on, though a later segment exists',
    );
  });
});
