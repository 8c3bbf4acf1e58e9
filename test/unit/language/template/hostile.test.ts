import fc from 'fast-check';
import { expect, it } from 'vitest';
import { PitrError } from '../../../../lib/base/errors/pitr-error.ts';
import { Unknown } from '../../../../lib/base/values/unknown.ts';
import { parseTemplate, renderFile, renderValue } from '../../../../lib/language/template/template.ts';

const hostile = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc
    .array(
      fc.constantFrom(
        '{{',
        '}}',
        '{{x}}',
        '{{{x}}}',
        '\\',
        '"',
        "'",
        '$(id)',
        '`id`',
        '\n',
        '{%',
        '#if',
        '/',
        ' ',
        '$x',
        '<b>',
        '&',
        '%s',
        '\u202e',
        'é',
        '😀',
      ),
    )
    .map((parts) => parts.join('')),
);

it('values arrive as they are, whatever they hold', () => {
  fc.assert(
    fc.property(hostile, (x) => {
      expect(parseTemplate('{{x}}').render({ x })).toBe(x);
      expect(parseTemplate('[{{x}}|{{{x}}}]').render({ x })).toBe(`[${x}|${x}]`);
      expect(parseTemplate('{{#each l}}<{{this}}>{{/each}}').render({ l: [x] })).toBe(`<${x}>`);
      expect(JSON.parse(String(parseTemplate('{{json o}}').render({ o: { x } })))).toEqual({ x });
      expect(renderFile('a={{x}}\n', 'f', { x })).toBe(`a=${x}\n`);
    }),
    { numRuns: 400 },
  );
});

it('keys arrive as they are, whatever they are called', () => {
  fc.assert(
    fc.property(
      fc.oneof(hostile, fc.constantFrom('__proto__', 'constructor', 'toString', 'length')),
      (key) => {
        const o = Object.fromEntries([[key, 'v']]);
        expect(parseTemplate('{{lookup o k}}').render({ o, k: key })).toBe('v');
        expect(parseTemplate('{{#each o}}{{@key}}{{/each}}').render({ o })).toBe(key);
        expect(Object.keys(renderValue({ o }, {}) as { o: object })).toEqual(['o']);
      },
    ),
    { numRuns: 300 },
  );
});

it('random text is rendered or refused with an error of ours, never another', () => {
  const words = [
    '{{',
    '}}',
    '{{{',
    '}}}',
    '{{#',
    '{{/',
    '{{^',
    '{{else}}',
    '{{~',
    '~}}',
    'if',
    'each',
    'with',
    'x',
    'x.y',
    '../x',
    '@index',
    '@root',
    'this',
    '.',
    '(',
    ')',
    'eq',
    'default',
    'lookup',
    'join',
    '"a"',
    '1',
    '=',
    '|',
    'as |a b|',
    '[',
    ']',
    ' ',
    '\n',
    '\\',
    '{{!',
    '--',
    '>',
    '*',
    '&',
    '{{{{raw}}}}',
    '{{{{/raw}}}}',
    'constructor',
    '__proto__',
    'u',
    'l',
    '{%',
  ];
  const context = { x: { y: 1 }, l: ['a', null], u: new Unknown('not run') };
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...words), { maxLength: 14 }), (parts) => {
      for (const glue of ['', ' ']) {
        try {
          const template = parseTemplate(parts.join(glue), { file: 'f', line: 1, column: 1 });
          for (const { name } of template.variables) expect(typeof name).toBe('string');
          template.render(context);
        } catch (error) {
          expect(error).toBeInstanceOf(PitrError);
        }
      }
    }),
    { numRuns: 1000 },
  );
});

it('every variable that is read and is not there was announced', () => {
  const pieces = [
    '{{a}}',
    '{{b.c}}',
    '{{default a "x"}}',
    '{{#if a}}{{a}}{{else}}{{b.c}}{{/if}}',
    '{{#each l}}{{this}}{{../d}}{{/each}}',
    '{{#unless e}}{{d}}{{/unless}}',
    '{{concat a d}}',
    '{{#with b}}{{c}}{{@root.d}}{{/with}}',
    '{{#each l as |i|}}{{i}}{{../d}}{{/each}}',
    '{{ternary e d "z"}}',
  ];
  const all: Readonly<Record<string, unknown>> = { a: 'A', b: { c: 'C' }, d: 'D', e: true, l: ['1'] };
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom(...pieces), { minLength: 1, maxLength: 5 }),
      fc.subarray(Object.keys(all)),
      (parts, given) => {
        const template = parseTemplate(parts.join(' '));
        const needed = new Set(template.variables.filter((ref) => !ref.optional).map((ref) => ref.name));
        const context = Object.fromEntries(given.map((name) => [name, all[name]]));
        if ([...needed].every((name) => given.includes(name))) {
          expect(() => template.render(context)).not.toThrow();
        }
      },
    ),
    { numRuns: 500 },
  );
});
