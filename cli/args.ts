import { didYouMean } from '../lib/base/errors/nearest.ts';
import type { PitrError } from '../lib/base/errors/pitr-error.ts';
import { commandLine } from '../lib/transport/quote.ts';
import { type GivenOption, valuesByCac } from './cac-values.ts';
import { type Command, HELP, type Invocation, type OptionSpec } from './command.ts';
import { usageError } from './usage-error.ts';

interface Words {
  readonly options: GivenOption[];
  readonly positionals: string[];
  readonly command: string[];
}

/** What the command line asks of a command. `help` wins over everything that is wrong beside it. */
export type Parsed = { readonly help: true } | { readonly help: false; readonly invocation: Invocation };

/**
 * Reads the words after the command's name. Values arrive exactly as typed: nothing is taken for a number, trimmed or
 * split. Throws kind `usage` for an unknown option (named as typed, with the nearest known one), a missing or
 * unwanted value, a scalar given twice, missing and unused arguments.
 */
export function parseArguments(command: Command, words: readonly string[]): Parsed {
  if (asksForHelp(command, words)) return { help: true };
  const sorted = sortWords(command, words);
  if (sorted.options.some(({ name }) => name === 'help')) return { help: true };
  checkPositionals(command, sorted);
  const values = valuesByCac(command, sorted.options);
  return {
    help: false,
    invocation: { options: values, args: sorted.positionals, command: sorted.command },
  };
}

/** The option whose long or short name this is. */
function findOption(command: Command, name: string): [string, OptionSpec] | undefined {
  const long = Object.hasOwn(command.options, name) ? command.options[name] : undefined;
  if (long !== undefined) return [name, long];
  return name === 'help' ? ['help', HELP] : undefined;
}

function findShort(command: Command, letter: string): [string, OptionSpec] | undefined {
  if (letter === HELP.short) return ['help', HELP];
  return Object.entries(command.options).find(([, spec]) => spec.short === letter);
}

function asksForHelp(command: Command, words: readonly string[]): boolean {
  let passing = false;
  for (let i = 0; i < words.length; i++) {
    const word = words[i] ?? '';
    if (word === '--') return false;
    if (word === '--help' || (word === '-h' && !passing)) return true;
    if (takesNextWord(command, word) || (passing && command.passesOn?.valued.includes(word))) i++;
    else if (!word.startsWith('-')) passing = command.passesOn !== undefined;
  }
  return false;
}

/** `--limit` and `-l` wait for a value, `--limit=x` and `-lx` carry theirs. */
function takesNextWord(command: Command, word: string): boolean {
  const found = word.startsWith('--')
    ? findOption(command, word.slice(2))
    : word.startsWith('-') && word.length === 2
      ? findShort(command, word.slice(1))
      : undefined;
  return found?.[1].value !== undefined;
}

function sortWords(command: Command, words: readonly string[]): Words {
  const sorted: Words = { options: [], positionals: [], command: [] };
  const seen = new Map<string, string | undefined>();
  const put = (name: string, spec: OptionSpec, value: string | undefined): void => {
    checkRepeat(name, spec, value, seen);
    if (spec.value === undefined && spec.count !== true && seen.has(name)) return;
    seen.set(name, value);
    sorted.options.push({ name, value });
  };

  for (let i = 0; i < words.length; i++) {
    const word = words[i] ?? '';
    if (command.passesOn !== undefined && sorted.positionals.length > 0 && !isOwn(command, word)) {
      if (word !== '--') sorted.command.push(word);
      const rest =
        word === '--'
          ? words.slice(i + 1)
          : command.passesOn.valued.includes(word)
            ? words.slice(i + 1, i + 2)
            : [];
      sorted.command.push(...rest);
      i += rest.length;
      continue;
    }
    if (word === '--') {
      const rest = words.slice(i + 1);
      if (command.takesCommand === undefined) sorted.positionals.push(...rest);
      else sorted.command.push(...rest);
      break;
    }
    if (!word.startsWith('-') || word === '-') {
      sorted.positionals.push(word);
      continue;
    }
    const { flags, last, attached } = readOptionWord(command, word);
    for (const [name, spec] of flags) put(name, spec, undefined);
    if (last === undefined) continue;
    const [name, spec] = last;
    if (attached !== undefined) put(name, spec, attached);
    else put(name, spec, valueFor(command, name, spec, words[++i]));
  }
  return sorted;
}

/** An option of the command itself, in whatever form. */
function isOwn(command: Command, word: string): boolean {
  if (word === '--') return false;
  if (word.startsWith('--')) return findOption(command, word.slice(2).split('=')[0] ?? '') !== undefined;
  const letter = word.startsWith('-') ? word[1] : undefined;
  return letter !== undefined && letter !== HELP.short && findShort(command, letter) !== undefined;
}

