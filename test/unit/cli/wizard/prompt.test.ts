import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { Io } from '../../../../cli/io.ts';
import { promptOn } from '../../../../cli/wizard/prompt.ts';
import { errorOf } from '../../../support/errors.ts';

function terminal() {
  const stdin = Object.assign(new PassThrough(), { isTTY: true });
  const stdout = Object.assign(new PassThrough({ encoding: 'utf8' }), { isTTY: true });
  const { signal } = new AbortController();
  const prompt = promptOn({ stdin, stdout } as unknown as Io, signal);
  const prompted = async (): Promise<void> => {
    let text = '';
    while (!text.includes('[y/N]')) {
      text += String(stdout.read() ?? '');
      if (!text.includes('[y/N]')) await once(stdout, 'readable');
    }
  };
  return { stdin, prompt, prompted };
}

describe('a yes or no of the wizard', () => {
  it.each([
    ['y', true],
    ['YES', true],
    ['n', false],
    ['', false],
  ])('is %j, typed at the question: %s', async (typed, answer) => {
    const { stdin, prompt, prompted } = terminal();
    const asked = prompt.confirm('Start now?');
    await prompted();
    stdin.write(`${typed}\n`);
    expect(await asked).toBe(answer);
  });

  it('is not what was typed before the question was there', async () => {
    const { stdin, prompt, prompted } = terminal();
    stdin.write('y\n');
    await pause(20);
    const asked = prompt.confirm('Start now?');
    await prompted();
    stdin.write('\n');
    expect(await asked).toBe(false);
  });

  it('is left by a Ctrl-C that was typed before it', async () => {
    const { stdin, prompt } = terminal();
    stdin.write('\u0003');
    expect(await errorOf(prompt.confirm('Start now?'))).toMatchObject({
      kind: 'interrupted',
      code: 'interrupted-at-question',
    });
  });
});
