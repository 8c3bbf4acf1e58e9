import { parseArguments } from '../../cli/args.ts';
import type { Command } from '../../cli/command.ts';
import { COMMAND_NAMES, COMMANDS } from '../../cli/commands.ts';
import { wordsOf } from '../../lib/system/core/command-words.ts';

/** The commands of pitr that a line of shell runs, each as its words behind `pitr`. */
export function pitrWords(line: string): readonly (readonly string[])[] {
  return line
    .replace(/\\\n/g, ' ')
    .split(/\s(?:&&|\||;)(?:\s|$)/)
    .map((part) => part.replace(/\s>\s*\S+$/, '').trim())
    .filter((part) => /^pitr\s/.test(part))
    .map((part) => wordsOf(asWords(part)).slice(1));
}

/** Placeholders such as `<run>` are words, not redirections. */
function asWords(text: string): string {
  return text.replace(/<([\w -]+)>/g, (_, name: string) => name.toUpperCase().replaceAll(' ', '-'));
}

/** What pitr has against a command line, before it does anything; nothing where it would begin. */
export async function flawOf(words: readonly string[]): Promise<string | undefined> {
  const [name = '', ...rest] = words;
  if (name.startsWith('-'))
    return ['--version', '--help', '-h', '-V'].includes(name) ? undefined : `no option ${name}`;
  const entry = COMMANDS[name === 'help' ? (rest[0] ?? '') : name];
  if (entry === undefined) return `pitr has no command ${name}; it has ${COMMAND_NAMES.join(', ')}`;
  try {
    parseArguments(await entry.load(), rest);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** The options in a mention of a command that it does not have: `pitr undo --from`. */
export async function strangeOptions(mention: string): Promise<readonly string[]> {
  const [, name = ''] = mention.split(/\s+/);
  if (!/^[a-z]/.test(name)) return [];
  if (!Object.hasOwn(COMMANDS, name)) return name === 'help' ? [] : [name];
  const command = await COMMANDS[name]?.load();
  if (command === undefined) return [name];
  return (
    mention
      .split(' -- ')[0]
      ?.match(/(?<=\s)--?[a-z][\w-]*/g)
      ?.filter((option) => !isOption(option, command)) ?? []
  );
}

function isOption(option: string, command: Command): boolean {
  if (['--help', '-h'].includes(option) || command.passesOn !== undefined) return true;
  const known = Object.entries(command.options);
  return option.startsWith('--')
    ? known.some(([name]) => `--${name}` === option)
    : known.some(([, { short }]) => short === option[1]);
}
