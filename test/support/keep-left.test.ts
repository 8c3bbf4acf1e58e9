import { execFile } from 'node:child_process';
import {
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rm,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it, onTestFinished } from 'vitest';
import { checkoutRoot } from '../../lab/checkout.ts';
import { keepLeft } from './keep-left.mjs';

const JOURNAL = 'pitr-engine-a/state/runs/20261128T000000-aaaa/journal.jsonl';

/** A temporary folder of tests, and one for the evidence of their failure, which is not there yet. */
async function folders(): Promise<{ readonly temporary: string; readonly evidence: string }> {
  const place = await mkdtemp(join(tmpdir(), 'pitr-left-'));
  onTestFinished(() => rm(place, { recursive: true }));
  const temporary = join(place, 'tmp');
  await mkdir(temporary);
  return { temporary, evidence: join(place, 'failed', 'now') };
}

async function put(folder: string, path: string, text: string): Promise<void> {
  await mkdir(join(folder, path, '..'), { recursive: true });
  await writeFile(join(folder, path), text);
}

/** By its own walk: whether a recursive `readdir` goes through links depends on the version of Node.js. */
async function filesIn(folder: string, below = ''): Promise<readonly string[]> {
  const entries = await readdir(join(folder, below), { withFileTypes: true });
  const found = await Promise.all(
    entries.map((entry) => {
      const path = join(below, entry.name);
      return entry.isDirectory() ? filesIn(folder, path) : [path];
    }),
  );
  return found.flat().sort();
}

it('journals, logs and links of tests are kept; sockets, packages and what other programs have there are not', async () => {
  const { temporary, evidence } = await folders();
  await put(temporary, JOURNAL, '{}\n');
  await put(temporary, 'pitr-sshd-b/sshd.log', 'Connection closed\n');
  await symlink('sshd.log', join(temporary, 'pitr-sshd-b', 'log'));
  await put(temporary, 'pitr-packed-c/node_modules/yaml/index.js', '');
  await put(temporary, 'node-compile-cache/v22/x', '');
  const socket = createServer().listen(join(temporary, 'pitr-sshd-b', 'socket'));
  onTestFinished(() => void socket.close());

  keepLeft(temporary, evidence);
  expect(await filesIn(evidence)).toEqual([JOURNAL, 'pitr-sshd-b/log', 'pitr-sshd-b/sshd.log']);
  expect(await readFile(join(evidence, JOURNAL), 'utf8')).toBe('{}\n');
  expect(await readlink(join(evidence, 'pitr-sshd-b/log'))).toBe('sshd.log');
});

it('a file that is too large is named instead, and keeps nothing else from being kept', async () => {
  const { temporary, evidence } = await folders();
  await put(temporary, 'pitr-engine-a/data', '');
  await truncate(join(temporary, 'pitr-engine-a/data'), 20 * 1024 * 1024 + 1);
  await put(temporary, JOURNAL, '{}\n');
  keepLeft(temporary, evidence);
  expect(await filesIn(evidence)).toEqual(['not-kept.txt', JOURNAL]);
  expect(await readFile(join(evidence, 'not-kept.txt'), 'utf8')).toBe('pitr-engine-a/data: 20971521 bytes\n');
});

it('what is kept a second time is kept as it is by then', async () => {
  const { temporary, evidence } = await folders();
  await put(temporary, JOURNAL, '{}\n');
  await symlink('state', join(temporary, 'pitr-engine-a', 'link'));
  keepLeft(temporary, evidence);
  await put(temporary, JOURNAL, '{}\n{}\n');
  keepLeft(temporary, evidence);
  expect(await readFile(join(evidence, JOURNAL), 'utf8')).toBe('{}\n{}\n');
  expect(await filesIn(evidence)).toEqual(['pitr-engine-a/link', JOURNAL]);
});

it('nothing is made where there is nothing to keep', async () => {
  const { temporary, evidence } = await folders();
  await put(temporary, 'node-compile-cache/v22/x', '');
  keepLeft(temporary, evidence);
  await expect(readdir(evidence)).rejects.toMatchObject({ code: 'ENOENT' });
});

it('a test that fails in the projects `unit` and `hosts` has its files kept, though it removes them itself', async () => {
  const { temporary, evidence } = await folders();
  const suite = join(evidence, '..', 'suite');
  await put(
    suite,
    'one.test.js',
    `
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
function made(name, end) {
  const folder = join(tmpdir(), name);
  mkdirSync(folder);
  writeFileSync(join(folder, 'journal.jsonl'), name);
  end(() => rmSync(folder, { recursive: true }));
}
made('pitr-all', afterAll);
it('holds', () => made('pitr-good', onTestFinished));
it('does not hold', () => {
  made('pitr-bad', onTestFinished);
  expect(1).toBe(2);
});
`,
  );
  const vitest = join(checkoutRoot, 'node_modules/vitest/vitest.mjs');
  const setup = join(checkoutRoot, 'test/support/keep-left-of-failed.ts');
  await put(
    suite,
    'vitest.config.js',
    `export default { test: { globals: true, setupFiles: [${JSON.stringify(setup)}] } };\n`,
  );
  await expect(
    promisify(execFile)(process.execPath, [vitest, 'run', '--root', suite], {
      cwd: suite,
      env: { PATH: process.env.PATH, NO_COLOR: '1', TMPDIR: temporary, PITR_EVIDENCE: evidence },
    }),
  ).rejects.toMatchObject({ stdout: expect.stringContaining('1 failed | 1 passed') });
  expect((await readdir(temporary)).filter((entry) => entry.startsWith('pitr-'))).toEqual([]);
  expect(await filesIn(join(evidence, 'temporary'))).toEqual([
    'failed.txt',
    'pitr-all/journal.jsonl',
    'pitr-bad/journal.jsonl',
  ]);
  expect(await readFile(join(evidence, 'temporary', 'failed.txt'), 'utf8')).toBe(
    'one.test.js: does not hold: pitr-all pitr-bad\n',
  );
});
