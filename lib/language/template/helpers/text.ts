import { posix } from 'node:path';
import { dumpYaml } from '../../yaml/dump.ts';
import { type Helper, HelperFailure, kindOf, textOf } from '../helper.ts';

export const TEXT_HELPERS: readonly Helper[] = [
  {
    name: 'concat',
    summary: 'Its arguments as one text.',
    usage: '(concat a b ...)',
    example: { template: '{{concat pgdata ".pitr"}}', context: { pgdata: '/data' }, gives: '/data.pitr' },
    min: 1,
    max: 99,
    run: (args) => args.map((arg) => textOf(arg, 'each argument')).join(''),
  },
  {
    name: 'lower',
    summary: 'A text in lower case.',
    usage: '(lower text)',
    example: { template: '{{lower "DB1"}}', gives: 'db1' },
    min: 1,
    max: 1,
    run: ([text]) => textOf(text, 'the argument').toLowerCase(),
  },
  {
    name: 'upper',
    summary: 'A text in upper case.',
    usage: '(upper text)',
    example: { template: '{{upper "db1"}}', gives: 'DB1' },
    min: 1,
    max: 1,
    run: ([text]) => textOf(text, 'the argument').toUpperCase(),
  },
  {
    name: 'trim',
    summary: 'A text without white space at both ends.',
    usage: '(trim text)',
    example: { template: '{{trim " a "}}', gives: 'a' },
    min: 1,
    max: 1,
    run: ([text]) => textOf(text, 'the argument').trim(),
  },
  {
    name: 'replace',
    summary: 'A text with every occurrence of a part replaced; no patterns.',
    usage: '(replace text part by)',
    example: { template: '{{replace "a-b-c" "-" "_"}}', gives: 'a_b_c' },
    min: 3,
    max: 3,
    run: ([text, part, by]) => {
      const what = textOf(part, 'the part');
      if (what === '') throw new HelperFailure('the part to replace is empty');
      return textOf(text, 'the first argument').split(what).join(textOf(by, 'the replacement'));
    },
  },
  {
    name: 'indent',
    summary: 'A text with every line after the first moved to the right by so many columns.',
    usage: '(indent text columns)',
    example: { template: '{{indent "a\nb" 2}}', gives: 'a\n  b' },
    min: 2,
    max: 2,
    run: ([text, columns]) => {
      if (typeof columns !== 'number' || columns < 0 || columns > 100)
        throw new HelperFailure('columns must be a number from 0 to 100');
      return textOf(text, 'the first argument').replace(/\n(?=[^\n])/g, `\n${' '.repeat(columns)}`);
    },
  },
  {
    name: 'basename',
    summary: 'The last part of a path.',
    usage: '(basename path)',
    example: { template: '{{basename "/var/lib/data"}}', gives: 'data' },
    min: 1,
    max: 1,
    run: ([path]) => posix.basename(textOf(path, 'the argument')),
  },
  {
    name: 'dirname',
    summary: 'A path without its last part.',
    usage: '(dirname path)',
    example: { template: '{{dirname "/var/lib/data"}}', gives: '/var/lib' },
    min: 1,
    max: 1,
    run: ([path]) => posix.dirname(textOf(path, 'the argument')),
  },
  {
    name: 'json',
    summary: 'A value as JSON on one line; with a second argument indented by so many columns.',
    usage: '(json value columns)',
    example: { template: '{{json r}}', context: { r: { a: [1, 'x'] } }, gives: '{"a":[1,"x"]}' },
    min: 1,
    max: 2,
    run: ([value, columns]) => {
      const text = JSON.stringify(value, undefined, typeof columns === 'number' ? columns : undefined);
      if (text === undefined) throw new HelperFailure(`${kindOf(value)} has no JSON form`);
      return text;
    },
  },
  {
    name: 'yaml',
    summary: 'A value as YAML, without a newline at the end; safe for readers of YAML 1.1 too (Patroni).',
    usage: '(yaml value)',
    example: { template: '{{yaml r}}', context: { r: { a: 'yes' } }, gives: 'a: "yes"' },
    min: 1,
    max: 1,
    run: ([value]) => dumpYaml(value).replace(/\n$/, ''),
  },
];
