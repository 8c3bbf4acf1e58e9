import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

/** The command line as it is installed: built into one file, run by plain Node. */
const checkout = resolve(import.meta.dirname, '../..');
const BUILD_MS = 120_000;

let place: string;

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function run(
  program: string,
  args: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
): Promise<Ended> {
  return new Promise((resolved, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    child.once('error', reject);
    child.once('close', (code) => resolved({ code, stdout, stderr }));
  });
}

function pitr(...args: string[]): Promise<Ended> {
  const { PITR_INVENTORY: _, FORCE_COLOR: __, ...inherited } = process.env;
  const env = {
    ...inherited,
    PITR_STATE_DIR: join(place, 'state'),
    PITR_INVENTORY: '',
    XDG_CACHE_HOME: join(place, 'cache'),
  };
  return run(process.execPath, [join(place, 'dist/cli/main.js'), ...args], { cwd: join(place, 'work'), env });
}

function start(...args: string[]): ChildProcessByStdio<null, Readable, Readable> {
  return spawn(process.execPath, [join(place, 'dist/cli/main.js'), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    cwd: join(place, 'work'),
    env: { ...process.env, PITR_INVENTORY: 'inventory.yml', PITR_STATE_DIR: join(place, 'state') },
  });
}

beforeAll(async () => {
  place = await mkdtemp(join(tmpdir(), 'pitr-built-'));
  await copyFile(join(checkout, 'package.json'), join(place, 'package.json'));
  await symlink(join(checkout, 'node_modules'), join(place, 'node_modules'));
  for (const folder of ['playbooks', 'templates']) await symlink(join(checkout, folder), join(place, folder));
  await mkdir(join(place, 'work'));
  await writeFile(
    join(place, 'work/inventory.yml'),
    'all:\n  vars:\n    ansible_connection: local\n  hosts:\n    one: {}\n    two:\n      colour: red\n      db_password: hidden\n',
    { mode: 0o600 },
  );
  await writeFile(
    join(place, 'work/hello.yml'),
    '- name: Hello\n  hosts: all\n  tasks:\n    - name: Say hello\n      core.debug:\n        msg: "hello {{ inventory_hostname }} from {{ who }}"\n',
  );
  await writeFile(
    join(place, 'work/slow.yml'),
    `- name: Slow
  hosts: one
  vars: { seconds: 60, marker: /nonexistent/marker }
  tasks:
    - core.command: { argv: [sleep, "{{ seconds }}"] }
    - core.command: { argv: [touch, "{{ marker }}"] }
`,
  );
  const built = await run(process.execPath, [join(checkout, 'lab/bundle.mjs'), join(place, 'dist')]);
  expect(built).toEqual({ code: 0, stdout: '', stderr: '' });
}, BUILD_MS);

afterAll(() => rm(place, { recursive: true, force: true }));

