import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { checkoutRoot } from '../../lab/checkout.ts';

/** What must not be in the product at all. */

const TSX = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;

function files(...under: readonly string[]): readonly string[] {
  const options = { cwd: checkoutRoot, encoding: 'utf8', maxBuffer: 1 << 26 } as const;
  return execFileSync('git', ['ls-files', '-co', '--exclude-standard', '--', ...under], options)
    .split('\n')
    .filter((file) => file !== '');
}

/** `file: line` of every line that a pattern is found in. */
async function linesWith(pattern: RegExp, ...under: readonly string[]): Promise<readonly string[]> {
  const found: string[] = [];
  for (const file of files(...under)) {
    const text = await readFile(join(checkoutRoot, file), 'utf8').catch(() => '');
    for (const line of text.split('\n')) if (pattern.test(line)) found.push(`${file}: ${line.trim()}`);
  }
  return found;
}

describe('the product', () => {
  it('holds no private key', async () => {
    expect(await linesWith(new RegExp(`-----BEGIN [A-Z ]*${'PRIVATE'} KEY`))).toEqual([]);
  });

  it('never tells anybody to remove a node from the DCS, which would erase the cluster', async () => {
    expect(
      await linesWith(/patronictl[^\n]*\bremove\b[^\n]*(?:inventory_hostname|member|node|target)/),
    ).toEqual([]);
  });

  it('finds processes by what they work on, and never by a pattern of their names', async () => {
    expect(
      await linesWith(/\b(?:pkill|killall)\s+-|\bpgrep\b[^|]*\s-[a-z]*f/, 'lib', 'playbooks', 'templates'),
    ).toEqual([]);
  });

  it('hands no text to eval', async () => {
    const evals = await linesWith(/\beval\b/, 'lib', 'playbooks', 'templates', 'cli');
    // It reads its own program from stdin, so that what it runs is in no process list.
    expect(evals.filter((line) => !line.startsWith('lib/transport/program.ts'))).toEqual([]);
  });

  it('sleeps only inside loops that look, and a fraction of a second at a time', async () => {
    const sleeps = await linesWith(/\bsleep [0-9$]/, 'lib', 'playbooks', 'templates');
    expect(sleeps.filter((line) => !/sleep 0\.\d/.test(line))).toEqual([]);
  });
});

it('a .env file of the working directory is not read, and not run', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'pitr-dotenv-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  await writeFile(
    join(directory, '.env'),
    `touch ${directory}/pwned\ntarget_time=2001-01-01\nPITR_INVENTORY=/nonexistent\n`,
  );
  await writeFile(join(directory, 'inventory.yml'), 'all: { hosts: { a: { ansible_connection: local } } }\n');
  await writeFile(
    join(directory, 'say.yml'),
    '- hosts: a\n  tasks:\n    - core.debug: { msg: "to {{ target_time }}" }\n',
  );
  const stdout = execFileSync(
    process.execPath,
    [
      '--import',
      TSX,
      join(checkoutRoot, 'cli/main.ts'),
      'play',
      'say.yml',
      '-e',
      'target_time=now',
      '--dry-run',
    ],
    { cwd: directory, encoding: 'utf8', env: { ...process.env, PITR_INVENTORY: '' } },
  );
  expect(stdout).toContain('to now');
  expect(await readFile(join(directory, 'pwned')).catch(() => 'absent')).toBe('absent');
});
