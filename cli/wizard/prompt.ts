import { createInterface } from 'node:readline';
import { PitrError } from '../../lib/base/errors/pitr-error.ts';
import { columnsOf, type Io, type Output } from '../io.ts';
import { dropTypeAhead } from '../questions.ts';
import { printable, wrapWords } from '../text.ts';
import { usageError } from '../usage-error.ts';

/** Asks a person, line by line. Every question throws kind `interrupted` on Ctrl-C, on Ctrl-D and on `signal`. */
export interface Prompt {
  /** Lines to be read, wrapped to the terminal unless they are laid out (indented). */
  say(lines: readonly string[]): void;
  /** What is typed, without blanks around it; `fallback` where nothing is. */
  ask(question: string, fallback?: string): Promise<string>;
  /** `y` and `yes` mean yes, all else no, and what was typed before it was asked means nothing. */
  confirm(question: string): Promise<boolean>;
}

/** A prompt on the operator's terminal. Throws kind `usage` where there is none. */
export function promptOn(io: Io, signal: AbortSignal): Prompt {
  const { stdin, stdout } = io;
  if (stdin.isTTY !== true || stdout.isTTY !== true || !('end' in stdout)) {
    throw usageError(
      'no-terminal',
      'pitr recover alone asks for all of it, and there is no terminal to ask on',
      {
        next: [
          'Say it: pitr recover <backup-id> <target-time> [--target <node> [--restore [--auto-start]]]',
          'pitr recover --help',
        ],
      },
    );
  }
  const say = (lines: readonly string[]): void => {
    const laidOut = lines.flatMap((line) =>
      line === '' || /^\s/.test(line) ? [printable(line)] : wrapWords(printable(line), columnsOf(stdout)),
    );
    stdout.write(`${laidOut.join('\n')}\n`);
  };
  const ask = async (question: string, fallback?: string): Promise<string> => {
    const hint = fallback === undefined ? '' : ` [${fallback}]`;
    const typed = (await readLine(io, stdout, `${question}${hint}: `, signal)).trim();
    return typed === '' ? (fallback ?? '') : typed;
  };
  return {
    say,
    ask,
    confirm: async (question) => {
      let left = false;
      await dropTypeAhead(stdin, () => {
        left = true;
      });
      if (left) throw interrupted(stdout);
      return /^(y|yes)$/i.test((await readLine(io, stdout, `${question} [y/N] `, signal)).trim());
    },
  };
}

function interrupted(stream: Output): PitrError {
  stream.write('\n');
  return new PitrError({
    kind: 'interrupted',
    code: 'interrupted-at-question',
    message: 'interrupted at a question',
    state: 'nothing was changed',
  });
}

function readLine(
  { stdin }: Pick<Io, 'stdin'>,
  stream: Output & NodeJS.WritableStream,
  prompt: string,
  signal: AbortSignal,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = createInterface({ input: stdin, output: stream, historySize: 0 });
    let line: string | undefined;
    const stop = (): void => reader.close();
    signal.addEventListener('abort', stop, { once: true });
    reader.once('line', (typed) => {
      line = typed;
      reader.close();
    });
    reader.once('SIGINT', stop);
    reader.once('close', () => {
      signal.removeEventListener('abort', stop);
      if (line === undefined) reject(interrupted(stream));
      else resolve(line);
    });
    if (signal.aborted) {
      stop();
      return;
    }
    reader.setPrompt(prompt);
    reader.prompt();
  });
}

export interface Choice<T> {
  /** What may be typed instead of the number. */
  readonly name: string;
  readonly value: T;
}

/**
 * One of several by its number or its name; asked again until it is one, also where several have that name. Without a
 * `fallback` (a number) Enter chooses nothing.
 */
export async function choose<T>(
  prompt: Prompt,
  question: string,
  choices: readonly Choice<T>[],
  fallback?: number,
): Promise<T> {
  for (;;) {
    const typed = await prompt.ask(question, fallback === undefined ? undefined : String(fallback));
    const byNumber = /^[0-9]{1,4}$/.test(typed) ? choices[Number(typed) - 1] : undefined;
    const named = byNumber === undefined ? choices.filter(({ name }) => name === typed) : [byNumber];
    const [chosen] = named;
    if (chosen !== undefined && named.length === 1) return chosen.value;
    prompt.say([
      named.length > 1
        ? `"${typed}" is the name of several: type a number, ${named.map((one) => choices.indexOf(one) + 1).join(' or ')}.`
        : `"${typed}" is none of them: a number from 1 to ${choices.length}, or a name.`,
    ]);
  }
}
