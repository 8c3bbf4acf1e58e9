import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseArguments } from '../../../cli/args.ts';
import { defineCommand, type Invocation } from '../../../cli/command.ts';
import { asPitrError, type PitrError } from '../../../lib/base/errors/pitr-error.ts';

const command = defineCommand({
  name: 'try',
  summary: 'for tests',
  description: [],
  arguments: [
    { name: 'first', text: 'the first', required: true },
    { name: 'second', text: 'the second' },
  ],
  options: {
    id: { value: 'id', text: '' },
    limit: { short: 'l', value: 'pattern', text: '' },
    'extra-vars': { short: 'e', value: 'vars', repeat: true, text: '' },
    output: { value: 'form', choices: ['text', 'json'], text: '' },
    check: { text: '' },
    yes: { short: 'y', text: '' },
    verbose: { short: 'v', count: true, text: '' },
    'no-color': { text: '' },
  },
  examples: [],
  run: async () => 0,
});
const execCommand = defineCommand({ ...command, name: 'exec', takesCommand: 'command' });

function parsed(words: readonly string[], which = command): Invocation {
  const result = parseArguments(which, words);
  if (result.help) throw new Error('help');
  return result.invocation;
}

function refusal(words: readonly string[], which = command): PitrError {
  try {
    parseArguments(which, words);
  } catch (error) {
    return asPitrError(error);
  }
  throw new Error(`${JSON.stringify(words)} was not refused`);
}

/** What shells hand over and parsers love to spoil. */
const TREACHEROUS = [
  '20260123',
  '000000010000000000000003',
  '0123',
  '0x1F',
  '1e5',
  '',
  ' ',
  '20260123T120000',
  '2026-01-23 12:30:00',
  '2026-01-23T12:30:00.000001+02:00',
  '0/16B3748',
  'true',
  'false',
  'null',
  'a=b=c',
  '--',
  '-5',
  '-',
  '--check',
  '__proto__',
  "it's",
  '$(rm -rf /)',
  'two\nlines',
  '\u0001\u0001',
  'é✓𝄞',
  'Infinity',
  '-0',
];

describe('values arrive exactly as typed', () => {
  it.each(TREACHEROUS)('--id=%j', (value) => {
    expect(parsed(['x', `--id=${value}`]).options).toMatchObject({ id: value });
  });

  it.each(TREACHEROUS.filter((value) => !['--', '--check'].includes(value)))('--id %j', (value) => {
    expect(parsed(['x', '--id', value]).options).toMatchObject({ id: value });
  });

  it.each(TREACHEROUS.filter((value) => !/^-./.test(value)))('as an argument: %j', (value) => {
    expect(parsed([value]).args).toEqual([value]);
  });

  it('any text, in every form and repeated', () => {
    const text = fc.string({ unit: 'binary' });
    fc.assert(
      fc.property(text, fc.array(text), fc.array(text), (id, vars, rest) => {
        const words = [`--id=${id}`, ...vars.map((one) => `--extra-vars=${one}`), '--', ...rest];
        const { options, command: behind } = parsed(['x', ...words], execCommand);
        expect(options).toMatchObject({ id, 'extra-vars': vars });
        expect(behind).toEqual(rest);
      }),
    );
  });

  it('any text that is not an option, as the next word', () => {
    const text = fc.string({ unit: 'binary' }).filter((one) => !one.startsWith('-'));
    fc.assert(
      fc.property(text, fc.array(text, { maxLength: 3 }), (limit, vars) => {
        const words = ['-l', limit, ...vars.flatMap((one) => ['-e', one])];
        expect(parsed(['x', ...words]).options).toMatchObject({ limit, 'extra-vars': vars });
      }),
    );
  });
});

