import { writeFile } from 'node:fs/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PitrError } from '../../../../lib/base/errors/pitr-error.ts';
import { findProblems } from '../../../../lib/language/playbook/check.ts';
import {
  BLOCK,
  HANDLER,
  IMPORT_PLAYBOOK,
  INCLUDE,
  PLAY,
  TASK,
} from '../../../../lib/language/playbook/keywords.ts';
import type { Known } from '../../../../lib/language/playbook/known.ts';
import { loadPlaybook } from '../../../../lib/language/playbook/load.ts';
import { folder } from './support/folder.ts';

const KNOWN: Known = {
  hostVars: new Map([['db1', new Set(['pgdata'])]]),
  extraVars: {},
  groups: new Map(),
  hosts: ['db1'],
};

const KEYS = [
  ...new Set([PLAY, TASK, HANDLER, BLOCK, INCLUDE, IMPORT_PLAYBOOK].flatMap((level) => Object.keys(level))),
  ...[
    'copy',
    'fs.copy',
    'command',
    'core.assert',
    'set_fact',
    'debug',
    'meta',
    'src',
    'dest',
    'that',
    'var',
    'msg',
  ],
  ...['', '__proto__', 'constructor', 'toString', '{{ x }}', 'a b', '<<'],
];
const TEXTS = [
  'all',
  'db1',
  '{{ pgdata }}',
  '{{ nope',
  'a == 1',
  'a &&',
  'yes',
  '30%',
  'site.yml',
  '../x',
  '\n',
  '{% if %}',
  '{{ default x omit }}',
];

/** Values as YAML gives them, made of what playbooks are made of, so that the reader gets far before it refuses. */
const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom<unknown>(...TEXTS, 0, 1, -1, 1.5, true, false, null),
    fc.string(),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom(...KEYS), tie('value'), { maxKeys: 5 }),
  ),
}));

const play = fc.record(
  {
    hosts: fc.oneof(fc.constant('all'), value),
    tasks: fc.array(fc.dictionary(fc.constantFrom(...KEYS), value, { maxKeys: 4 }), { maxLength: 4 }),
    handlers: value,
    vars: value,
    module_defaults: value,
  },
  { requiredKeys: ['hosts', 'tasks'] },
);

describe('whatever stands in a file', () => {
  const gives = async (file: string, text: string): Promise<void> => {
    await writeFile(file, text);
    try {
      const playbook = await loadPlaybook(file);
      const problems = await findProblems(playbook, KNOWN);
      expect(problems.every((problem) => problem.message !== '')).toBe(true);
    } catch (error) {
      if (!(error instanceof PitrError) || error.kind !== 'validation') throw error;
      expect(error.message).not.toBe('');
    }
  };

  it('is a playbook, or refused as a validation error', async () => {
    await using dir = await folder({});
    const file = dir.file('site.yml');
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.array(play, { maxLength: 2 }), value), (data) =>
        gives(file, JSON.stringify(data)),
      ),
      { numRuns: 600 },
    );
  });

  it('also when it is no YAML at all', async () => {
    await using dir = await folder({});
    const file = dir.file('site.yml');
    const text = fc
      .array(
        fc.constantFrom(
          '- ',
          'hosts',
          ':',
          ' all',
          '\n',
          '  ',
          'tasks',
          '{',
          '}',
          '[',
          '&a',
          '*a',
          '!',
          '|',
          '"',
          '\t',
          '{{ x }}',
          '#',
          '---',
          '<<',
        ),
      )
      .map((parts) => parts.join(''));
    await fc.assert(
      fc.asyncProperty(fc.oneof(text, fc.string()), (data) => gives(file, data)),
      { numRuns: 300 },
    );
  });
});
