import { isDeepStrictEqual } from 'node:util';
import { type Helper, HelperFailure, kindOf, listOf, textOf } from '../helper.ts';

const isMap = (value: unknown): value is Readonly<Record<string, unknown>> =>
  value !== null && typeof value === 'object' && !Array.isArray(value);

const has = (list: readonly unknown[], item: unknown): boolean =>
  list.some((other) => isDeepStrictEqual(other, item));

export const LIST_HELPERS: readonly Helper[] = [
  {
    name: 'lookup',
    summary: 'A part of a map or list whose name is in a variable; several names go deeper.',
    usage: '(lookup map key ...)',
    example: {
      template: '{{lookup hostvars target "pgdata"}}',
      context: { target: 'db2', hostvars: { db2: { pgdata: '/data' } } },
      gives: '/data',
    },
    min: 2,
    max: 9,
    opens: 'none',
    run: () => undefined,
  },
  {
    name: 'list',
    summary: 'A list of its arguments.',
    usage: '(list a b ...)',
    example: { template: '{{list "a" 1}}', gives: ['a', 1] },
    min: 0,
    max: 99,
    opens: 'none',
    run: (args) => [...args],
  },
  {
    name: 'dict',
    summary: 'A map of its named arguments.',
    usage: '(dict name=value ...)',
    example: { template: '{{dict a=1 b="x"}}', gives: { a: 1, b: 'x' } },
    min: 0,
    max: 0,
    named: true,
    opens: 'none',
    run: (_, named) => ({ ...named }),
  },
  {
    name: 'join',
    summary: 'The items of a list as one text, with a separator (default: comma and space) between them.',
    usage: '(join list separator)',
    example: { template: '{{join hosts " "}}', context: { hosts: ['db1', 'db2'] }, gives: 'db1 db2' },
    min: 1,
    max: 2,
    run: ([list, separator = ', ']) =>
      listOf(list, 'the first argument')
        .map((item) => textOf(item, 'each item'))
        .join(textOf(separator, 'the separator')),
  },
  {
    name: 'split',
    summary: 'A text as a list of its parts.',
    usage: '(split text separator)',
    example: { template: '{{split "a,b" ","}}', gives: ['a', 'b'] },
    min: 2,
    max: 2,
    run: ([text, separator]) => textOf(text, 'the first argument').split(textOf(separator, 'the separator')),
  },
  {
    name: 'first',
    summary: 'The first item of a list.',
    usage: '(first list)',
    example: { template: '{{first (split "a,b" ",")}}', gives: 'a' },
    min: 1,
    max: 1,
    opens: 'none',
    run: ([list]) => itemAt(list, 0),
  },
  {
    name: 'last',
    summary: 'The last item of a list.',
    usage: '(last list)',
    example: { template: '{{last (split "a,b" ",")}}', gives: 'b' },
    min: 1,
    max: 1,
    opens: 'none',
    run: ([list]) => itemAt(list, -1),
  },
  {
    name: 'length',
    summary: 'How many items, keys or characters there are.',
    usage: '(length value)',
    example: { template: '{{length hosts}}', context: { hosts: ['a', 'b'] }, gives: 2 },
    min: 1,
    max: 1,
    opens: 'shallow',
    run: ([value]) => {
      if (typeof value === 'string') return [...value].length;
      if (Array.isArray(value)) return value.length;
      if (isMap(value)) return Object.keys(value).length;
      throw new HelperFailure(`a list, a map or text has a length, not ${kindOf(value)}`);
    },
  },
  {
    name: 'keys',
    summary: 'The keys of a map as a list.',
    usage: '(keys map)',
    example: {
      template: '{{keys members}}',
      context: { members: { db1: {}, db2: {} } },
      gives: ['db1', 'db2'],
    },
    min: 1,
    max: 1,
    opens: 'shallow',
    run: ([map]) => {
      if (!isMap(map)) throw new HelperFailure(`a map has keys, not ${kindOf(map)}`);
      return Object.keys(map);
    },
  },
  {
    name: 'pluck',
    summary: 'What several parts of a map have under one name, as a list; a part without it is left out.',
    usage: '(pluck map keys name)',
    example: {
      template: '{{pluck hostvars (list "db1" "db2" "db3") "role"}}',
      context: { hostvars: { db1: { role: 'leader' }, db2: {}, db3: { role: 'replica' } } },
      gives: ['leader', 'replica'],
    },
    min: 3,
    max: 3,
    opens: 'none',
    run: ([map, keys, name]) =>
      listOf(keys, 'the second argument').flatMap((key) => {
        const part = partOf(map, textOf(key, 'each key'));
        const value = partOf(part, textOf(name, 'the name'));
        return value === undefined ? [] : [value];
      }),
  },
  {
    name: 'contains',
    summary: 'Whether a list has an item, a map a key, or a text a part.',
    usage: '(contains value item)',
    example: { template: '{{contains hosts "db1"}}', context: { hosts: ['db1'] }, gives: true },
    min: 2,
    max: 2,
    run: ([value, item]) => {
      if (Array.isArray(value)) return has(value, item);
      if (typeof value === 'string') return value.includes(textOf(item, 'the second argument'));
      if (isMap(value)) return Object.hasOwn(value, textOf(item, 'the key'));
      throw new HelperFailure(`a list, a map or text can contain something, not ${kindOf(value)}`);
    },
  },
  {
    name: 'sort',
    summary: 'A list of texts in order (numbers inside them by value: db2 before db10).',
    usage: '(sort list)',
    example: { template: '{{sort hosts}}', context: { hosts: ['db10', 'db2'] }, gives: ['db2', 'db10'] },
    min: 1,
    max: 1,
    run: ([list]) =>
      [...listOf(list, 'the argument')].sort((a, b) =>
        textOf(a, 'each item').localeCompare(textOf(b, 'each item'), 'en', { numeric: true }),
      ),
  },
  {
    name: 'unique',
    summary: 'A list without repetitions.',
    usage: '(unique list)',
    example: { template: '{{unique l}}', context: { l: ['a', 'b', 'a'] }, gives: ['a', 'b'] },
    min: 1,
    max: 1,
    run: ([list]) => unique(listOf(list, 'the argument')),
  },
  {
    name: 'union',
    summary: 'The items of several lists as one list, without repetitions.',
    usage: '(union a b ...)',
    example: {
      template: '{{union a b}}',
      context: { a: ['db1', 'db2'], b: ['db2', 'db3'] },
      gives: ['db1', 'db2', 'db3'],
    },
    min: 1,
    max: 99,
    run: (lists) => unique(lists.flatMap((list) => listOf(list, 'each argument'))),
  },
  {
    name: 'difference',
    summary: 'The items of a list that are not in another (or are not this one item).',
    usage: '(difference list other)',
    example: {
      template: '{{difference members "db2"}}',
      context: { members: ['db1', 'db2'] },
      gives: ['db1'],
    },
    min: 2,
    max: 2,
    run: ([list, other]) => {
      const without = Array.isArray(other) ? other : [other];
      return listOf(list, 'the first argument').filter((item) => !has(without, item));
    },
  },
];

function unique(list: readonly unknown[]): readonly unknown[] {
  return list.filter((item, index) => list.findIndex((other) => isDeepStrictEqual(other, item)) === index);
}

function partOf(map: unknown, key: string): unknown {
  return isMap(map) && Object.hasOwn(map, key) ? Reflect.get(map, key) : undefined;
}

function itemAt(value: unknown, index: number): unknown {
  const list = listOf(value, 'the argument');
  if (list.length === 0) throw new HelperFailure('the list is empty');
  return list.at(index);
}
