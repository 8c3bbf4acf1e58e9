import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants } from 'node:fs';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../../../../lab/free-port.ts';
import { type PortAnswer, portAnswer, TRY_PORT } from '../../../../lib/system/core/try-port.ts';
import { type SilentPort, silentPort } from '../../../support/silent-port.ts';

/** Real ports of this machine, tried by the tools that it has: a run finds those that it is told, and no other. */

let directory: string;
let silent: SilentPort;
const ports = { open: 0, closed: 0 };
const listener = createServer();

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'pitr-ports-'));
  ports.open = await freePort();
  listener.listen(ports.open, '127.0.0.1');
  await once(listener, 'listening');
  ports.closed = await freePort();
  silent = await silentPort();
});

afterAll(async () => {
  await silent[Symbol.asyncDispose]();
  listener.close();
  await rm(directory, { recursive: true, force: true });
});

/** Where a program of this machine lies; nothing where it has none. */
function where(name: string): string | undefined {
  return (process.env.PATH ?? '')
    .split(':')
    .map((one) => join(one, name))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

/** Tries a port with these programs alone. */
async function tried(port: number, tools: Readonly<Record<string, string>>): Promise<PortAnswer> {
  const bin = await mkdtemp(join(directory, 'bin-'));
  for (const [name, path] of Object.entries(tools)) await symlink(path, join(bin, name));
  const started = performance.now();
  const argv = ['-c', TRY_PORT, 'sh', '127.0.0.1', String(port)];
  return new Promise((resolve, reject) => {
    execFile('/bin/sh', argv, { env: { PATH: bin } }, (error, stdout, stderr) => {
      const exitCode = error === null ? 0 : Number(error.code);
      try {
        resolve(
          portAnswer({
            argv,
            exitCode,
            stdout,
            stderr,
            durationMs: performance.now() - started,
            timedOut: false,
          }),
        );
      } catch (thrown) {
        reject(thrown);
      }
    });
  });
}

const bash = where('bash') ?? '';
const timeout = where('timeout') ?? '';
const curl = where('curl');
const nc = where('nc');
const busybox = where('busybox');

const KITS: readonly (readonly [string, Readonly<Record<string, string>>])[] = [
  ['bash', { bash, timeout }],
  ...(curl === undefined ? [] : [['curl', { curl }] as const]),
  ...(nc === undefined ? [] : [['nc', { nc }] as const]),
  ...(busybox === undefined
    ? []
    : [['an nc that cannot do it, and bash', { nc: busybox, bash, timeout }] as const]),
];

// Some seconds of each are a wait for an answer that does not come.
describe.concurrent.each(KITS)('a port, tried with %s', (_, tools) => {
  it('is open where somebody listens', async () => {
    expect(await tried(ports.open, tools)).toEqual({ state: 'open', words: 'open' });
  });

  it('is closed where the connection is refused', async () => {
    expect(await tried(ports.closed, tools)).toEqual({ state: 'closed', words: 'connection refused' });
  });

  it('is not taken for closed where nobody answers', async () => {
    expect(await tried(silent.port, tools)).toEqual({ state: 'unknown', words: 'no answer' });
  });
});

describe('a port that cannot be tried', () => {
  it.each([
    ['with a tool that fails', 'echo "usage: nc [-options]" >&2; exit 1', /^it cannot be told: usage: nc/],
    ['with a tool that is killed', 'kill -9 $$', /^it cannot be told/],
  ])('is not taken for closed: %s', async (_, body, words) => {
    const program = join(await mkdtemp(join(directory, 'tool-')), 'nc');
    await writeFile(program, `#!/bin/sh\n${body}\n`, { mode: 0o755 });
    for (const port of [ports.open, ports.closed])
      expect(await tried(port, { nc: program })).toEqual({
        state: 'unknown',
        words: expect.stringMatching(words),
      });
  });

  it('is not taken for closed: with no tool at all', async () => {
    await expect(tried(ports.closed, {})).rejects.toMatchObject({ code: 'tool-missing' });
  });

  it('is not taken for closed: a look that does not come to an end', () => {
    const answer = { argv: [], stdout: '', stderr: '', durationMs: 15_000, timedOut: true };
    expect(portAnswer(answer)).toEqual({ state: 'unknown', words: 'no answer' });
  });
});
