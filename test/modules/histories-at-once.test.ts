import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { proveFreeNumber, putHistories } from '../../lib/recovery/postgres/history-files.ts';
import { blindHost } from '../support/blind-host.ts';

/** What comes before a promotion: PostgreSQL asks for the history file of each number, and an answer of Barman takes seconds. */

let pgdata: string;
const place = () => ({ pgdata, user: userInfo().username });
const nameOf = (number: number) => `${number.toString(16).toUpperCase().padStart(8, '0')}.history`;
const historyOf = (number: number) => `${number - 1}\t0/${number}000000\tno recovery target specified\n`;
const histories = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => ({
    file: nameOf(from + index),
    base64: Buffer.from(historyOf(from + index)).toString('base64'),
  }));

beforeEach(async () => {
  pgdata = await mkdtemp(join(tmpdir(), 'pitr-histories-'));
  await mkdir(join(pgdata, 'pg_wal'));
});
afterEach(() => rm(pgdata, { recursive: true }));

it.each([1, 18, 300])(
  'puts %d histories into pg_wal in one round trip, and leaves what is there',
  async (count) => {
    await using seeing = blindHost();
    await writeFile(join(pgdata, 'pg_wal', nameOf(2)), 'as it was\n');
    await putHistories(seeing.host, place(), histories(2, count + 1));
    expect(seeing.asked()).toBe(1);
    const there = await readdir(join(pgdata, 'pg_wal'));
    expect(there.sort()).toEqual(histories(2, count + 1).map(({ file }) => file));
    expect(await readFile(join(pgdata, 'pg_wal', nameOf(2)), 'utf8')).toBe('as it was\n');
    if (count > 1)
      expect(await readFile(join(pgdata, 'pg_wal', nameOf(count + 1)), 'utf8')).toBe(historyOf(count + 1));
  },
);

it('asks for none where there are none', async () => {
  await using seeing = blindHost();
  await putHistories(seeing.host, place(), []);
  expect(seeing.asked()).toBe(0);
});

it.each([1, 18, 300])(
  'asks the archives for the number behind %d histories that were put there, and for no other',
  async (count) => {
    await using seeing = blindHost();
    await putHistories(seeing.host, place(), histories(2, count + 1));
    const asked = join(pgdata, 'asked');
    const restoreCommand = `echo %f >>'${asked}'; exit 1`;
    const before = seeing.asked();
    await proveFreeNumber(seeing.host, place(), restoreCommand, 1, AbortSignal.timeout(30_000));
    expect((await readFile(asked, 'utf8')).trim().split('\n')).toEqual([nameOf(count + 2)]);
    // A list of what is there, the question, and the note for PostgreSQL.
    expect(seeing.asked() - before).toBe(3);
  },
);
