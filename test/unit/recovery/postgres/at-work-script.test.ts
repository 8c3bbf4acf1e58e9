import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AT_WORK } from '../../../../lib/recovery/postgres/at-work-script.ts';
import { OLD_BASH_ON_A_FULL_DISK, shOf } from '../../../support/old-bash.ts';

let dir: string;
const at = (name: string): string => join(dir, name);

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'at-work-'));
  await mkdir(at('bin'));
  await mkdir(at('main/global'), { recursive: true });
});
afterEach(() => rm(dir, { recursive: true, force: true }));

/** A process of PostgreSQL's name that works in the data directory, until its input ends. */
async function works(): Promise<AsyncDisposable> {
  await symlink('/bin/bash', at('postgres'));
  const process = spawn(at('postgres'), ['-c', 'echo; read -r line'], { cwd: at('main') });
  const ended = new Promise((resolve) => process.once('close', resolve));
  await new Promise((resolve) => process.stdout.once('data', resolve));
  return {
    [Symbol.asyncDispose]: async () => {
      process.stdin.end();
      await ended;
    },
  };
}

/** What `postgres_at_work` says, where the sh that looks is made like this, and the one that takes what was seen like that. */
async function told(looks: string, takes: string): Promise<string> {
  await shOf(at('bin'), looks);
  const child = spawn(
    'bash',
    ['--posix', '-c', `${takes}\n${AT_WORK}\npostgres_at_work "$1"`, 'sh', at('main')],
    {
      env: { ...process.env, PATH: `${at('bin')}:${process.env.PATH}` },
    },
  );
  let said = '';
  child.stdout.on('data', (data) => {
    said += data;
  });
  await new Promise((resolve) => child.once('close', resolve));
  return said;
}

/** A control file of a server that was shut down: with no postmaster.pid, a blind look is believed that nothing runs. */
async function shutDown(): Promise<void> {
  const control = Buffer.alloc(20);
  control.writeUInt32LE(1, 16);
  await writeFile(at('main/global/pg_control'), control);
}

describe('a PostgreSQL at work, where sh cannot make a here-document', () => {
  it('is seen where it can', async () => {
    await using _ = await works();
    expect(await told('', '')).toMatch(/^@working yes \d+$/m);
  });

  it('is not denied by a look that could not go through what it found', async () => {
    await using _ = await works();
    expect(await told(OLD_BASH_ON_A_FULL_DISK, '')).toMatch(/^@working unknown$/m);
  });

  it('is not denied where what the look has found could not be taken', async () => {
    await shutDown();
    await using _ = await works();
    expect(await told('', OLD_BASH_ON_A_FULL_DISK)).toMatch(/^@working unknown$/m);
  });
});
