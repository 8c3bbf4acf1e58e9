import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readExtraVars } from '../../../cli/extra-vars.ts';
import { asPitrError, type PitrError } from '../../../lib/base/errors/pitr-error.ts';
import { Masker } from '../../../lib/base/values/masker.ts';
import { Secret } from '../../../lib/base/values/secret.ts';
import { wordToType } from '../../../lib/engine/back/masked.ts';

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

const NOTHING = { 'extra-vars': [], 'ask-become-pass': false };

const at = (cwd: string, env: Readonly<Record<string, string>> = {}, masker = new Masker()) => ({
  cwd,
  env,
  stdin: process.stdin,
  stderr: process.stderr,
  masker,
});

function read(typed: readonly string[], masker = new Masker()) {
  return readExtraVars({ 'extra-vars': typed, 'ask-become-pass': false }, at(directory, {}, masker));
}

async function refusal(...typed: string[]): Promise<PitrError> {
  return read(typed).then(
    () => expect.unreachable(`${typed} was accepted`),
    (error: unknown) => asPitrError(error),
  );
}

describe('a variable in a command that is printed to be typed', () => {
  it.each([
    '-o ProxyJump=gate -o StrictHostKeyChecking=no',
    'ssh -q -o User=postgres db1',
    'true',
    'false',
    '"in quotes"',
    "'half",
    '2026-01-23 12:30:00+00',
    ' a ',
    'a\nb=c',
    '',
    'no',
    '0123',
    '@file',
    true,
    7,
    null,
    ['a b=c'],
    { a: "it's" },
  ])('is read back as it is: %j', async (value) => {
    expect(await read([wordToType('given', value)])).toEqual({ given: value });
  });

  it('is, whatever text it holds', async () => {
    await fc.assert(
      fc.asyncProperty(fc.stringMatching(/^[\w"' =\n-]*$/), async (value) => {
        expect(await read([wordToType('given', value)])).toEqual({ given: value });
      }),
    );
  });
});

describe('a secret that a shown command has no place for', () => {
  it.each([
    'ansible_become_password=...',
    'ansible_become_pass=********',
    '{"ansible_password": "..."}',
    wordToType('api_token', '********'),
  ])('is not taken as it stands there: %s', async (typed) => {
    const error = await refusal(typed);
    expect(error).toMatchObject({ kind: 'usage', code: 'extra-var-masked' });
  });

  it('is asked for nowhere else', async () => {
    expect(await read(['note=...', 'ansible_become_password=....'])).toEqual({
      note: '...',
      ansible_become_password: '....',
    });
  });
});

describe('-e', () => {
  it.each<[string, string, unknown]>([
    ['id=20260123', 'id', '20260123'],
    ['wal=000000010000000000000003', 'wal', '000000010000000000000003'],
    ['target_time=2026-01-23 12:30:00+00', 'target_time', '2026-01-23 12:30:00+00'],
    ['conninfo="host=db1 port=5431"', 'conninfo', 'host=db1 port=5431'],
    ["conninfo='host=db1 port=5431'", 'conninfo', 'host=db1 port=5431'],
    ["owner=O'Brien", 'owner', "O'Brien"],
    ['note=a == b', 'note', 'a == b'],
    ['half="x', 'half', '"x'],
    ['empty=', 'empty', ''],
    ['auto_start=true', 'auto_start', true],
    ['restore=false', 'restore', false],
    ['quoted="true"', 'quoted', 'true'],
    ['yes=yes', 'yes', 'yes'],
    ['capital=True', 'capital', 'True'],
    ['password=a{{b', 'password', 'a{{b'],
  ])('%s', async (typed, name, value) => {
    expect(await read([typed])).toEqual({ [name]: value });
  });

  it.each<[string, Record<string, unknown>]>([
    ['a=1 b=2', { a: '1', b: '2' }],
    ['a=1   b=true\tc="x y=z" d=last one', { a: '1', b: true, c: 'x y=z', d: 'last one' }],
    [
      "target=db2 target_time=2026-01-23 12:30:00+00 wal='a b'",
      { target: 'db2', target_time: '2026-01-23 12:30:00+00', wal: 'a b' },
    ],
    ['conninfo=host=db1 port=5431', { conninfo: 'host=db1', port: '5431' }],
    ['a= b=', { a: '', b: '' }],
  ])('%s are several variables', async (typed, variables) => {
    expect(await read([typed])).toEqual(variables);
  });

  it('any value arrives as typed, alone or in quotes beside others', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary' }), async (value) => {
        fc.pre(!value.includes('"'));
        expect(await read([`a="${value}" b="${value}"`])).toEqual({ a: value, b: value });
        fc.pre(value !== 'true' && value !== 'false' && !/^'|\s[A-Za-z_]\w*=/.test(value));
        expect(await read([`a=${value}`])).toEqual({ a: value });
      }),
    );
  });

  it('a name is never taken for something of the language', async () => {
    const vars = await read(['__proto__=1', 'constructor=2']);
    expect(Object.entries(vars)).toEqual([
      ['__proto__', '1'],
      ['constructor', '2'],
    ]);
  });

  it('a map keeps its types', async () => {
    const json = '{"a": 1, "list": [true, "x"], "id": "20260123"}';
    expect(await read([json, '{b: 2, time: 2026-01-23 12:30:00}'])).toEqual({
      a: 1,
      list: [true, 'x'],
      id: '20260123',
      b: 2,
      time: '2026-01-23 12:30:00',
    });
  });

  it('a file is read from where pitr was started', async () => {
    expect(await read(['@vars.yml'])).toEqual({
      target: 'db2',
      verify: [{ sql: 'select 1' }],
      wal: '000000010000000000000003',
    });
    expect(await read(['@empty.yml'])).toEqual({});
  });

  it('later ones win, whatever their form', async () => {
    expect(await read(['target=db1', '@vars.yml', 'wal=x'])).toMatchObject({
      target: 'db2',
      wal: 'x',
    });
    expect(await read(['@vars.yml', 'target=db1'])).toMatchObject({ target: 'db1' });
  });

  it.each(['staging={{ pgdata }}.x', 'a=1 staging="{{pgdata}}.x"', '{staging: ["{{ pgdata }}.x"]}'])(
    '%s is refused: it would be taken as it stands',
    async (typed) => {
      const error = await refusal(typed);
      expect(error).toMatchObject({ kind: 'usage', code: 'extra-var-template' });
      expect(error.message).toBe('-e staging: {{ }} in a value of -e is not rendered');
    },
  );

  it.each<[string, string, string]>([
    ['target', 'usage', '-e "target" is not name=value, {"name": value} or @file'],
    ['=x', 'usage', '"" cannot be the name of a variable: letters, digits and _, not a digit first'],
    ['a-b=x', 'usage', '"a-b" cannot be the name of a variable: letters, digits and _, not a digit first'],
    ['{"1a": 2}', 'usage', '"1a" cannot be the name of a variable: letters, digits and _, not a digit first'],
    [
      'inventory_hostname=x',
      'usage',
      '"inventory_hostname" is set by pitr itself for every host, and cannot be given with -e',
    ],
    [
      'a=1 hostvars=x',
      'usage',
      '"hostvars" is set by pitr itself for every host, and cannot be given with -e',
    ],
    ['{"groups": {}}', 'usage', '"groups" is set by pitr itself for every host, and cannot be given with -e'],
    [
      'pitr_host_key_cheking=x',
      'usage',
      'pitr has no variable "pitr_host_key_cheking" (did you mean "pitr_host_key_checking"?)',
    ],
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

  it('teaches the masker what is a secret, with the file that holds it', async () => {
    const masker = new Masker();
    await writeFile(join(directory, 'secrets.yml'), 'db: { admin_password: hunter2-in-file }\nport: 5431\n');
    await read(
      ['@secrets.yml', 'api_token=typed-token c=open', '{"vault": {"passphrase": "in json"}}'],
      masker,
    );
    expect(masker.text('hunter2-in-file typed-token in json open 5431')).toBe(
      '******** ******** ******** open 5431',
    );
    expect([...masker.files()]).toEqual([[join(directory, 'secrets.yml'), ['admin_password']]]);
  });
});