interface OptionWord {
  readonly flags: readonly [string, OptionSpec][];
  /** The option of this word that takes a value. */
  readonly last?: [string, OptionSpec];
  /** The value, where the same word holds it. */
  readonly attached?: string;
}

function readOptionWord(command: Command, word: string): OptionWord {
  if (word.startsWith('--')) {
    const equals = word.indexOf('=');
    const typed = equals === -1 ? word : word.slice(0, equals);
    const found = findOption(command, typed.slice(2));
    if (found === undefined) throw unknownOption(command, typed);
    if (found[1].value !== undefined) {
      return equals === -1
        ? { flags: [], last: found }
        : { flags: [], last: found, attached: word.slice(equals + 1) };
    }
    if (equals !== -1)
      throw usageError(
        'option-takes-no-value',
        `${typed} takes no value, but got ${quoted(word.slice(equals + 1))}`,
      );
    return { flags: [found] };
  }
  const flags: [string, OptionSpec][] = [];
  const letters = [...word.slice(1)];
  for (const [index, letter] of letters.entries()) {
    const found = findShort(command, letter);
    if (found === undefined) throw unknownOption(command, letters.length === 1 ? word : `-${letter}`, word);
    if (found[1].value === undefined) {
      flags.push(found);
      continue;
    }
    const rest = letters.slice(index + 1).join('');
    if (rest === '') return { flags, last: found };
    return { flags, last: found, attached: rest.startsWith('=') ? rest.slice(1) : rest };
  }
  return { flags };
}

function valueFor(command: Command, name: string, spec: OptionSpec, next: string | undefined): string {
  if (next === undefined) {
    throw usageError('option-needs-value', `--${name} needs a value: --${name} <${spec.value}>`);
  }
  if (next === '--' || looksLikeOption(command, next)) {
    throw usageError(
      'option-needs-value',
      `--${name} needs a value, but the next word is ${next === '--' ? '"--"' : `the option ${next}`}`,
      { next: [`If ${quoted(next)} is the value: --${name}=${next}`] },
    );
  }
  return next;
}

function looksLikeOption(command: Command, word: string): boolean {
  if (word.startsWith('--')) return findOption(command, word.slice(2).split('=')[0] ?? '') !== undefined;
  return word.startsWith('-') && word.length === 2 && findShort(command, word.slice(1)) !== undefined;
}

function checkRepeat(
  name: string,
  spec: OptionSpec,
  value: string | undefined,
  seen: ReadonlyMap<string, string | undefined>,
): void {
  if (spec.choices !== undefined && value !== undefined && !spec.choices.includes(value)) {
    throw usageError(
      'option-value-unknown',
      `--${name} is one of ${spec.choices.join(', ')}, not ${quoted(value)}${didYouMean(value, spec.choices)}`,
    );
  }
  if (spec.value === undefined || spec.repeat === true || !seen.has(name)) return;
  throw usageError(
    'option-given-twice',
    `--${name} was given twice: ${quoted(seen.get(name) ?? '')} and ${quoted(value ?? '')}`,
  );
}

function unknownOption(command: Command, typed: string, word = typed): PitrError {
  const known = [...Object.keys(command.options), 'help'].map((name) => `--${name}`);
  const inside = word === typed ? '' : ` in "${word}"`;
  const hint = typed.startsWith('--') ? didYouMean(typed, known) : '';
  return usageError('option-unknown', `pitr ${command.name} has no option ${typed}${inside}${hint}`, {
    next: [`pitr ${command.name} --help`],
  });
}

function checkPositionals(command: Command, { positionals, options }: Words): void {
  const missing = command.arguments.filter(
    (argument, index) => argument.required && positionals.length <= index,
  );
  const [first] = missing;
  if (first !== undefined) {
    throw usageError('argument-missing', `pitr ${command.name} needs <${first.name}>: ${first.text}`, {
      next: [`pitr ${command.name} --help`],
    });
  }
  if (command.arguments.some((argument) => argument.variadic)) return;
  const unused = positionals.slice(command.arguments.length);
  if (unused.length === 0) return;
  const takes = command.arguments.map((argument) => `<${argument.name}>`).join(' ') || 'no arguments';
  throw usageError(
    'argument-unused',
    `pitr ${command.name} takes ${takes}; too much: ${unused.map(quoted).join(' ')}`,
    {
      next: [
        ...(command.takesCommand === undefined
          ? []
          : [
              `A command goes behind two dashes: ${commandLine(['pitr', command.name, positionals[0] ?? '', ...options.flatMap((option) => typedAgain(command, option)), '--', ...unused])}`,
            ]),
        `pitr ${command.name} --help`,
      ],
    },
  );
}

function typedAgain(command: Command, { name, value }: Words['options'][number]): readonly string[] {
  const short = command.options[name]?.short;
  return [short === undefined ? `--${name}` : `-${short}`, ...(value === undefined ? [] : [value])];
}

function quoted(word: string): string {
  return JSON.stringify(word);
}
