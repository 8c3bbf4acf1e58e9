import { expect, it } from 'vitest';
import { celEnvironment, EXPRESSION_FUNCTIONS } from '../../../../lib/language/expression/cel.ts';
import { EXISTENCE } from '../../../../lib/language/expression/context.ts';
import { evaluateExpression } from '../../../../lib/language/expression/evaluate.ts';
import { RESERVED_NAMES } from '../../../../lib/language/expression/reserved.ts';

it('every reserved name is one because a variable of that name would mean something else', () => {
  const ours = new Set([EXISTENCE, 'this', 'undefined', 'dyn', 'optional_type']);
  for (const name of RESERVED_NAMES) {
    if (ours.has(name)) continue;
    let same: unknown;
    try {
      same = celEnvironment().evaluate(`${name} == "mine"`, { [name]: 'mine' });
    } catch {
      same = 'refused by the language';
    }
    expect([name, same]).not.toEqual([name, true]);
  }
});

it('no name that the language knows as a type or constant is missing', () => {
  const { variables } = celEnvironment().getDefinitions();
  for (const { name } of variables) expect([...RESERVED_NAMES]).toContain(name);
});

it.each(
  EXPRESSION_FUNCTIONS.flatMap(({ usage }) =>
    usage.split('), ').map((one) => [one.endsWith(')') ? one : `${one})`]),
  ),
)('the documented function exists: %s', (usage) => {
  expect(evaluateExpression(usage, { name: 1, a: { b: 1 }, text: 'x' })).not.toBeUndefined();
});