describe('the built pitr', () => {
  it('says its version', async () => {
    expect(await pitr('--version')).toEqual({ code: 0, stdout: '0.1.0\n', stderr: '' });
  });

  it('says that what it prints could not be written whole, and does not end as if it had been', async () => {
    const onto = (target: string, ...args: string[]) =>
      run('sh', [
        '-c',
        `exec "$@" >${target}`,
        'sh',
        process.execPath,
        join(place, 'dist/cli/main.js'),
        ...args,
      ]);
    const { code, stderr } = await onto('/dev/full', 'modules');
    expect(stderr).toMatch(/^Error: what pitr prints could not be written whole: .*ENOSPC/);
    expect(code).toBe(2);
    expect(await onto('/dev/full', '--version')).toEqual({ code: 1, stdout: '', stderr: '' });
    expect(await onto('/dev/null', 'modules')).toEqual({ code: 0, stdout: '', stderr: '' });
  });

  it('ends well where its reader has read enough', async () => {
    const words = ['sh', process.execPath, join(place, 'dist/cli/main.js'), 'modules'];
    expect(await run('sh', ['-c', '{ "$@"; echo $? >&2; } | true', ...words])).toEqual({
      code: 0,
      stdout: '',
      stderr: '0\n',
    });
  });

  it.each([[['--help']], [['help']], [['play', '--help']], [['help', 'exec']], [['modules', '-h']]])(
    'helps: %j',
    async (words) => {
      const { code, stdout, stderr } = await pitr(...words);
      expect(stdout).toContain('Usage: pitr');
      expect(stdout).toContain('Examples:');
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    },
  );

  it.each<[number, string, string[]]>([
    [64, 'pitr has no command "pley" (did you mean "play"?)', ['pley']],
    [64, 'no command was given', []],
    [64, 'pitr play has no option --chekc (did you mean "--check"?)', ['play', 'hello.yml', '--chekc']],
    [64, '--limit was given twice', ['play', 'hello.yml', '-l', 'one', '-l', 'two']],
    [64, 'the command comes first', ['-i', 'inventory.yml', 'play', 'hello.yml']],
    [64, 'no playbook "helo.yml" (did you mean "hello.yml"?)', ['play', 'helo.yml']],
    [64, 'pitr exec needs a command behind two dashes', ['exec', 'all']],
    [64, '--check and --dry-run exclude each other', ['play', 'hello.yml', '--check', '--dry-run']],
    [64, '--forks needs a whole number', ['play', 'hello.yml', '-f', '0']],
    [3, 'there is no module "fs.coppy" (did you mean "fs.copy"?)', ['modules', 'fs.coppy']],
    [3, 'there is no host "oen" in the inventory (did you mean "one"?)', ['inventory', 'host', 'oen']],
    [3, 'undefined variable "who"', ['play', 'hello.yml']],
  ])('exit code %i: %s', async (code, text, words) => {
    const ended = await pitr(...words);
    expect(ended.stderr).toContain(text);
    expect({ code: ended.code, stdout: ended.stdout }).toEqual({ code, stdout: '' });
  });

  it('tells errors as JSON on stdout where JSON was asked for', async () => {
    const { code, stdout, stderr } = await pitr('play', 'hello.yml', '--output', 'json', '--nonsense');
    expect(JSON.parse(stdout)).toMatchObject({
      type: 'error',
      error: { kind: 'usage', code: 'option-unknown' },
    });
    expect({ code, stderr }).toEqual({ code: 64, stderr: '' });
  });

  it('plays a playbook on the inventory of the working directory', async () => {
    const { code, stdout, stderr } = await pitr('play', 'hello.yml', '-e', 'who=000000010000000000000003');
    expect(stdout).toContain('ok: [two] Say hello\n    hello two from 000000010000000000000003\n');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });

  it('writes nothing but events with --output json', async () => {
    const { code, stdout, stderr } = await pitr('play', 'hello', '-e', 'who=you', '--output', 'json');
    const events = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(events.map(({ type }) => type)).toEqual([
      'run.started',
      'play.started',
      'task.started',
      'host.started',
      'host.started',
      'host.result',
      'host.result',
      'task.finished',
      'play.finished',
      'run.finished',
    ]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });

  it('runs a command on hosts, its words untouched, and gives its failure as exit code', async () => {
    const fine = await pitr('exec', 'one', '--', 'printf', '%s|', '-l', '$HOME', 'a b', '');
    expect(fine).toMatchObject({ code: 0, stderr: '' });
    expect(fine.stdout.split('\n').slice(1)).toEqual(['-l|$HOME|a b||', '']);
    expect((await pitr('exec', 'all', '--', 'sh', '-c', 'exit 7')).code).toBe(2);
  });

  it('stops cleanly on SIGINT and says so in the exit code', async () => {
    const child = start('play', 'slow.yml', '--output', 'json');
    let stdout = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
      if (text.includes('"host.started"')) child.kill('SIGINT');
    });
    const code = await new Promise((resolved) => child.once('close', resolved));
    const events = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(events.slice(-2)).toMatchObject([
      { type: 'run.finished', status: 'interrupted', error: { kind: 'interrupted' } },
      { type: 'run.ways' },
    ]);
    expect(stdout).toContain('"type":"notice"');
    expect(code).toBe(130);
  });

  it('goes on when nobody reads any more', async () => {
    const child = start('play', 'slow.yml', '-e', 'seconds=1', '-e', `marker=${join(place, 'reached')}`);
    child.stdout.once('data', () => child.stdout.destroy());
    expect(await new Promise((resolved) => child.once('close', resolved))).toBe(0);
    expect(existsSync(join(place, 'reached'))).toBe(true);
  });

  it('pings hosts', async () => {
    const { code, stdout } = await pitr('ping', '--output', 'json');
    const answers = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(answers).toMatchObject([
      { type: 'ping.host', host: 'one', status: 'ok', address: 'local' },
      { type: 'ping.host', host: 'two', status: 'ok' },
    ]);
    expect(code).toBe(0);
  });

  it('answers a ping like an unreachable host where the other user cannot be become', async () => {
    const become = ['-e', 'ansible_become=true', '-e', 'ansible_become_user=nobody-has-this-name'];
    const { code, stdout } = await pitr('ping', 'one', '--output', 'json', ...become);
    expect(JSON.parse(stdout)).toMatchObject({
      host: 'one',
      status: 'failed',
      error: { code: 'become-failed' },
    });
    expect(code).toBe(4);
  });

  it('shows where a variable comes from, and no password', async () => {
    const { code, stdout } = await pitr('inventory', 'host', 'two');
    expect(stdout).toMatch(/colour +red +.*inventory\.yml:7/);
    expect(stdout).not.toContain('hidden');
    expect(code).toBe(0);
  });

  it('lists modules, and shows one with its schema', async () => {
    expect((await pitr('modules')).stdout).toContain('fs.template');
    expect((await pitr('modules', 'template')).stdout).toContain('fs.template: ');
    const { stdout } = await pitr('modules', 'fs.template', '--schema');
    expect(JSON.parse(stdout)).toMatchObject({ type: 'object', additionalProperties: false });
  });

  it('keeps the code that Node has compiled, and starts also where what was kept is broken', async () => {
    const [kept = 'nothing'] = await readdir(join(place, 'cache/pitr'));
    expect(kept).toMatch(/^[0-9a-f]{32}\.code$/);
    await writeFile(join(place, 'cache/pitr', kept), 'broken');
    expect(await pitr('ping', 'one')).toMatchObject({ code: 0, stderr: '' });
    expect((await stat(join(place, 'cache/pitr', kept))).size).toBeGreaterThan(100_000);
  });

  it('gives packages beside modules of users its own kit, and tells where in its sources an error came up', async () => {
    const helper = join(place, 'work/node_modules/helper');
    await mkdir(helper, { recursive: true });
    await symlink(place, join(place, 'work/node_modules/pitr'));
    await writeFile(
      join(helper, 'package.json'),
      '{ "name": "helper", "type": "module", "main": "index.js" }',
    );
    await writeFile(
      join(helper, 'index.js'),
      "import { PitrError } from 'pitr/module';\nexport const refuse = () => {\n  throw new PitrError({ kind: 'refused', code: 'helper', message: 'not today' });\n};\n",
    );
    await mkdir(join(place, 'work/modules/site'), { recursive: true });
    const look = (name: string, body: string): Promise<void> =>
      writeFile(
        join(place, `work/modules/site/${name}.mjs`),
        `import { defineLook, z } from 'pitr/module';\nimport { refuse } from 'helper';\nexport const module = defineLook({\n  summary: 'Looks.',\n  examples: '- site.${name}: {}',\n  params: z.strictObject({}),\n  read: async (host) => {\n    ${body}\n  },\n});\n`,
      );
    await look('refusing', 'refuse();');
    await look('wrong', 'await host.query(undefined);');
    for (const name of ['refusing', 'wrong'])
      await writeFile(join(place, `work/${name}.yml`), `- hosts: one\n  tasks:\n    - site.${name}: {}\n`);
    const refused = await pitr('play', 'refusing.yml');
    expect(refused.stdout + refused.stderr).toContain('not today');
    expect(refused.stdout + refused.stderr).not.toContain('at fault');
    const wrong = await pitr('play', 'wrong.yml');
    expect((wrong.stdout + wrong.stderr).replace(/\s+/g, ' ')).toMatch(
      /It came up in pitr, at \S+\/lib\/(?:contract|engine)\/\S+\.ts:\d+, called from line 8 of the module/,
    );
  });
});
