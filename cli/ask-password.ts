import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { PitrError } from '../lib/base/errors/pitr-error.ts';
import { Secret } from '../lib/base/values/secret.ts';
import type { Io } from './io.ts';
import { usageError } from './usage-error.ts';

/**
 * Asks on the terminal for a password, which is not shown. Throws kind `usage` (`nobody-to-ask`) where there is no
 * terminal, kind `interrupted` on Ctrl-C and at the end of input.
 */
export async function askPassword(
  prompt: string,
  { stdin, stderr }: Pick<Io, 'stdin' | 'stderr'>,
): Promise<Secret> {
  if (stdin.isTTY !== true || stderr.isTTY !== true) {
    throw usageError('nobody-to-ask', '--ask-become-pass asks on a terminal, and there is none', {
      next: [
        'Write the password into a file that only you can read: PITR_BECOME_PASSWORD_FILE=<file> pitr ...',
      ],
    });
  }
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const reader = createInterface({ input: stdin, output: nowhere, terminal: true, historySize: 0 });
  stderr.write(prompt);
  try {
    return new Secret(
      await new Promise<string>((resolve, reject) => {
        reader.once('line', resolve);
        reader.once('SIGINT', () => reject(notAnswered()));
        reader.once('close', () => reject(notAnswered()));
      }),
    );
  } finally {
    reader.close();
    stderr.write('\n');
  }
}

function notAnswered(): PitrError {
  return new PitrError({
    kind: 'interrupted',
    code: 'interrupted-at-password',
    message: 'interrupted at the question for the become password',
    state: 'No host was contacted.',
  });
}
