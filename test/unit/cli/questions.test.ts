import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { Io } from '../../../cli/io.ts';
import { type Answer, makeAsk } from '../../../cli/questions.ts';
import { Turns } from '../../../lib/transport/turns.ts';

interface Setting {
  readonly terminal: boolean;
  readonly yes: boolean;
  readonly turns?: Turns;
}

function setting({ terminal, yes, turns }: Setting) {
  const stdin = Object.assign(new PassThrough(), { isTTY: terminal });
  const stderr = Object.assign(new PassThrough({ encoding: 'utf8' }), { isTTY: terminal });
  const stdout = Object.assign(new PassThrough(), { isTTY: false });
  const order: string[] = [];
  const controller = new AbortController();
  const ask = makeAsk({
    io: { stdin, stderr, stdout } as unknown as Pick<Io, 'stdin' | 'stdout' | 'stderr'>,
    yes,
    turns,
    display: {
      pause: async () => void order.push('paused'),
      resume: () => void order.push('resumed'),
    },
    signal: controller.signal,
    interrupt: () => controller.abort(),
  });
  const screen = (): string => {
    const text: unknown = stderr.read();
    return typeof text === 'string' ? stripVTControlCharacters(text) : '';
  };
  const prompted = async (): Promise<string> => {
    let text = screen();
    while (!text.includes('[y/N]')) {
      await once(stderr, 'readable');
      text += screen();
    }
    return text;
  };
  return { stdin, ask, order, controller, prompted };
}

const QUESTION = { text: 'Make db2 the leader?', details: ['Later writes are lost.'] };

describe('a question', () => {
  it.each<[string, boolean]>([
    ['y', true],
    ['YES', true],
    ['n', false],
    ['', false],
  ])('answered %j on a terminal', async (typed, answer) => {
    const { stdin, ask, order, prompted } = setting({ terminal: true, yes: false });
    const asked = ask(QUESTION);
    expect(await prompted()).toContain('Later writes are lost.\n\nMake db2 the leader? [y/N] ');
    stdin.write(`${typed}\n`);
    expect(await asked).toEqual<Answer>({ answer, by: 'operator' });
    expect(order).toEqual(['paused', 'resumed']);
  });

  it('waits while something else is asked on the terminal: a passphrase is not its answer', async () => {
    const turns = new Turns();
    const { stdin, ask, order, prompted } = setting({ terminal: true, yes: false, turns });
    const leave = await turns.take();
    const asked = ask(QUESTION);
    stdin.write('a passphrase\n');
    await new Promise(setImmediate);
    expect(order).toEqual([]);
    stdin.read();
    leave?.();
    await prompted();
    stdin.write('y\n');
    expect(await asked).toEqual<Answer>({ answer: true, by: 'operator' });
  });

  it('is asked again until the answer is one', async () => {
    const { stdin, ask, prompted } = setting({ terminal: true, yes: false });
    const asked = ask(QUESTION);
    await prompted();
    stdin.write('db2\n');
    expect(await prompted()).toContain('Please answer y or n');
    stdin.write('y\n');
    expect(await asked).toEqual<Answer>({ answer: true, by: 'operator' });
  });

  it('is not answered by what was typed before it was there', async () => {
    const { stdin, ask, prompted } = setting({ terminal: true, yes: false });
    stdin.write('y\n');
    const asked = ask(QUESTION);
    await prompted();
    stdin.write('\n');
    expect(await asked).toEqual<Answer>({ answer: false, by: 'operator' });
  });

  it('means no when the input ends', async () => {
    const { stdin, ask, prompted } = setting({ terminal: true, yes: false });
    const asked = ask(QUESTION);
    await prompted();
    stdin.end();
    expect(await asked).toEqual<Answer>({ answer: false, by: 'operator' });
  });

  it('is answered by --yes without being asked', async () => {
    const { ask, order } = setting({ terminal: true, yes: true });
    expect(await ask(QUESTION)).toEqual<Answer>({ answer: true, by: '--yes' });
    expect(order).toEqual([]);
  });

  it('is refused where there is nobody to ask', async () => {
    const { ask } = setting({ terminal: false, yes: false });
    expect(await ask(QUESTION)).toEqual<Answer>({ answer: false, by: 'nobody' });
  });

  it('ends when the run is interrupted', async () => {
    const { ask, controller, prompted, order } = setting({ terminal: true, yes: false });
    const asked = ask(QUESTION);
    await prompted();
    controller.abort();
    await expect(asked).rejects.toMatchObject({ kind: 'interrupted' });
    expect(order).toEqual(['paused', 'resumed']);
  });

  it.each(['\u0003', 'y\u0003'])(
    'is not asked after a Ctrl-C that came just before it: %j',
    async (typed) => {
      const { stdin, ask, order } = setting({ terminal: true, yes: false });
      stdin.write(typed);
      const asked = ask({ ...QUESTION, unanswered: 'nothing was changed' });
      await expect(asked).rejects.toMatchObject({ kind: 'interrupted', code: 'interrupted-at-question' });
      expect(order).toEqual(['paused', 'resumed']);
    },
  );
});
