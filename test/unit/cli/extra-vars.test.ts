import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readExtraVars } from '../../../cli/extra-vars.ts';
import { asPitrError, type PitrError } from '../../../lib/base/errors/pitr-error.ts';
import { Secret } from '../../../lib/base/values/secret.ts';

let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'pitr-extra-vars-'));
  await writeFile(
    join(directory, 'vars.yml'),
    'target: db2\nverify:\n  - sql: select 1\nwal: 000000010000000000000003\n',
  );
  await writeFile(join(directory, 'list.yml'), '- a\n');
  await writeFile(join(directory, 'empty.yml'), '');
});

afterAll(() => rm(directory, { recursive: true }));

const at = (cwd: string, env: Readonly<Record<string, string>> = {}) => ({
  cwd,
  env,
  stderr: process.stderr,
});

async function refusal(...typed: string[]): Promise<PitrError> {
  return readExtraVars(typed, at(directory)).then(
    () => expect.unreachable(`${typed} was accepted`),
    (error: unknown) => asPitrError(error),
  );
}

describe('-e', () => {
  it.each<[string, string, unknown]>([
    ['id=20260123', 'id', '20260123'],
    ['wal=000000010000000000000003', 'wal', '000000010000000000000003'],
    ['target_time=2026-01-23 12:30:00+00', 'target_time', '2026-01-23 12:30:00+00'],
    ['conninfo=host=db1 port=5431', 'conninfo', 'host=db1 port=5431'],
    ['empty=', 'empty', ''],
    ['auto_start=true', 'auto_start', true],
    ['restore=false', 'restore', false],
    ['quoted="true"', 'quoted', '"true"'],
    ['yes=yes', 'yes', 'yes'],
    ['capital=True', 'capital', 'True'],
    ['template={{ x }}', 'template', '{{ x }}'],
  ])('%s', async (typed, name, value) => {
    expect(await readExtraVars([typed], at(directory))).toEqual({ [name]: value });
  });

  it('any value arrives as typed', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary' }), async (value) => {
        fc.pre(value !== 'true' && value !== 'false');
        expect(await readExtraVars([`a=${value}`], at(directory))).toEqual({ a: value });
      }),
    );
  });

  it('a name is never taken for something of the language', async () => {
    const vars = await readExtraVars(['__proto__=1', 'constructor=2'], at(directory));
    expect(Object.entries(vars)).toEqual([
      ['__proto__', '1'],
      ['constructor', '2'],
    ]);
  });

  it('a map keeps its types', async () => {
    const json = '{"a": 1, "list": [true, "x"], "id": "20260123"}';
    expect(await readExtraVars([json, '{b: 2, time: 2026-01-23 12:30:00}'], at(directory))).toEqual({
      a: 1,
      list: [true, 'x'],
      id: '20260123',
      b: 2,
      time: '2026-01-23 12:30:00',
    });
  });

  it('a file is read from where pitr was started', async () => {
    expect(await readExtraVars(['@vars.yml'], at(directory))).toEqual({
      target: 'db2',
      verify: [{ sql: 'select 1' }],
      wal: '000000010000000000000003',
    });
    expect(await readExtraVars(['@empty.yml'], at(directory))).toEqual({});
  });

  it('later ones win, whatever their form', async () => {
    expect(await readExtraVars(['target=db1', '@vars.yml', 'wal=x'], at(directory))).toMatchObject({
      target: 'db2',
      wal: 'x',
    });
    expect(await readExtraVars(['@vars.yml', 'target=db1'], at(directory))).toMatchObject({ target: 'db1' });
  });

  it.each<[string, string, string]>([
    ['target', 'usage', '-e "target" is not name=value, {...} or @file'],
    ['=x', 'usage', '"" cannot be the name of a variable: letters, digits and _, not a digit first'],
    ['a-b=x', 'usage', '"a-b" cannot be the name of a variable: letters, digits and _, not a digit first'],
    ['{"1a": 2}', 'usage', '"1a" cannot be the name of a variable: letters, digits and _, not a digit first'],
    ['@list.yml', 'validation', 'extra variables must be a map of names to values'],
    ['@nowhere.yml', 'validation', 'the file of -e @nowhere.yml cannot be read: there is no such file'],
    ['@.', 'validation', 'the file of -e @. cannot be read: it is a directory'],
  ])('refuses %s', async (typed, kind, message) => {
    const error = await refusal(typed);
    expect(error.message).toBe(message);
    expect(error.kind).toBe(kind);
  });

  it('refuses a map that is cut short', async () => {
    expect((await refusal('{"a": ')).kind).toBe('validation');
  });
});

describe('PITR_BECOME_PASSWORD_FILE', () => {
  it('gives the first line as a secret, and warns where others may read it', async () => {
    const file = join(directory, 'password');
    await writeFile(file, 'it\'s "a" $HOME \\\nsecond\n', { mode: 0o644 });
    const told: string[] = [];
    const io = {
      ...at(directory, { PITR_BECOME_PASSWORD_FILE: 'password' }),
      stderr: { write: (text: string) => told.push(text) },
    };
    const { pitr_become_password: password } = await readExtraVars([], io);
    expect(password instanceof Secret && password.reveal()).toBe('it\'s "a" $HOME \\');
    expect(told.join('')).toContain(`chmod 600 ${file}`);
    await chmod(file, 0o600);
    told.length = 0;
    await readExtraVars([], io);
    expect(told).toEqual([]);
  });

  it('refuses a file that is not there, or empty', async () => {
    const io = (name: string) => at(directory, { PITR_BECOME_PASSWORD_FILE: name });
    await expect(readExtraVars([], io('none'))).rejects.toMatchObject({ code: 'become-password-unreadable' });
    await expect(readExtraVars([], io('empty.yml'))).rejects.toMatchObject({
      code: 'become-password-unreadable',
    });
  });
});
