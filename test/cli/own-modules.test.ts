import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { tellStuck } from '../../cli/run.ts';
import { checkoutRoot } from '../../lab/checkout.ts';
import { Masker } from '../../lib/base/values/masker.ts';
import { withoutWaits } from '../support/pitr.ts';
import { runHere } from '../support/run-here.ts';

let place: string;
let outer: string | undefined;

beforeAll(() => {
  outer = process.env.PITR_STATE_DIR;
});

beforeEach(async () => {
  const before = await mkdtemp(join(tmpdir(), 'pitr-own-'));
  place = before;
  process.env.PITR_STATE_DIR = join(place, 'state');
  return () => rm(before, { recursive: true, force: true });
});

afterAll(() => {
  if (outer === undefined) delete process.env.PITR_STATE_DIR;
  else process.env.PITR_STATE_DIR = outer;
});

const pitr = (...words: string[]) => runHere(place, ...words);

async function file(name: string, text: string): Promise<void> {
  await mkdir(dirname(join(place, name)), { recursive: true });
  await writeFile(join(place, name), text);
}

/** The id of the one run of a playbook. */
async function runOf(playbook: string): Promise<string> {
  const { stdout } = await pitr('runs', '--output', 'json');
  const runs = stdout
    .trim()
    .split('\n')
    .map((line): { id: string; playbook: string } => JSON.parse(line));
  return runs.find((run) => run.playbook.endsWith(playbook))?.id ?? 'none';
}

/** Text that is laid out, on one line. */
const flat = (text: string): string => text.replace(/\s+/g, ' ');

const look = (summary: string): string => `import { defineLook, z } from 'pitr/module';

export const module = defineLook({
  summary: '${summary}',
  examples: '- site.odd:',
  params: z.strictObject({ size: z.number().describe('how big') }),
  read: async () => ({}),
});
`;

