import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { parseArguments } from '../../../../cli/args.ts';
import { peek } from '../../../../cli/commands/peek.ts';
import { psqlCall, sessionEnvironment } from '../../../../cli/peek/psql.ts';

function split(...words: string[]) {
  const parsed = parseArguments(peek, words);
  if (parsed.help) return 'help';
  const { args, command, options } = parsed.invocation;
  return { args, psql: command, to: options.to, inventory: options.inventory };
}

describe('words of pitr peek', () => {
  it.each([
    [
      ['db2', '-d', 'shop', '-Atc', 'select 1'],
      ['-d', 'shop', '-Atc', 'select 1'],
    ],
    [
      ['db2', '-c', '--to'],
      ['-c', '--to'],
    ],
    [['db2', '-i', 'lab.yml', '-At'], ['-At']],
    [
      ['-i', 'lab.yml', 'db2', '-h', 'x'],
      ['-h', 'x'],
    ],
    [
      ['db2', '--', '-e', '-i'],
      ['-e', '-i'],
    ],
    [
      ['db2', '-v', 'a=1', '-f', '-'],
      ['-v', 'a=1', '-f', '-'],
    ],
  ])('%j hands psql %j', (words, psql) => {
    expect(split(...words)).toMatchObject({ args: ['db2'], psql });
  });

  it('its own options stay its own wherever they stand', () => {
    expect(split('db2', '--to', '2026-01-23 12:00:00+00', '-i', 'a.yml')).toMatchObject({
      psql: [],
      to: '2026-01-23 12:00:00+00',
      inventory: ['a.yml'],
    });
    expect(split('db2', '-d', 'shop', '--help')).toBe('help');
    expect(split('-h')).toBe('help');
  });

  it('an unknown option before the node is a mistake', () => {
    expect(() => split('--dry-run', 'db2')).toThrow('no option --dry-run');
  });
});

describe('what psql on the node is given', () => {
  it('the content of a file of this machine, by stdin', async () => {
    const place = await mkdtemp(join(tmpdir(), 'pitr-psql-'));
    onTestFinished(() => rm(place, { recursive: true }));
    await writeFile(join(place, 'q.sql'), 'select 1');
    const ways = [['-f', 'q.sql'], ['-fq.sql'], ['--file=q.sql'], ['--file', 'q.sql'], ['--fil=q.sql']];
    for (const words of ways) {
      const call = await psqlCall(['-At', ...words], place);
      expect(call.args).toEqual(['-At', '-f', '-']);
      expect(Buffer.from(call.script ?? '').toString()).toBe('select 1');
      expect(call.batch).toBe(true);
    }
  });

  it.each([
    [['-h', 'elsewhere'], 'has no place here'],
    [['--host=elsewhere'], 'has no place here'],
    [['-p5432'], 'has no place here'],
    [['-o', 'file'], 'write a file on the node'],
    [['--output=file'], 'write a file on the node'],
    [['--out', 'file'], 'write a file on the node'],
    [['-Ato', 'file'], 'write a file on the node'],
    [['-Atofile'], 'write a file on the node'],
    [['-Ath', 'elsewhere'], 'has no place here'],
    [['-AtUadmin'], 'has no place here'],
    [['-AtW'], 'has no place here'],
    [['--hos=elsewhere'], 'has no place here'],
    [['-Atf', 'no-such.sql'], 'cannot be read'],
    [['-f'], 'needs a file'],
    [['-f', 'no-such.sql'], 'cannot be read'],
  ])('refuses %j', async (words, said) => {
    await expect(psqlCall(words, '/')).rejects.toThrow(said);
  });

  it('talks to a person only when it is told nothing to do', async () => {
    const batch = async (...words: string[]): Promise<boolean> => (await psqlCall(words, '/')).batch;
    expect(await batch('-d', 'shop')).toBe(false);
    expect(await batch('-d', 'clc')).toBe(false);
    expect(await batch('-Atc', 'select 1')).toBe(true);
    expect((await psqlCall(['-Atc', '-o', '-F', '-h'], '/')).args).toEqual(['-Atc', '-o', '-F', '-h']);
    expect(await batch('-Atl')).toBe(true);
    expect(await batch('-AtF,')).toBe(false);
    expect(await batch('-l')).toBe(true);
  });

  it('a session in which the server refuses writes and ends what waits', () => {
    const waiting = {
      host: 'db2',
      inventories: [],
      extraVars: {},
      pgdata: '/d',
      programs: '/b',
      socketDirectory: '/d.pitr-run',
      port: 5431,
      user: 'postgres',
    };
    expect(sessionEnvironment(waiting, { statementMs: 60_000, lockMs: 3_000 })).toMatchObject({
      PGHOST: '/d.pitr-run',
      PGAPPNAME: 'pitr-peek',
      PGOPTIONS:
        '-c default_transaction_read_only=on -c default_transaction_isolation=read\\ committed -c statement_timeout=60000 -c lock_timeout=3000',
    });
  });
});
