import { expect, it } from 'vitest';
import { PitrError } from '../../../../lib/base/errors/pitr-error.ts';
import { parseTemplate } from '../../../../lib/language/template/template.ts';

const at = { file: 'play.yml', line: 3, column: 5 };

function failure(text: string): PitrError {
  try {
    parseTemplate(text, at);
  } catch (error) {
    if (error instanceof PitrError) return error;
    throw error;
  }
  throw new Error(`parsed: ${text}`);
}

it.each([
  ["{{ a | default('x') }}", "There are no filters with |: write {{default a 'x'}}."],
  ['{{ a.b | upper }}', 'There are no filters with |: write {{upper a.b}}.'],
  ['{{ a | to_json }}', 'There are no filters with |: write {{json a}}.'],
  ["{{ a.b['c'] }}", 'Write {{a.b.c}}.'],
  ['{{ hostvars[target] }}', 'Write {{lookup hostvars target}}.'],
  ['{{ l[0] }}', 'Write {{l.[0]}}.'],
  ['{{ l.0 }}', 'Write {{l.[0]}}.'],
  ['{{ x + 1 }}', 'There are no operators in templates; helpers stand first.'],
  ['{{ x - 1 }}', 'There are no operators in templates; helpers stand first.'],
  ["{{ x == 'y' }}", "There are no operators in templates: write {{eq x 'y'}}."],
  ['{{ a and b }}', 'There are no operators in templates: write {{and a b}}.'],
  ['{{ x in l }}', 'Write {{contains l x}}.'],
  ['{{ a if b else c }}', 'Write {{ternary b a c}}.'],
  [
    '{{ x is defined }}',
    'Tests belong into conditions (when: has(name)); in templates {{#if name}}...{{/if}} or {{default name "text"}}.',
  ],
  ['{% if x %}a{% endif %}', 'Write {{#if x}}...{{else}}...{{/if}} or {{#each list}}...{{/each}}.'],
  ['{%+ with x %}a', 'Write {{#if x}}...{{else}}...{{/if}} or {{#each list}}...{{/each}}.'],
  ['a {# a\ncomment #} {{ x }}', 'Write {{!-- ... --}}: that is not printed.'],
  ['{# a comment #}', 'Write {{!-- ... --}}: that is not printed.'],
  [
    "docker inspect -f '{{.State}}'",
    'Braces that are meant as text are written \\{{ (for docker or go templates).',
  ],
  ['{{#when x}}{{/when}}', 'Write {{#if (when ...)}}.'],
  ['{{#hosts}}{{/hosts}}', 'Write {{#if hosts}} or {{#each hosts}}.'],
  ['{{#each x in l}}{{/each}}', 'Write {{#each l as |x|}}.'],
  ['{{#if a b}}{{/if}}', 'Combine tests with helpers: {{#if (and a b)}}, {{#if (eq a b)}}.'],
  ['{{join}}{{join a b c d}}', 'Usage: (join list separator)'],
  ['{{json (join)}}', 'Usage: (join list separator)'],
])('%s', (text, hint) => {
  const error = failure(text);
  expect(error).toMatchObject({ kind: 'validation', code: 'template-syntax' });
  expect(error.next).toEqual([hint]);
});

it.each([
  ['{{x', '{{ is never closed', 5],
  ['ab {{#if x}}', 'a block that is opened with {{# is never closed', 17],
  ['{{/if}}', 'a block is closed that was not opened', 5],
  ['{{#if x}}{{/each}}', "if doesn't match each", 8],
  ['{{> part}}', 'partials {{> }} are not supported', 5],
  ['{{defualt x 1}}', 'unknown helper "defualt" (did you mean "default"?)', 5],
  ['a {{ b c }}', 'unknown helper "b"', 7],
])('says what is wrong with %s, and where', (text, message, column) => {
  const error = failure(text);
  expect(error.message).toContain(message);
  expect(error.at?.column).toBe(column);
});
