import fc from 'fast-check';
import Handlebars from 'handlebars';
import { expect, it } from 'vitest';
import { renderFile } from '../../../../lib/language/template/template.ts';

// The language is Handlebars'; only its runtime is ours. What both accept must come out the same.
const theirs = (text: string, context: object): string =>
  Handlebars.create().compile(text, { noEscape: true, strict: true, preventIndent: true })(context);

const context = {
  a: 'A',
  n: 7,
  zero: 0,
  yes: true,
  no: false,
  empty: '',
  none: [],
  list: ['x', 'y'],
  rows: [
    { k: 'k1', inner: [1, 2] },
    { k: 'k2', inner: [] },
  ],
  map: { p: 'P', q: { r: 'R' } },
  'with-dash': 'd',
};

const pieces = [
  'text ',
  '\n',
  '  ',
  '{{a}}',
  '{{ n }}',
  '{{~a~}}',
  '{{map.q.r}}',
  '{{with-dash}}',
  '{{list.[1]}}',
  '{{./a}}',
  '{{this.a}}',
  '\\{{a}}',
  '{{! note }}',
  '{{!-- {{x}} --}}',
  '{{#if yes}}T{{else}}F{{/if}}',
  '{{#if zero}}T{{else if n}}N{{else}}F{{/if}}',
  '{{#if zero includeZero=true}}Z{{/if}}',
  '{{^if no}}not{{/if}}',
  '{{#unless empty}}U{{/unless}}',
  '{{#if none}}T{{else}}E{{/if}}',
  '{{#if map}}M{{/if}}',
  '\n{{#if yes}}\n line\n{{/if}}\n',
  '\n  {{#each list}}\n  - {{this}}\n  {{/each}}\n',
  '{{#each list}}{{@index}}{{this}}{{@first}}{{@last}}{{/each}}',
  '{{#each rows}}{{k}}[{{#each inner}}{{this}}{{../k}}{{../../a}}{{@../index}}{{else}}-{{/each}}]{{/each}}',
  '{{#each rows as |row i|}}{{i}}{{row.k}}{{#each row.inner as |v|}}{{v}}{{row.k}}{{/each}}{{/each}}',
  '{{#each map}}{{@key}};{{/each}}',
  '{{#each none}}x{{else}}none{{/each}}',
  '{{#with map.q}}{{r}}{{../a}}{{@root.n}}{{/with}}',
  '{{#with map as |m|}}{{m.p}}{{/with}}',
  '{{#with empty}}x{{else}}nothing{{/with}}',
  '{{#each list}}{{#if @first}}first{{else}}{{../a}}{{/if}}{{/each}}',
  '{{lookup map "p"}}',
  '{{lookup list 0}}',
];

it.each(pieces.map((piece) => [piece]))('renders as Handlebars does: %j', (piece) => {
  expect(renderFile(piece, 'piece', context)).toBe(theirs(piece, context));
});

it('renders whole files as Handlebars does, white space included', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...pieces), { maxLength: 8 }), (parts) => {
      // Handlebars adds numbers that stand side by side at the beginning; a text before them is all that it takes.
      const text = `.${parts.join('')}`;
      expect(renderFile(text, 'file', context)).toBe(theirs(text, context));
    }),
    { numRuns: 300 },
  );
});
