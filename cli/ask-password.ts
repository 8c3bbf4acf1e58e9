import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { PitrError } from '../lib/base/errors/pitr-error.ts';
import { Secret } from '../lib/base/values/secret.ts';
import { Turns } from '../lib/transport/turns.ts';
import type { AskPassphrase } from '../lib/transport/types.ts';
import type { Io } from './io.ts';
import type { Pausable } from './questions.ts';
import { usageError } from './usage-error.ts';

type Terminal = Pick<Io, 'stdin' | 'stderr'>;

const isTerminal = ({ stdin, stderr }: Terminal): boolean => stdin.isTTY === true && stderr.isTTY === true;

/** Asks on the terminal for the password of sudo. Throws kind `usage` (`nobody-to-ask`) where there is no terminal. */
export async function askBecomePassword(terminal: Terminal): Promise<Secret> {
  if (!isTerminal(terminal)) {
    throw usageError('nobody-to-ask', '--ask-become-pass asks on a terminal, and there is none', {
      next: [
        'Write the password into a file that only you can read: PITR_BECOME_PASSWORD_FILE=<file> pitr ...',
      ],
    });
  }
  return askSecret(
    'Become password: ',
    { what: 'the become password', state: 'No host was contacted.' },
    terminal,
  );
}

/**
 * How the passphrases of private keys are asked for: one after the other, while what else is on the terminal stands aside.
 * Undefined where there is no terminal.
 */
export function passphraseAsker(
  terminal: Terminal,
  {
    display,
    interrupt,
    turns = new Turns(),
  }: {
    readonly display?: Pausable;
    readonly interrupt?: () => void;
    /** Shared with whatever else asks on the terminal. */
    readonly turns?: Turns;
  } = {},
): AskPassphrase | undefined {
  if (!isTerminal(terminal)) return undefined;
  return async (keyFile, again) => {
    const leave = await turns.take();
    await display?.pause();
    try {
      const prompt = `${again ? 'That did not open it. ' : ''}Passphrase of ${keyFile}: `;
      const state = 'The host that it is for was not logged in to.';
      return await askSecret(prompt, { what: `the passphrase of ${keyFile}`, state }, terminal);
    } catch (thrown) {
      interrupt?.();
      throw thrown;
    } finally {
      display?.resume();
      leave?.();
    }
  };
}

/** Asks for a line, which is not shown. Throws kind `interrupted` on Ctrl-C and at the end of input. */
async function askSecret(prompt: string, left: Left, { stdin, stderr }: Terminal): Promise<Secret> {
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const reader = createInterface({ input: stdin, output: nowhere, terminal: true, historySize: 0 });
  stderr.write(prompt);
  try {
    return new Secret(
      await new Promise<string>((resolve, reject) => {
        reader.once('line', resolve);
        reader.once('SIGINT', () => reject(notAnswered(left)));
        reader.once('close', () => reject(notAnswered(left)));
      }),
    );
  } finally {
    reader.close();
    stderr.write('\n');
  }
}

/** Where a person leaves instead of answering. */
interface Left {
  readonly what: string;
  readonly state: string;
}

function notAnswered({ what, state }: Left): PitrError {
  return new PitrError({
    kind: 'interrupted',
    code: 'interrupted-at-password',
    message: `interrupted at the question for ${what}`,
    state,
  });
}
