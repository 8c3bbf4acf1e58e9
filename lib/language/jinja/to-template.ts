import { type Jinja, parseJinja } from './parse.ts';

const OPERATORS: ReadonlyMap<string, string> = new Map([
  ['==', 'eq'],
  ['!=', 'ne'],
  ['<', 'lt'],
  ['<=', 'lte'],
  ['>', 'gt'],
  ['>=', 'gte'],
  ['~', 'concat'],
  ['and', 'and'],
  ['or', 'or'],
]);

/** Jinja filters that have another name here. */
export const FILTERS: ReadonlyMap<string, string> = new Map([
  ['d', 'default'],
  ['to_json', 'json'],
  ['tojson', 'json'],
  ['to_nice_json', 'json'],
  ['to_yaml', 'yaml'],
  ['to_nice_yaml', 'yaml'],
  ['count', 'length'],
  ['int', 'number'],
  ['float', 'number'],
  ['human_readable', 'bytes'],
]);

/** The same expression as what stands between the braces of a template; nothing where it cannot be said there. */
export function asTemplate(text: string): string | undefined {
  const parsed = parseJinja(text);
  return parsed === undefined ? undefined : written(parsed)?.text;
}

interface Written {
  readonly text: string;
  /** A helper with its arguments, which stands in parentheses inside of another one. */
  readonly isCall: boolean;
}

function written(node: Jinja): Written | undefined {
  switch (node.kind) {
    case 'literal':
      // A text with an escape is another text here.
      return node.text.includes('\\') ? undefined : { text: node.text, isCall: false };
    case 'path':
      return path(node);
    case 'list':
      return call('list', node.items);
    case 'not':
      return call('not', [node.value]);
    case 'choice':
      return call('ternary', [node.test, node.yes, node.no]);
    case 'binary':
      return binary(node);
    case 'filter':
      return filter(node);
    case 'test':
      return node.name === 'none'
        ? call(node.negated ? 'ne' : 'eq', [node.value, { kind: 'literal', text: 'null' }])
        : undefined;
  }
}

/** Filters that have a helper of their name, and mean something else without these words. */
function filter({ name, value, args }: Extract<Jinja, { kind: 'filter' }>): Written | undefined {
  const helper = FILTERS.get(name) ?? name;
  // The helper makes a list of its arguments, and this filter one of what is in its only one.
  if (helper === 'list') return undefined;
  if (helper === 'join' && args.length === 0) return call(helper, [value, EMPTY]);
  const [fallback, also] = args;
  if (helper !== 'default' || fallback === undefined || also === undefined)
    return call(helper, [value, ...args]);
  // `default(x, true)` also takes the place of what is empty or false.
  if (args.length > 2 || also.kind !== 'literal' || also.text !== 'true') return undefined;
  return call('or', [{ kind: 'filter', name: 'default', value, args: [EMPTY] }, fallback]);
}

const EMPTY: Jinja = { kind: 'literal', text: "''" };

function binary({ operator, left, right }: Extract<Jinja, { kind: 'binary' }>): Written | undefined {
  if (operator === 'in') return call('contains', [right, left]);
  if (operator === 'not in') return call('not', [{ kind: 'binary', operator: 'in', left, right }]);
  const helper = OPERATORS.get(operator);
  return helper === undefined ? undefined : call(helper, [left, right]);
}

/** Steps that are known now are written in the path; from the first that is not, `lookup` goes on. */
function path({ head, steps }: Extract<Jinja, { kind: 'path' }>): Written | undefined {
  const dynamic = steps.findIndex(({ kind }) => kind !== 'literal');
  const fixed = dynamic === -1 ? steps : steps.slice(0, dynamic);
  let text = head;
  for (const step of fixed) {
    const key = step.kind === 'literal' ? /^(?:["']([^"'\]\\]+)["']|(\d+))$/.exec(step.text) : null;
    if (key === null) return undefined;
    text += key[1] !== undefined && /^[A-Za-z_]\w*$/.test(key[1]) ? `.${key[1]}` : `.[${key[1] ?? key[2]}]`;
  }
  if (dynamic === -1) return { text, isCall: false };
  const rest = all(steps.slice(dynamic));
  return rest === undefined
    ? undefined
    : { text: `lookup ${text} ${rest.map(argument).join(' ')}`, isCall: true };
}

function call(helper: string, args: readonly Jinja[]): Written | undefined {
  const texts = all(args);
  return texts === undefined ? undefined : { text: [helper, ...texts.map(argument)].join(' '), isCall: true };
}

function argument({ text, isCall }: Written): string {
  return isCall ? `(${text})` : text;
}

function all(nodes: readonly Jinja[]): readonly Written[] | undefined {
  const texts = nodes.map(written);
  return texts.every((one) => one !== undefined) ? texts : undefined;
}
