import { didYouMean } from '../lib/base/errors/nearest.ts';
import { asPitrError, PitrError } from '../lib/base/errors/pitr-error.ts';
import type { Masker } from '../lib/base/values/masker.ts';
import { isSecretName } from '../lib/base/values/secret-names.ts';
import type { Stray } from '../lib/modules/own-fault.ts';
import { parseArguments } from './args.ts';
import { COMMAND_NAMES, COMMANDS } from './commands.ts';
import { commandHelp, generalHelp } from './help.ts';
import type { Io } from './io.ts';
import { maskedIo } from './masked-io.ts';
import { productVersion } from './product.ts';
import { usageError } from './usage-error.ts';

/** Runs the command line. Gives the exit code; every error has been told when it resolves. */
export async function runCommandLine(
  words: readonly string[],
  given: Omit<Io, 'masker'> | Io,
): Promise<number> {
  const io = 'masker' in given ? given : maskedIo(given);
  learnTyped(words, io.masker);
  try {
    return await dispatch(words, io);
  } catch (thrown) {
    return tellError(asPitrError(thrown), words, io);
  }
}

async function dispatch(words: readonly string[], io: Io): Promise<number> {
  const [first, ...rest] = words;
  if (first === undefined) {
    io.stderr.write(`${generalHelp(productVersion())}\n`);
    throw usageError('command-missing', 'no command was given');
  }
  if (first === '--help' || first === '-h' || (first === 'help' && rest.length === 0)) {
    io.stdout.write(`${generalHelp(productVersion())}\n`);
    return 0;
  }
  if (first === 'help') return dispatch([...rest.slice(0, 1), '--help'], io);
  if (first.startsWith('-')) {
    throw usageError(
      'command-first',
      `the command comes first, then options: ${first} is neither a command nor an option of pitr itself`,
      {
        next: [`pitr <command> ${words.join(' ')}`, 'pitr --help'],
      },
    );
  }
  const entry = Object.hasOwn(COMMANDS, first) ? COMMANDS[first] : undefined;
  if (entry === undefined) {
    throw usageError('command-unknown', `pitr has no command "${first}"${didYouMean(first, COMMAND_NAMES)}`, {
      details: [`commands: ${COMMAND_NAMES.join(', ')}`],
      next: ['pitr --help'],
    });
  }
  const command = await entry.load();
  const parsed = parseArguments(command, rest);
  if (parsed.help) {
    io.stdout.write(`${commandHelp(command)}\n`);
    return 0;
  }
  return command.run(parsed.invocation, io);
}

/** An error that came where nobody waited for it, or could catch it. Gives the exit code. */
export async function tellStray(
  { thrown, stray }: { readonly thrown: unknown; readonly stray: Stray },
  words: readonly string[],
  io: Pick<Io, 'stdout' | 'stderr' | 'env' | 'masker'>,
): Promise<number> {
  const { strayFault } = await import('../lib/modules/own-fault.ts');
  const error = strayFault(thrown, stray) ?? asPitrError(thrown);
  return tellError(error.with(IN_THE_MIDDLE), words, io);
}

/**
 * Nothing is left at work, and the command has not ended. Fails what a user's module waits for, and the command goes on
 * from there; where there is nothing of the kind, it is told, and gives the exit code.
 */
export async function tellStuck(
  words: readonly string[],
  io: Pick<Io, 'stdout' | 'stderr' | 'env' | 'masker'>,
): Promise<number | undefined> {
  const { failStuck } = await import('../lib/modules/stuck.ts');
  if (failStuck()) return undefined;
  const error = new PitrError({
    kind: 'bug',
    code: 'nothing-left-at-work',
    message: 'pitr waits for what can never come: no command, no timer and no connection is left at work',
  });
  return tellError(error.with(IN_THE_MIDDLE), words, io);
}

/** Nobody knows what state things are in then but the journal. */
const IN_THE_MIDDLE = {
  state: 'pitr ended in the middle of its work; its journal says how far it was',
  next: ['pitr runs'],
};

/** What was typed as the value of a secret, before anybody tells what is wrong with the rest of the words. */
function learnTyped(words: readonly string[], masker: Masker): void {
  for (const word of words) {
    for (const [, name = '', value = ''] of word.matchAll(/([A-Za-z_]\w*)["']?\s*[=:]\s*["']?([^\s"',}]+)/g))
      if (isSecretName(name)) masker.add(value, { name });
  }
}

/** JSON on stdout where JSON was asked for, words on stderr otherwise. */
async function tellError(
  error: PitrError,
  words: readonly string[],
  io: Pick<Io, 'stdout' | 'stderr' | 'env' | 'masker'>,
): Promise<number> {
  const { errorText, exitCodeOf } = await import('./display/error-text.ts');
  if (asksForJson(words)) {
    const { writeJson } = await import('./display/json.ts');
    writeJson(io.stdout, { type: 'error', time: Date.now(), error });
    return exitCodeOf(error);
  }
  const { paintFor } = await import('./display/paint.ts');
  const { frameOf } = await import('../lib/language/yaml/frame.ts');
  const { columnsOf } = await import('./io.ts');
  const paint = paintFor(io.stderr, { noColor: words.includes('--no-color'), env: io.env });
  // Before it is wrapped: a secret with blanks in it would stand on two lines, where nobody finds it.
  const lines = errorText(io.masker.data(error.toJSON()), { paint, columns: columnsOf(io.stderr), frameOf });
  io.stderr.write(`${lines.join('\n')}\n`);
  return exitCodeOf(error);
}

/** Also where the rest of the command line could not be read. */
function asksForJson(words: readonly string[]): boolean {
  const end = words.indexOf('--');
  const own = end === -1 ? words : words.slice(0, end);
  return own.some(
    (word, index) => word === '--output=json' || (word === '--output' && own[index + 1] === 'json'),
  );
}
