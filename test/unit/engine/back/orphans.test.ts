import { execFile, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { WriteHost } from '../../../../lib/contract/host.ts';
import { CHANGE_MARK, endOrphans } from '../../../../lib/engine/back/orphans.ts';
import { errorOf } from '../../../support/errors.ts';
import { OLD_BASH_ON_A_FULL_DISK, shOf } from '../../../support/old-bash.ts';

let programs: string;

beforeEach(async () => {
  programs = await mkdtemp(join(tmpdir(), 'orphans-'));
});
afterEach(() => rm(programs, { recursive: true, force: true }));

const env = () => ({ ...process.env, PATH: `${programs}:${process.env.PATH}` });

/** This machine, with those programs. */
const host = {
  name: 'one',
  run: ([program = '', ...words]: readonly string[]) =>
    new Promise((resolve) => {
      execFile(program, words, { env: env() }, (error, stdout, stderr) => {
        const exitCode = error === null ? 0 : Number(error.code);
        resolve({ argv: [program], exitCode, stdout, stderr, durationMs: 0 });
      });
    }),
} as unknown as WriteHost;

it('what a change left at work is not taken for ended where sh cannot make a here-document', async () => {
  const mark = `of-a-test.${process.pid}`;
  const left = spawn('/bin/sleep', ['60'], { env: { ...process.env, [CHANGE_MARK]: mark } });
  const ended = new Promise((resolve) => left.once('close', (_, signal) => resolve(signal)));
  await new Promise((resolve) => left.once('spawn', resolve));
  try {
    // A look that cannot tell is made again for some seconds: not here.
    const nap = join(programs, 'sleep');
    await writeFile(nap, '#!/bin/sh\nexit 1\n', { mode: 0o755 });
    // The inner sh alone, which looks.
    await shOf(programs, `[ -z "$PITR_LOOK" ] || { ${OLD_BASH_ON_A_FULL_DISK}; }`);
    expect((await errorOf(endOrphans(host, { mark, ageMs: 0 }))).code).toBe('processes-unknown');
    await Promise.all([rm(nap), shOf(programs, '')]);
    expect(await endOrphans(host, { mark, ageMs: 0 })).toBe(1);
    expect(await ended).toBe('SIGTERM');
  } finally {
    left.kill('SIGKILL');
  }
});
