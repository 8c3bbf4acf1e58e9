import type { Io } from './io.ts';

/** One option of a command. Without `value` it is a flag. */
export interface OptionSpec {
  readonly short?: string;
  /** What the value is, for the help: `pattern`. */
  readonly value?: string;
  /** May be given several times; all values count, in order. */
  readonly repeat?: true;
  /** A flag that counts: `-vv` is 2. */
  readonly count?: true;
  readonly choices?: readonly string[];
  readonly text: string;
}

export type OptionSpecs = Readonly<Record<string, OptionSpec>>;

type OptionValueOf<S extends OptionSpec> = S extends { readonly count: true }
  ? number
  : S extends { readonly value: string; readonly repeat: true }
    ? readonly string[]
    : S extends { readonly value: string; readonly choices: readonly (infer C)[] }
      ? C | undefined
      : S extends { readonly value: string }
        ? string | undefined
        : boolean;

export type OptionValues<O extends OptionSpecs> = { readonly [K in keyof O]: OptionValueOf<O[K]> };

interface ArgumentSpec {
  readonly name: string;
  readonly text: string;
  readonly required?: true;
  readonly variadic?: true;
}

/** What was typed, every value exactly as typed. */
export interface Invocation<O extends OptionSpecs = OptionSpecs> {
  readonly options: OptionValues<O>;
  readonly args: readonly string[];
  /** The words after `--`, for commands that take a command, or those that are passed on; else always empty. */
  readonly command: readonly string[];
}

export interface PassedOn {
  /** What they are called in the usage line. */
  readonly name: string;
  /** Options of that program whose value is the next word, which is handed on whatever it looks like. */
  readonly valued: readonly string[];
}

interface Example {
  readonly text: string;
  readonly command: string;
}

/** A command of `pitr` as a value. `run` gives the exit code, or throws a `PitrError`, whose kind has one. */
export interface Command<O extends OptionSpecs = OptionSpecs> {
  readonly name: string;
  readonly summary: string;
  /** Paragraphs. */
  readonly description: readonly string[];
  readonly arguments: readonly ArgumentSpec[];
  /** Words after `--` are a command to run, not arguments; says what it is called in the usage line. */
  readonly takesCommand?: string;
  /** Words behind the first argument that are no option of the command are handed to a program, as they are. */
  readonly passesOn?: PassedOn;
  readonly options: O;
  readonly examples: readonly Example[];
  run(invocation: Invocation<O>, io: Io): Promise<number>;
}

export function defineCommand<const O extends OptionSpecs>(command: Command<O>): Command<O> {
  return command;
}

export const HELP: OptionSpec = { short: 'h', text: 'Show this help.' };