describe('pitr new', () => {
  it('writes a module whose test runs as it is, again and again, and can be undone', async () => {
    const { stdout, code } = await pitr('new', 'module', 'site.motd');
    expect({ code, stdout }).toMatchInlineSnapshot(`
      {
        "code": 0,
        "stdout": "written: modules/site/motd.ts
      written: test-site-motd.yml
      written: inventory.yml

      Its test: pitr play test-site-motd.yml
      Its params, as an operator sees them: pitr modules site.motd
      ",
      }
    `);
    expect((await pitr('play', 'test-site-motd.yml')).code).toBe(0);
    expect((await pitr('play', 'test-site-motd.yml')).code).toBe(0);

    await file(
      'real.yml',
      `- hosts: all\n  tasks:\n    - site.motd: { path: ${place}/motd, line: hello }\n    - fs.read: ${place}/motd\n`,
    );
    const checked = await pitr('play', 'real.yml', '--check');
    expect(checked).toMatchObject({ code: 0, stdout: expect.stringContaining('1 change would be made') });
    expect((await pitr('play', 'real.yml')).code).toBe(0);
    expect(await readFile(join(place, 'motd'), 'utf8')).toBe('hello\n');
    const run = await runOf('real.yml');
    expect(withoutWaits(await pitr('undo', run, '--yes'))).toMatchObject({ code: 0, stderr: '' });
    await expect(readFile(join(place, 'motd'))).rejects.toThrow('ENOENT');
  });

  it('which lies beside an imported playbook in another place is found by an undo, also where the importer has none', async () => {
    await pitr('new', 'module', 'site.motd');
    await mkdir(join(place, 'other'));
    await rename(join(place, 'modules'), join(place, 'other/modules'));
    await file(
      'other/part.yml',
      `- hosts: all\n  tasks:\n    - site.motd: { path: ${place}/motd, line: hello }\n`,
    );
    await file('main.yml', '- import_playbook: other/part.yml\n');
    expect(await pitr('play', 'main.yml')).toMatchObject({ code: 0 });
    expect(await readFile(join(place, 'motd'), 'utf8')).toBe('hello\n');
    const undone = await pitr('undo', await runOf('main.yml'), '--yes');
    expect(withoutWaits(undone)).toMatchObject({ code: 0, stderr: '' });
    await expect(readFile(join(place, 'motd'))).rejects.toThrow('ENOENT');
  });

  it('writes the module that docs/writing-modules.md shows', async () => {
    expect((await pitr('new', 'module', 'site.line')).code).toBe(0);
    const page = await readFile(join(checkoutRoot, 'docs', 'writing-modules.md'), 'utf8');
    expect(page).toContain(await readFile(join(place, 'modules/site/line.ts'), 'utf8'));
  });

  it('writes a project in which everything that it names runs', async () => {
    const { stdout, code } = await pitr('new', 'project', 'upkeep');
    expect({ code, stdout }).toMatchInlineSnapshot(`
      {
        "code": 0,
        "stdout": "written: upkeep/modules/site/line.ts
      written: upkeep/test-site-line.yml
      written: upkeep/site.yml
      written: upkeep/inventory.yml
      written: upkeep/tsconfig.json
      written: upkeep/.pitr/playbook.schema.json
      written: upkeep/.pitr/inventory.schema.json

      cd upkeep
      What would be done: pitr play site.yml --check --diff
      The test of the module: pitr play test-site-line.yml
      Another module: pitr new module <family.name>
      ",
      }
    `);
    const upkeep = (...words: string[]) => runHere(join(place, 'upkeep'), ...words);
    expect(await upkeep('play', 'site.yml', '--check', '--diff')).toMatchObject({ code: 0, stderr: '' });
    expect(await upkeep('play', 'test-site-line.yml')).toMatchObject({ code: 0, stderr: '' });
  });

  it.each([
    ['module', 'motd', '"motd" cannot be the name of a module'],
    ['module', 'fs.copy', 'there is a module "fs.copy" already'],
    ['house', 'x', 'pitr cannot begin a "house"'],
  ])('refuses %s %s', async (what, name, words) => {
    const { code, stderr } = await pitr('new', what, name);
    expect({ code, stderr }).toEqual({ code: 64, stderr: expect.stringContaining(words) });
  });

  it('writes nothing over what is there', async () => {
    await file('test-site-motd.yml', 'mine');
    const { code, stderr } = await pitr('new', 'module', 'site.motd');
    expect({ code, stderr }).toEqual({
      code: 64,
      stderr: expect.stringContaining('there is test-site-motd.yml already'),
    });
    await expect(readFile(join(place, 'modules/site/motd.ts'))).rejects.toThrow('ENOENT');
  });
});

describe('pitr modules and pitr schema', () => {
  it('know the modules of one’s own: beside the playbooks here, beside another one, and where the environment says', async () => {
    await file('modules/site/odd.ts', look('Here.'));
    await file('playbooks/modules/site/even.ts', look('In playbooks.'));
    await file('far/deploy.yml', '- hosts: all\n');
    await file('far/modules/site/far.mjs', look('Beside another.'));
    await file('shared/team/common.js', look('Shared.'));
    process.env.PITR_MODULES_PATH = join(place, 'shared');
    try {
      expect((await pitr('modules', 'site')).stdout).toMatch(
        /site\.even .*In playbooks\.\nsite\.odd .*Here\.\n$/,
      );
      expect((await pitr('modules', 'site', '-p', 'far/deploy.yml')).stdout).toMatch(
        /^MODULE.*\nsite\.far .*\n$/,
      );
      expect((await pitr('modules')).stdout).toContain('team.common');
      expect((await pitr('modules', 'team.common')).stdout).toContain('Its file: shared/team/common.js');
      const [here, there] = [await pitr('schema'), await pitr('schema', '-p', 'far/deploy.yml')].map(
        ({ stdout }) => Object.keys(JSON.parse(stdout).definitions),
      );
      expect(here).toEqual(expect.arrayContaining(['site.odd', 'site.even', 'team.common', 'fs.copy']));
      expect(there).toContain('site.far');
      expect(there).not.toContain('site.odd');
      expect(JSON.parse((await pitr('modules', 'site.odd', '--schema')).stdout)).toMatchObject({
        properties: { size: { type: 'number', description: 'how big' } },
      });
      expect((await pitr('modules', '--schema')).stdout).toBe((await pitr('schema')).stdout);
    } finally {
      delete process.env.PITR_MODULES_PATH;
    }
  });

  it('list the others where one cannot be loaded, and tell that one', async () => {
    await file('modules/site/odd.ts', look('Here.'));
    await file('modules/site/worse.ts', look('There.').replace('summary', 'sumary'));
    const { code, stdout, stderr } = await pitr('modules', 'site');
    expect(stdout).toMatch(/site\.odd .*Here\.\n$/);
    expect(stderr).toContain('modules/site/worse.ts:4:3');
    expect(flat(stderr)).toContain(
      '"sumary" is no part of a module of kind "look" (did you mean "summary"?)',
    );
    expect(code).toBe(3);
  });

  it('say which schemas there are', async () => {
    const { code, stderr } = await pitr('schema', 'house');
    expect({ code, stderr }).toEqual({ code: 64, stderr: expect.stringContaining('pitr schema inventory') });
  });
});

