import { cac } from 'cac';
import { asPitrError } from '../lib/base/errors/pitr-error.ts';
import type { Command, OptionSpecs, OptionValues } from './command.ts';

/** An option as it was given: its long name, and its value where it takes one. */
export interface GivenOption {
  readonly name: string;
  readonly value: string | undefined;
}

/**
 * cac turns `--id 20260123` into a number, `--id ''` into 0 and loses the digits of a WAL name. It leaves alone what
 * cannot be read as a number, so every value carries this mark through it.
 */
const MARK = '\u0001';

/** The values of all options of a command, read by cac. */
export function valuesByCac(command: Command, given: readonly GivenOption[]): OptionValues<OptionSpecs> {
  const cli = cac('pitr');
  const declared = cli.command(command.name, command.summary, { ignoreOptionDefaultValue: true });
  for (const [name, spec] of Object.entries(command.options)) {
    declared.option(spec.value === undefined ? `--${name}` : `--${name} <${spec.value}>`, spec.text);
  }
  const words = given.map(({ name, value }) =>
    value === undefined ? `--${name}` : `--${name}=${MARK}${value}`,
  );
  const parsed = cli.parse(['node', 'pitr', command.name, ...words], { run: false });
  try {
    declared.checkUnknownOptions();
    declared.checkOptionValue();
  } catch (error) {
    // what cac refuses was let through by us: a bug
    throw asPitrError(error);
  }
  return valuesOf(command.options, parsed.options);
}

function valuesOf(specs: OptionSpecs, raw: Readonly<Record<string, unknown>>): OptionValues<OptionSpecs> {
  const values: Record<string, string | boolean | number | readonly string[] | undefined> = {};
  for (const [name, spec] of Object.entries(specs)) {
    // cac reads `--no-color` as color: false
    const negated = name.startsWith('no-');
    const value = raw[camelCase(negated ? name.slice(3) : name)];
    const given = value === undefined ? [] : Array.isArray(value) ? value : [value];
    if (spec.value === undefined) {
      const set = given.filter((one) => one === !negated).length;
      values[name] = spec.count === true ? set : set > 0;
    } else {
      const strings = given.map((one) => String(one).slice(MARK.length));
      values[name] = spec.repeat === true ? strings : strings[0];
    }
  }
  // what each value is follows from its spec, as `OptionValues` says
  return values as OptionValues<OptionSpecs>;
}

function camelCase(name: string): string {
  return name.replace(/([a-z])-([a-z])/g, (_, before: string, after: string) => before + after.toUpperCase());
}
