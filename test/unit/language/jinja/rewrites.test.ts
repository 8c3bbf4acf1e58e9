import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PitrError } from '../../../../lib/base/errors/pitr-error.ts';
import { parseCondition } from '../../../../lib/language/expression/condition.ts';
import { parseTemplate } from '../../../../lib/language/template/template.ts';

const NAMES = ['a', 'host', 'users', 'result', 'hostvars', 'x_1'];
const LITERALS = ['1', '42', "'text'", '"a, b"', "'x and y | z'", 'true', 'False', 'none', "'it is'", '2.5'];
const FILTERS = [
  'length',
  'count',
  'lower',
  'default(1)',
  "default('a, b')",
  "d('', true)",
  'bool',
  'int',
  'to_json',
  'regex_search("x")',
  'first',
  'join(",")',
  'quote',
];
const OPERATORS = ['and', 'or', '==', '!=', '<', '>=', 'in', 'not in', '+', '-', '~', '=', '/', '%'];
const TESTS = [
  'is defined',
  'is not defined',
  'is none',
  'is changed',
  'is not failed',
  'is match("a")',
  'is undefined',
];

/** Expressions as people write them in Jinja, and what comes near. */
const jinja = fc.letrec<{ expression: string }>((tie) => ({
  expression: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom(...NAMES, ...LITERALS),
    fc
      .tuple(
        fc.constantFrom(...NAMES),
        fc.constantFrom(
          '.role',
          "['key']",
          '["a-b"]',
          '[0]',
          '.1',
          '[x_1]',
          '[host].role',
          '.upper()',
          "['a'][host]",
        ),
      )
      .map((parts) => parts.join('')),
    fc.tuple(tie('expression'), fc.constantFrom(...FILTERS)).map(([value, filter]) => `${value} | ${filter}`),
    fc
      .tuple(tie('expression'), fc.constantFrom(...OPERATORS), tie('expression'))
      .map((parts) => parts.join(' ')),
    fc.tuple(tie('expression'), fc.constantFrom(...TESTS)).map((parts) => parts.join(' ')),
    tie('expression').map((value) => `not ${value}`),
    tie('expression').map((value) => `(${value})`),
    fc.array(tie('expression'), { maxLength: 3 }).map((items) => `[${items.join(', ')}]`),
    fc
      .tuple(tie('expression'), tie('expression'), tie('expression'))
      .map(([a, b, c]) => `${a} if ${b} else ${c}`),
  ),
})).expression;

function hintsOf(parse: () => unknown): readonly string[] {
  try {
    parse();
    return [];
  } catch (error) {
    if (error instanceof PitrError) return error.next;
    throw error;
  }
}

/** Words and texts of an expression, without what is said in other words in another language. */
function partsOf(text: string): readonly string[] {
  const strings = [...text.matchAll(/"([^"]*)"|'([^']*)'/g)].map(([, a, b]) => a ?? b ?? '');
  const rest = text.replace(/"[^"]*"|'[^']*'/g, ' ');
  const words = [...rest.matchAll(/[A-Za-z_]\w*|\d+(?:\.\d+)?/g)].map(([word]) => word);
  return [
    ...strings.filter((one) => one !== ''),
    ...words.filter((word) => NAMES.includes(word) || /^\d/.test(word) || word === 'role'),
  ];
}

/** So that the property is about something. Of 3000 expressions about 330 get one as a condition, give or take 25. */
const ENOUGH = 100;

describe('what is offered instead of Jinja', () => {
  it('as a condition is one, and has lost nothing', () => {
    let offered = 0;
    fc.assert(
      fc.property(jinja, (text) => {
        for (const hint of hintsOf(() => parseCondition(text))) {
          const rewritten = /^Write: (.*)$/s.exec(hint)?.[1];
          if (rewritten === undefined) continue;
          offered++;
          expect(() => parseCondition(rewritten), `${text} => ${rewritten}`).not.toThrow();
          for (const part of partsOf(text)) expect(rewritten, text).toContain(part);
        }
      }),
      { numRuns: 3000 },
    );
    expect(offered).toBeGreaterThan(ENOUGH);
  });

  it('as a template is one, and has lost nothing', () => {
    let offered = 0;
    fc.assert(
      fc.property(jinja, (text) => {
        for (const hint of hintsOf(() => parseTemplate(`{{ ${text} }}`))) {
          const rewritten = /[Ww]rite (\{\{.*\}\})\.$/s.exec(hint)?.[1];
          if (rewritten === undefined) continue;
          offered++;
          expect(() => parseTemplate(rewritten), `${text} => ${rewritten}`).not.toThrow();
          for (const part of partsOf(text)) expect(rewritten, text).toContain(part);
        }
      }),
      { numRuns: 3000 },
    );
    expect(offered).toBeGreaterThan(ENOUGH);
  });

  it.each([["hostvars[x].role == 'db' and not y", 'Write: has(x)']])(
    'does not come up with something else for %s',
    (text, never) => {
      expect(hintsOf(() => parseCondition(text))).not.toContain(never);
    },
  );

  it.each<[string, string]>([
    ['x not in ["a", "b"]', '!(x in ["a", "b"])'],
    ['result is changed or result is failed', 'result.changed || result.failed'],
    ["(groups['db'] | length) > 1", 'size(groups.db) > 1'],
    ["mode | default('off') == 'on'", "(has(mode) ? mode : 'off') == 'on'"],
    ["hostvars[host].role == 'db' and ready", "hostvars[host].role == 'db' && ready"],
    ['hostvars[host].role is defined and x_1', '"role" in hostvars[host] && x_1'],
    ["hostvars['db-1'].role is not defined", '!("role" in hostvars[\'db-1\'])'],
    ["hostvars['db-1'] is defined", "'db-1' in hostvars"],
    [
      "hostvars[host].role | default('') == 'db'",
      `("role" in hostvars[host] ? hostvars[host].role : '') == 'db'`,
    ],
    ['a if b else c', 'b ? a : c'],
  ])('condition: %s', (text, condition) => {
    expect(hintsOf(() => parseCondition(text))).toEqual([`Write: ${condition}`]);
  });

  it.each(['hosts | unique | list', "x | default('a', other)"])(
    'template: nothing is offered for %s',
    (text) => {
      expect(hintsOf(() => parseTemplate(`{{ ${text} }}`)).join()).not.toMatch(/write \{\{/i);
    },
  );

  it.each<[string, string]>([
    ["name | default('a, b')", "{{default name 'a, b'}}"],
    ['hostvars[host].role', '{{lookup hostvars host "role"}}'],
    ["groups['db'][0] | upper", '{{upper groups.db.[0]}}'],
    ["x == 'y' and not z", "{{and (eq x 'y') (not z)}}"],
    ["x | default('none', true)", "{{or (default x '') 'none'}}"],
    ['hosts | join', "{{join hosts ''}}"],
  ])('template: %s', (text, template) => {
    expect(hintsOf(() => parseTemplate(`{{ ${text} }}`)).join()).toContain(template);
  });
});
