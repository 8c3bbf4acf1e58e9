import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkoutRoot } from '../../lab/checkout.ts';

const execute = promisify(execFile);

let place: string;

/** The installed `pitr`, on the Node.js that runs this test. */
async function pitr(...words: string[]): Promise<string> {
  const { stdout } = await execute(process.execPath, [join(place, 'app/node_modules/.bin/pitr'), ...words], {
    cwd: join(place, 'app'),
    env: { ...process.env, NO_COLOR: '1', PITR_STATE_DIR: join(place, 'state') },
  });
  return stdout;
}

beforeAll(async () => {
  place = await mkdtemp(join(tmpdir(), 'pitr-smoke-'));
  await mkdir(join(place, 'app'));
  await execute('npm', ['pack', '--pack-destination', place], { cwd: checkoutRoot });
  const tarball = (await readdir(place)).find((name) => name.endsWith('.tgz')) ?? '';
  const quiet = ['--prefer-offline', '--ignore-scripts', '--no-audit', '--no-fund'];
  await execute('npm', ['install', ...quiet, '--prefix', join(place, 'app'), join(place, tarball)], {
    cwd: place,
  });
});

afterAll(() => rm(place, { recursive: true, force: true }));

describe('the package, installed in a folder of its own', () => {
  it('says its version', async () => {
    const { version }: { version: string } = JSON.parse(
      await readFile(join(checkoutRoot, 'package.json'), 'utf8'),
    );
    expect((await pitr('--version')).trim()).toBe(version);
  });

  it('knows its modules', async () => {
    expect(await pitr('modules')).toContain('postgres.promote');
  });

  it('has the documents and the models to copy', async () => {
    const installed = join(place, 'app/node_modules/pitr');
    expect(await readdir(join(installed, 'docs'))).toContain('errors.md');
    expect(await readdir(installed)).toEqual(
      expect.arrayContaining(['playbooks', 'templates', 'inventory', 'CONTRIBUTING.md']),
    );
  });

  it('runs a play on this machine, and takes it back', async () => {
    const file = join(place, 'hello');
    await writeFile(
      join(place, 'app/inventory.yml'),
      'all: { hosts: { localhost: { ansible_connection: local } } }\n',
    );
    await writeFile(
      join(place, 'app/play.yml'),
      `- hosts: localhost\n  tasks:\n    - fs.copy: { dest: ${file}, content: hello }\n`,
    );
    const played = await pitr('play', 'play.yml', '--output', 'json');
    expect(await readFile(file, 'utf8')).toBe('hello');
    const run = /"runId":"([^"]+)"/.exec(played)?.[1] ?? '';
    await pitr('undo', run, '--yes');
    await expect(readFile(file)).rejects.toThrow('ENOENT');
  });
});
