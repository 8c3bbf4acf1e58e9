import { PassThrough } from 'node:stream';
import { expect, it } from 'vitest';
import { asLoginUser } from '../../../lib/transport/becoming.ts';
import type { ChannelEnd, Connection } from '../../../lib/transport/connection.ts';
import { deferred } from '../../../lib/transport/deferred.ts';
import { statusOf } from '../../../lib/transport/output.ts';
import { startOwn } from '../../../lib/transport/own-process.ts';

const later = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** A host at the other end of a link, by hand: what it says, and when. */
async function started(argv: readonly string[] = ['seq', '20000']) {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  const ended = deferred<ChannelEnd>();
  let text = '';
  const connection: Connection = {
    address: 'by hand',
    loginUser: undefined,
    parallelChannels: 1,
    connect: async () => {},
    terminal: () => ended.promise,
    close: async () => {},
    open: async (program) => {
      text = program;
      const [began] = nonces(program);
      stdout.write(`\x1e${began} began 4711\n`);
      stderr.write(`\x1e${began} began\n`);
      return { stdin, stdout, stderr, ended: ended.promise, abandon: () => {} };
    },
  };
  const own = await startOwn(connection, asLoginUser, { argv }, { stdin: 'nothing' });
  let printed = '';
  let broken: unknown;
  own.stdout.on('data', (chunk: Buffer) => {
    printed += chunk.toString();
  });
  own.stdout.on('error', (error) => {
    broken = error;
  });
  own.stderr.resume();
  return {
    own,
    stdout,
    stderr,
    shellEnds: ended.resolve,
    endMark: (status = '') => `\x1e${nonces(text).at(-1)} ended${status}\n`,
    printed: () => printed,
    broken: () => broken,
  };
}

function nonces(program: string): readonly string[] {
  return [...program.matchAll(/\\036([0-9a-f]{32})/g)].map(([, nonce = '']) => nonce);
}

it('a command whose output comes late, after the end of its shell, keeps its output and its exit code', async () => {
  const { own, stdout, stderr, shellEnds, endMark, printed } = await started();
  stdout.write('half of the out');
  shellEnds({ kind: 'exited', exitCode: 0 });
  await later(1_800);
  stdout.write(`put\n${endMark(' 7')}`);
  await later(1_200);
  stderr.write(endMark());
  expect(await own.ended).toEqual({ kind: 'exited', shellStatus: 7 });
  expect(printed()).toBe('half of the output\n');
});

it.each(['', ' 0'])(
  'a shell that ended with 0 does not stand for a command whose end never came (%j)',
  async (status) => {
    const { own, stdout, stderr, shellEnds, endMark, broken } = await started();
    stdout.write(`half of the out${status === '' ? '' : endMark(status)}`);
    shellEnds({ kind: 'exited', exitCode: 0 });
    stdout.end();
    stderr.end();
    const end = await own.ended;
    expect(() => statusOf(['seq', '20000'], end, undefined, undefined)).toThrow(
      expect.objectContaining({ code: 'connection-lost', kind: 'unreachable' }),
    );
    if (status === '') {
      await later(0);
      expect(broken()).toMatchObject({ code: 'connection-lost' });
    }
  },
);

it.each<[ChannelEnd, string]>([
  [{ kind: 'signalled', signal: 'SIGKILL' }, 'SIGKILL'],
  [{ kind: 'exited', exitCode: 143 }, 'SIGTERM'],
])(
  'a command that killed its shell was ended by that signal, though a child still holds the streams (%j)',
  async (shell, signal) => {
    const { own, shellEnds } = await started();
    const from = performance.now();
    shellEnds(shell);
    expect(statusOf(['x'], await own.ended, undefined, undefined)).toEqual({ signal });
    expect(performance.now() - from).toBeLessThan(5_000);
  },
);