describe('--ask-become-pass', () => {
  it('is refused where nobody can be asked, with the way that needs no terminal', async () => {
    const io = { ...at(directory), stdin: Readable.from([]) };
    await expect(readExtraVars({ 'extra-vars': [], 'ask-become-pass': true }, io)).rejects.toMatchObject({
      code: 'nobody-to-ask',
      next: [expect.stringContaining('PITR_BECOME_PASSWORD_FILE=')],
    });
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
    const { pitr_become_password: password } = await readExtraVars(NOTHING, io);
    expect(password instanceof Secret && password.reveal()).toBe('it\'s "a" $HOME \\');
    expect(told.join('')).toContain(`chmod 600 ${file}`);
    await chmod(file, 0o600);
    told.length = 0;
    await readExtraVars(NOTHING, io);
    expect(told).toEqual([]);
  });

  it('refuses a file that is not there, or empty', async () => {
    const io = (name: string) => at(directory, { PITR_BECOME_PASSWORD_FILE: name });
    await expect(readExtraVars(NOTHING, io('none'))).rejects.toMatchObject({
      code: 'become-password-unreadable',
    });
    await expect(readExtraVars(NOTHING, io('empty.yml'))).rejects.toMatchObject({
      code: 'become-password-unreadable',
    });
  });
});
