import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { PitrError } from '../lib/base/errors/pitr-error.ts';
import type { Question } from '../lib/contract/module.ts';
import type { Turns } from '../lib/transport/turns.ts';
import type { Io, Output } from './io.ts';
import { columnsOf } from './io.ts';
import { printable, wrapWords } from './text.ts';

export interface Answer {
  readonly answer: boolean;
  readonly by: 'operator' | '--yes' | 'nobody';
}

/** How a person is asked. */
export type Ask = (question: Question) => Promise<Answer>;

/** What stands aside while a question is on the terminal. */
export interface Pausable {
  pause(): Promise<void>;
  resume(): void;
}

export interface QuestionSettings {
  readonly io: Pick<Io, 'stdin' | 'stdout' | 'stderr'>;
  /** `--yes` */
  readonly yes: boolean;
  readonly display: Pausable;
  /** Shared with whatever else asks on the terminal. */
  readonly turns?: Turns | undefined;
  readonly signal: AbortSignal;
  /** Ctrl-C at the prompt: the terminal is in raw mode then, so no signal comes. */
  readonly interrupt: () => void;
}

/** The stream to ask on: a terminal, stderr before stdout, so that a piped log does not swallow the question. */
function promptStream(io: QuestionSettings['io']): (Output & NodeJS.WritableStream) | undefined {
  if (io.stdin.isTTY !== true) return undefined;
  for (const stream of [io.stderr, io.stdout]) {
    if (stream.isTTY === true && 'end' in stream) return stream;
  }
  return undefined;
}

/** Whether a question will have an answer: of a person, or of `--yes`. */
export function answerable({ io, yes }: Pick<QuestionSettings, 'io' | 'yes'>): boolean {
  return yes || promptStream(io) !== undefined;
}

/**
 * How the engine asks a person. `--yes` answers yes; without a terminal nobody can be asked and the answer is no
 * (`by: 'nobody'`, which the engine turns into a refusal with words). Only `y` and `yes` mean yes, an empty line and
 * the end of input mean no, anything else is asked again. Throws kind `interrupted` on Ctrl-C and on `signal`.
 */
export function makeAsk(settings: QuestionSettings): Ask {
  return async (question) => {
    settings.signal.throwIfAborted();
    if (settings.yes) return { answer: true, by: '--yes' };
    const stream = promptStream(settings.io);
    if (stream === undefined) return { answer: false, by: 'nobody' };
    const leave = await settings.turns?.take();
    await settings.display.pause();
    try {
      settings.signal.throwIfAborted();
      await dropTypeAhead(settings.io.stdin, settings.interrupt);
      return { answer: await askOn(stream, question, settings), by: 'operator' };
    } finally {
      settings.display.resume();
      leave?.();
    }
  };
}

const TYPE_AHEAD_MS = 60;
const CTRL_C = 3;

/** What was typed before the question was there cannot be an answer to it. A Ctrl-C among it is told to `interrupt`. */
export async function dropTypeAhead(stdin: Io['stdin'], interrupt: () => void): Promise<void> {
  const drop = (typed: Uint8Array | string): void => {
    if (Buffer.from(typed).includes(CTRL_C)) interrupt();
  };
  // raw, so that half a line is given away too
  stdin.setRawMode?.(true);
  stdin.on('data', drop);
  stdin.resume();
  await pause(TYPE_AHEAD_MS);
  stdin.off('data', drop);
  stdin.pause();
  stdin.setRawMode?.(false);
}

/** The question as a person reads it, without the prompt's last word. */
function questionText(question: Question, columns: number): string[] {
  const details = (question.details ?? []).flatMap((line) =>
    printable(line)
      .split('\n')
      .map((one) => `  ${one}`),
  );
  return [
    ...(details.length > 0 ? ['', ...details, ''] : ['']),
    ...wrapWords(printable(question.text), columns - 7),
  ];
}

async function askOn(
  stream: Output & NodeJS.WritableStream,
  question: Question,
  settings: QuestionSettings,
): Promise<boolean> {
  const lines = questionText(question, columnsOf(stream));
  const last = lines.pop() ?? '';
  for (const line of lines) stream.write(`${line}\n`);
  if (question.word !== undefined) {
    stream.write(`${last}\n`);
    const wanted = printable(question.word);
    const typed = await readLine(
      stream,
      `Type ${wanted} for yes, anything else for no: `,
      question,
      settings,
    );
    return typed.trim() === wanted;
  }
  let prompt = `${last} [y/N] `;
  for (;;) {
    const typed = (await readLine(stream, prompt, question, settings)).trim().toLowerCase();
    if (typed === 'y' || typed === 'yes') return true;
    if (typed === '' || typed === 'n' || typed === 'no') return false;
    prompt = 'Please answer y or n [y/N] ';
  }
}

function readLine(
  stream: Output & NodeJS.WritableStream,
  prompt: string,
  { unanswered }: Question,
  settings: QuestionSettings,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = createInterface({ input: settings.io.stdin, output: stream, historySize: 0 });
    // rejected before it is closed: the close event resolves
    const stop = (): void => {
      reject(
        new PitrError({
          kind: 'interrupted',
          code: 'interrupted-at-question',
          message: 'interrupted at a question; nothing was answered',
          state: unanswered,
        }),
      );
      reader.close();
    };
    // a key or a signal may have come before the question was there
    if (settings.signal.aborted) {
      stop();
      return;
    }
    settings.signal.addEventListener('abort', stop, { once: true });
    let line: string | undefined;
    reader.once('line', (typed) => {
      line = typed;
      reader.close();
    });
    reader.once('SIGINT', () => {
      stream.write('\n');
      settings.interrupt();
    });
    reader.once('close', () => {
      settings.signal.removeEventListener('abort', stop);
      if (line === undefined && !settings.signal.aborted) stream.write('\n');
      resolve(line ?? '');
    });
    reader.setPrompt(prompt);
    reader.prompt();
  });
}