describe('forms of options', () => {
  it.each<[string, string[], object]>([
    ['a value in the same word as its letter', ['-eid=5'], { 'extra-vars': ['id=5'] }],
    ['a value behind a letter and an equals sign', ['-l=db1'], { limit: 'db1' }],
    ['several letters in one word', ['-yvv'], { yes: true, verbose: 2 }],
    ['letters and a value in one word', ['-yle', 'x2'], { yes: true, limit: 'e' }],
    ['a flag twice', ['--check', '--check'], { check: true }],
    ['a counted flag', ['-v', '--verbose', '-v'], { verbose: 3 }],
    ['one value of a repeatable option', ['-e', 'a=1'], { 'extra-vars': ['a=1'] }],
    [
      'several, in order',
      ['-e', 'b=1', '--extra-vars', 'a=2', '-e', 'b=3'],
      { 'extra-vars': ['b=1', 'a=2', 'b=3'] },
    ],
    ['a negated flag', ['--no-color'], { 'no-color': true }],
    ['nothing', [], { id: undefined, 'extra-vars': [], check: false, verbose: 0, 'no-color': false }],
  ])('%s', (_, words, expected) => {
    expect(parsed(['x', ...words]).options).toMatchObject(expected);
  });

  it('a command behind two dashes is left alone', () => {
    const words = ['db1', '-y', '--', 'ls', '-l', '--', '--check', '-v', '', '-h'];
    expect(parsed(words, execCommand)).toMatchObject({
      args: ['db1'],
      options: { yes: true, check: false },
      command: ['ls', '-l', '--', '--check', '-v', '', '-h'],
    });
  });

  it('without a command two dashes only end the options', () => {
    expect(parsed(['x', '--', '--check'])).toMatchObject({
      args: ['x', '--check'],
      options: { check: false },
    });
  });

  it.each([['--help'], ['-h'], ['x', '--nonsense', '--help'], ['-vh'], ['x', '--id', '1', '-h']])(
    'help wins over what is wrong beside it: %s',
    (...words) => {
      expect(parseArguments(command, words)).toEqual({ help: true });
    },
  );

  it('a value that looks like help is a value', () => {
    expect(parsed(['x', '--id', 'help', '--limit=-h']).options).toMatchObject({ id: 'help', limit: '-h' });
  });
});

describe('refusals name what was typed', () => {
  it.each<[string[], string]>([
    [['x', '--chekc'], 'pitr try has no option --chekc (did you mean "--check"?)'],
    [['x', '--extra-var', 'a=1'], 'pitr try has no option --extra-var (did you mean "--extra-vars"?)'],
    [['x', '--extraVars=a'], 'pitr try has no option --extraVars (did you mean "--extra-vars"?)'],
    [['x', '-z'], 'pitr try has no option -z'],
    [['x', '-yz'], 'pitr try has no option -z in "-yz"'],
    [['x', '-5'], 'pitr try has no option -5'],
    [['x', '--__proto__'], 'pitr try has no option --__proto__'],
    [['x', '--constructor=1'], 'pitr try has no option --constructor'],
    [['x', '--check=yes'], '--check takes no value, but got "yes"'],
    [['x', '--id'], '--id needs a value: --id <id>'],
    [['x', '--id', '--check'], '--id needs a value, but the next word is the option --check'],
    [['x', '--id', '--'], '--id needs a value, but the next word is "--"'],
    [['x', '--id', '1', '--id=2'], '--id was given twice: "1" and "2"'],
    [['x', '-l', 'a', '--limit', 'a'], '--limit was given twice: "a" and "a"'],
    [['x', '--output', 'jsno'], '--output is one of text, json, not "jsno" (did you mean "json"?)'],
    [[], 'pitr try needs <first>: the first'],
    [['a', 'b', 'c'], 'pitr try takes <first> <second>; too much: "c"'],
  ])('%j', (words, message) => {
    const error = refusal(words);
    expect(error.message).toBe(message);
    expect(error.kind).toBe('usage');
  });

  it('shows how a command must be given', () => {
    expect(refusal(['db1', 'db2', 'uptime'], execCommand).next[0]).toBe(
      'A command goes behind two dashes: pitr exec db1 -- uptime',
    );
    expect(
      refusal(['-l', 'db 1', '-yv', 'db1', 'db2', 'date; reboot', 'x', '-e', 'a=1'], execCommand).next[0],
    ).toBe("A command goes behind two dashes: pitr exec db1 -l 'db 1' -y -v -e 'a=1' -- 'date; reboot' x");
  });

  it('any words are parsed or refused as usage', () => {
    const word = fc.oneof(
      fc.string(),
      fc.constantFrom('-', '--', '--id', '-l', '-e', '--check', '-yv', '--no-color', '--no-'),
    );
    fc.assert(
      fc.property(fc.array(word), (words) => {
        try {
          parseArguments(command, words);
        } catch (error) {
          expect(asPitrError(error).kind).toBe('usage');
        }
      }),
    );
  });
});
