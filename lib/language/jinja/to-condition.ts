import { type Jinja, parseJinja } from './parse.ts';

const OPERATORS: ReadonlyMap<string, string> = new Map([
  ['and', '&&'],
  ['or', '||'],
  ['=', '=='],
  ['===', '=='],
  ['<>', '!='],
  ['~', '+'],
]);

/** How tightly what is written binds, from a choice to a word. */
const STRENGTH: ReadonlyMap<string, number> = new Map([
  ['||', 1],
  ['&&', 2],
  ['==', 3],
  ['!=', 3],
  ['<', 3],
  ['<=', 3],
  ['>', 3],
  ['>=', 3],
  ['in', 3],
  ['+', 4],
  ['-', 4],
  ['*', 5],
  ['/', 5],
  ['%', 5],
]);
const CHOICE = 0;
const UNARY = 6;
const WORD = 7;

interface Written {
  readonly text: string;
  readonly strength: number;
}

/** What of Jinja's filters and tests is a function here; `x` stands for the value. */
const FILTERS: ReadonlyMap<string, string> = new Map([
  ['length', 'size(x)'],
  ['count', 'size(x)'],
  ['lower', 'lower(x)'],
  ['upper', 'upper(x)'],
  ['string', 'string(x)'],
  ['int', 'int(x)'],
  ['float', 'double(x)'],
  ['bool', 'x'],
]);
const TESTS: ReadonlyMap<string, string> = new Map([
  ['none', 'x == null'],
  ['true', 'x == true'],
  ['false', 'x == false'],
  ['changed', 'x.changed'],
  ['failed', 'x.failed'],
  ['skipped', 'x.skipped'],
  ['succeeded', '!x.failed'],
  ['success', '!x.failed'],
]);

/** The same expression in the language of conditions; nothing where it cannot be said there. */
export function asCondition(text: string): string | undefined {
  const parsed = parseJinja(text);
  return parsed === undefined ? undefined : written(parsed)?.text;
}

function written(node: Jinja): Written | undefined {
  switch (node.kind) {
    case 'literal':
      return word(node.text);
    case 'path':
      return path(node);
    case 'list': {
      const items = all(node.items);
      return items === undefined ? undefined : word(`[${items.map(({ text }) => text).join(', ')}]`);
    }
    case 'not':
      return negated(written(node.value));
    case 'binary':
      return binary(node);
    case 'choice': {
      const [test, yes, no] = all([node.test, node.yes, node.no]) ?? [];
      if (test === undefined || yes === undefined || no === undefined) return undefined;
      return { text: `${within(test, 1)} ? ${within(yes, 1)} : ${within(no, CHOICE)}`, strength: CHOICE };
    }
    case 'test':
      return test(node);
    case 'filter':
      return filter(node);
  }
}

type Path = Extract<Jinja, { kind: 'path' }>;

function path({ head, steps }: Path): Written | undefined {
  let text = head;
  for (const step of steps) {
    const name = nameOf(step);
    const inner = written(step);
    if (inner === undefined) return undefined;
    text += name === undefined ? `[${inner.text}]` : `.${name}`;
  }
  return word(text);
}

/** The name that stands behind a dot. */
function nameOf(step: Jinja): string | undefined {
  return step.kind === 'literal' ? /^["']([A-Za-z_]\w*)["']$/.exec(step.text)?.[1] : undefined;
}

/** Whether something is there. `has()` takes names alone: behind an index, what holds it is asked for its key. */
function existence({ kind, head, steps }: Path): Written | undefined {
  const last = steps.at(-1);
  if (steps.every((step) => nameOf(step) !== undefined)) {
    const whole = path({ kind, head, steps });
    return whole === undefined ? undefined : word(`has(${whole.text})`);
  }
  const holder = path({ kind, head, steps: steps.slice(0, -1) });
  if (holder === undefined || last?.kind !== 'literal' || !/^["']/.test(last.text)) return undefined;
  return { text: `${last.text} in ${holder.text}`, strength: 3 };
}

function binary({ operator, left, right }: Extract<Jinja, { kind: 'binary' }>): Written | undefined {
  if (operator === 'not in') return negated(binary({ kind: 'binary', operator: 'in', left, right }));
  const own = OPERATORS.get(operator) ?? operator;
  const strength = STRENGTH.get(own);
  const [a, b] = all([left, right]) ?? [];
  if (strength === undefined || a === undefined || b === undefined) return undefined;
  // A comparison of a comparison means another thing in each language.
  const comparison = strength === 3 ? 4 : strength;
  return { text: `${within(a, comparison)} ${own} ${within(b, strength + 1)}`, strength };
}

function test({ name, value, negated: not }: Extract<Jinja, { kind: 'test' }>): Written | undefined {
  if (name === 'defined' || name === 'undefined') {
    const has = value.kind === 'path' ? existence(value) : undefined;
    if (has === undefined) return undefined;
    return not === (name === 'undefined') ? has : negated(has);
  }
  const form = TESTS.get(name);
  const inner = written(value);
  if (form === undefined || inner === undefined) return undefined;
  const text = form.replace('x', within(inner, UNARY));
  const whole = { text, strength: form.includes('==') ? 3 : form.startsWith('!') ? UNARY : WORD };
  if (!not) return whole;
  return form.includes('==') ? { text: text.replace('==', '!='), strength: 3 } : negated(whole);
}

function filter({ name, value, args }: Extract<Jinja, { kind: 'filter' }>): Written | undefined {
  const inner = written(value);
  if (inner === undefined) return undefined;
  if (
    (name === 'default' || name === 'd') &&
    args.length === 1 &&
    args[0] !== undefined &&
    value.kind === 'path'
  ) {
    const [has, otherwise] = [existence(value), written(args[0])];
    if (has === undefined || otherwise === undefined) return undefined;
    return { text: `${has.text} ? ${inner.text} : ${within(otherwise, CHOICE)}`, strength: CHOICE };
  }
  const form = FILTERS.get(name);
  if (form === undefined || args.length > 0) return undefined;
  return form === 'x' ? inner : word(form.replace('x', inner.text));
}

function negated(value: Written | undefined): Written | undefined {
  if (value === undefined) return undefined;
  return value.text.startsWith('!') && value.strength === UNARY
    ? word(value.text.slice(1))
    : { text: `!${within(value, UNARY)}`, strength: UNARY };
}

function all(nodes: readonly Jinja[]): readonly Written[] | undefined {
  const texts = nodes.map(written);
  return texts.every((one) => one !== undefined) ? texts : undefined;
}

function within({ text, strength }: Written, least: number): string {
  return strength < least ? `(${text})` : text;
}

function word(text: string): Written {
  return { text, strength: WORD };
}