const CHANGING = `import { defineModule, z } from 'pitr/module';

export const module = defineModule({
  summary: 'Changes something.',
  examples: '- site.odd:',
  params: z.strictObject({}),
  read: async () => ({}),
  plan: () => ({ summary: 'change it' }),
  apply: async (host) => {
    await host.writeFile('PLACE/made', '');
    return host.nothing.there;
  },
  undo: async (host) => void (await host.must(['rm', '-f', 'PLACE/made'])),
});
`;

describe('a fault of a module in a run', () => {
  it('is told as the module’s, with its line; what it changed is undone', async () => {
    await file('modules/site/odd.ts', CHANGING.replaceAll('PLACE', place));
    await file('inventory.yml', 'all: { hosts: { one: { ansible_connection: local } } }\n');
    await file('play.yml', '- hosts: one\n  tasks:\n    - name: Odd\n      site.odd:\n');
    const { code, stdout, stderr } = await pitr('play', 'play.yml');
    expect(stdout).toContain(
      'failed: [one] Odd\n    module "site.odd" is at fault: its apply ends with TypeError: Cannot read',
    );
    expect(`${stdout}${stderr}`).toContain('modules/site/odd.ts:11:5');
    expect(`${stdout}${stderr}`).not.toMatch(/unexpected error|report this/);
    expect(code).toBe(2);
    const runId = await runOf('play.yml');
    expect(await pitr('undo', runId, '--yes')).toMatchObject({ code: 0 });
    await expect(readFile(join(place, 'made'))).rejects.toThrow('ENOENT');
  });

  it('refuses the whole playbook when a module is not formed right, with its line', async () => {
    await file('modules/site/odd.ts', CHANGING.replace('  undo:', '  undoo:'));
    await file('inventory.yml', 'all: { hosts: { one: { ansible_connection: local } } }\n');
    await file('play.yml', '- hosts: one\n  tasks:\n    - name: Odd\n      site.odd:\n');
    const { code, stderr } = await pitr('play', 'play.yml');
    expect(flat(stderr)).toContain('"undoo" is no part of a module of kind "change" (did you mean "undo"?)');
    expect(stderr).toContain('modules/site/odd.ts');
    expect(code).toBe(3);
  });
});

/** The command line from its sources, in a process of its own: what ends a process cannot be tried in this one. */
function ofItsOwn(
  ...words: string[]
): Promise<{ readonly code: unknown; readonly told: string; readonly stdout: string }> {
  const main = [import.meta.resolve('tsx'), join(checkoutRoot, 'cli', 'main.ts')];
  return new Promise((resolve) => {
    const env = { ...process.env, NO_COLOR: '1' };
    const child = execFile(
      process.execPath,
      ['--import', ...main, ...words],
      { cwd: place, env },
      (_, out, err) => resolve({ code: child.exitCode, told: flat(`${out}${err}`), stdout: out }),
    );
    child.stdin?.end();
  });
}

const ODD = `import { defineLook, z } from 'pitr/module';

export const module = defineLook({
  summary: 'Is odd.',
  examples: '- site.odd:',
  params: z.strictObject({}),
  read: async () => {
    CODE
  },
});
`;

