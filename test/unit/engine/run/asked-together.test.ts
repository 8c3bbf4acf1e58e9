import { expect, it } from 'vitest';
import { PitrError } from '../../../../lib/base/errors/pitr-error.ts';
import { askedTogether } from '../../../../lib/engine/run/asked-together.ts';
import type { Command, HostConnection, RunResult } from '../../../../lib/transport/types.ts';

/** Answers each question with its last word, and notes what went there at once. */
function asking({ stuck }: { readonly stuck?: string } = {}) {
  const sent: string[] = [];
  const answer = ({ argv }: Command): RunResult =>
    ({ argv, stdout: argv.at(-1), stderr: '', exitCode: 0 }) as unknown as RunResult;
  const connection = {
    run: async (argv: readonly string[], options: { timeoutMs: number }) => {
      sent.push(`${argv.join(' ')} (${options.timeoutMs})`);
      return answer({ argv });
    },
    batch: async (commands: readonly Command[], options: { timeoutMs: number }) => {
      const words = commands.map(({ argv }) => argv.join(' '));
      sent.push(`${words.join(', ')} (${options.timeoutMs})`);
      if (stuck !== undefined && words.includes(stuck))
        throw new PitrError({ kind: 'failed', code: 'command-not-ended', message: 'it goes on' });
      return commands.map(answer);
    },
  } as unknown as HostConnection;
  const ask = askedTogether(connection, (options) => options);
  const one = async (word: string, user?: string, timeoutMs = 1000, exactly = false) =>
    (await ask({ argv: [word], user }, { timeoutMs, exactly })).stdout;
  return { one, sent };
}

it('questions of one moment go to a host together, those of each user', async () => {
  const { one, sent } = asking();
  expect(await Promise.all([one('a', 'x'), one('b', 'y'), one('c', 'x', 5000)])).toEqual(['a', 'b', 'c']);
  expect(sent).toEqual(['a, c (5000)', 'b (1000)']);
});

it('one that waits for the answer of another goes by itself', async () => {
  const { one, sent } = asking();
  await one('a');
  await one('b');
  expect(sent).toEqual(['a (1000)', 'b (1000)']);
});

it('what may take long, and what has a deadline of its author, goes by itself', async () => {
  const { one, sent } = asking();
  await Promise.all([one('a'), one('long', undefined, 600_000), one('own', undefined, 5, true), one('b')]);
  expect(sent).toEqual(['long (600000)', 'own (5)', 'a, b (1000)']);
});

it('where one cannot be ended, the others are asked by themselves', async () => {
  const { one, sent } = asking({ stuck: 'b' });
  expect(await Promise.all([one('a'), one('b')])).toEqual(['a', 'b']);
  expect(sent).toEqual(['a, b (1000)', 'a (1000)', 'b (1000)']);
});