async function playing(code: string, ...words: string[]): ReturnType<typeof ofItsOwn> {
  await file('modules/site/odd.ts', ODD.replace('CODE', code));
  await file('inventory.yml', 'all: { hosts: { one: { ansible_connection: local } } }\n');
  await file('play.yml', '- hosts: one\n  tasks:\n    - name: Odd\n      site.odd:\n');
  return ofItsOwn('play', 'play.yml', ...words);
}

it('what a module prints is masked, and lies beside the JSON on stdout', async () => {
  const { stdout, told, code } = await playing(
    'console.log("seen", "pa55phrase-of-db"); console.error("pa55phrase-of-db too"); return {};',
    '--output',
    'json',
    '-e',
    'db_password=pa55phrase-of-db',
  );
  expect(code).toBe(0);
  expect(told).toContain('seen ********');
  expect(told).not.toContain('pa55phrase');
  for (const line of stdout.trim().split('\n')) expect(JSON.parse(line)).toHaveProperty('type');
});

describe('a module that would end the process', () => {
  it('by an error in a timer is told as any other, with what state things are in', async () => {
    const { code, told } = await playing(
      "await new Promise(() => setInterval(() => { throw new Error('too late'); }, 1));",
    );
    expect(told).toContain('Failed: module "site.odd" is at fault: Error: too late');
    expect(told).toContain('modules/site/odd.ts:8:5');
    expect(told).toContain('It came in a timer or an event, where nobody could catch it.');
    expect(told).toContain('pitr ended in the middle of its work; its journal says how far it was');
    expect(told).toMatch(/next Mend modules\/site\/odd\.ts\. pitr runs/);
    expect(told.split('is at fault')).toHaveLength(2);
    expect(told).not.toMatch(/node:internal|Node\.js v/);
    expect(code).toBe(2);
  });

  it('by process.exit fails its task, and the run is told to its end', async () => {
    const { code, told } = await playing('process.exit(0);');
    expect(told).toContain(
      'module "site.odd" is at fault: its read ends with Error: process.exit is not for',
    );
    expect(told).toContain('modules/site/odd.ts:8:5');
    expect(told).not.toContain('It came up in pitr');
    expect(told).toContain('RECAP');
    expect(code).toBe(2);
  });

  it('by process.exit while it is loaded, or in a timer, is told as well', async () => {
    const timer = 'await new Promise(() => setInterval(() => process.exit(0), 1));';
    expect(await playing(timer)).toMatchObject({
      told: expect.stringContaining('process.exit is not for a module'),
      code: 2,
    });
    await file('modules/site/odd.ts', `process.exit(0);\n${ODD.replace('CODE', 'return {};')}`);
    expect(await ofItsOwn('play', 'play.yml')).toMatchObject({
      told: expect.stringContaining('module "site.odd" cannot be imported: process.exit is not for a module'),
      code: 3,
    });
  });

  it('by waiting for what never comes fails its task, and the run is told to its end', async () => {
    const { code, told } = await playing('return new Promise(() => {});');
    expect(told).toContain(
      'failed: [one] Odd module "site.odd" is at fault: its read waits for what can never come',
    );
    expect(told).toContain('modules/site/odd.ts:7:3');
    expect(code).toBe(2);
    expect((await pitr('runs')).stdout).toMatch(/failed .*play\.yml/);
  });

  it('by waiting for it while it is loaded is told as well', async () => {
    await playing('return {};');
    await file('modules/site/odd.ts', `${ODD.replace('CODE', 'return {};')}\nawait new Promise(() => {});\n`);
    const { code, told } = await ofItsOwn('play', 'play.yml');
    expect(told).toContain('module "site.odd" cannot be imported: it waits for what can never come');
    expect(code).toBe(3);
  });

  it('is not in it where nothing of a user is waited for: that is told as a bug of pitr', async () => {
    let told = '';
    const stream = { write: (text: string) => (told += text) };
    const masker = new Masker();
    const code = await tellStuck(['play'], {
      stdout: stream,
      stderr: stream,
      env: { NO_COLOR: '1' },
      masker,
    });
    expect(flat(told)).toContain('pitr waits for what can never come');
    expect(told).toContain('pitr runs');
    expect(code).toBe(1);
  });
});
