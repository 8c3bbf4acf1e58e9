import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { defineLook } from '../../../../lib/contract/module.ts';
import { validateParams } from '../../../../lib/language/playbook/params.ts';
import { loadYaml } from '../../../../lib/language/yaml/load.ts';
import { shown } from './support/folder.ts';

const moduleOf = (params: z.ZodType) =>
  defineLook<unknown, Record<string, unknown>>({
    summary: 's',
    examples: 'e',
    params,
    read: async () => ({}),
  });

function validated(params: z.ZodType, yaml: string): unknown {
  const written = loadYaml('play.yml', yaml);
  return validateParams(moduleOf(params), 'demo.light', written.value, written);
}

function refused(params: z.ZodType, yaml: string): string {
  try {
    validated(params, yaml);
  } catch (error) {
    return shown(error, '/');
  }
  throw new Error('nothing was refused');
}

describe('rendered params', () => {
  it('get their defaults', () => {
    expect(validated(z.strictObject({ a: z.string(), b: z.int().default(3) }), 'a: x')).toEqual({
      a: 'x',
      b: 3,
    });
  });

  it.each<[string, z.ZodType, unknown, unknown]>([
    ['a number where a text is wanted', z.string(), 20260123, '20260123'],
    ['a text of digits where a number is wanted', z.number(), '"5432"', 5432],
    ['a text with a fraction', z.number(), '"0.5"', 0.5],
    ['the word true where a truth is wanted', z.boolean(), '"true"', true],
    ['the word false where a truth is wanted', z.boolean().optional(), '"false"', false],
    ['a number among texts', z.array(z.string()), '[a, 1]', ['a', '1']],
    ['a number where a text or a list is wanted', z.union([z.string(), z.array(z.string())]), 5, '5'],
    ['a number where both are', z.union([z.string(), z.number()]), 5, 5],
    ['a text where a number or null is wanted', z.int().nullable(), '"7"', 7],
  ])('%s is taken as meant', (_, schema, written, meant) => {
    expect(validated(z.strictObject({ it: schema }), `it: ${String(written)}`)).toEqual({ it: meant });
  });

  it.each<[string, z.ZodType, string, string]>([
    [
      'digits that a number would lose',
      z.number(),
      'it: "000000010000000000000003"',
      '"it" must be a number',
    ],
    [
      'a number with a word behind it',
      z.number(),
      'it: 5 GB',
      '"it" must be a number, but is the text "5 GB"',
    ],
    ['yes', z.boolean(), 'it: yes', '"it" must be true or false, but is the text "yes"'],
    [
      'a truth where a text is wanted',
      z.string(),
      'it: true',
      '"it" must be a text, but is the boolean true',
    ],
    [
      'a fraction where a whole number is wanted',
      z.int(),
      'it: 1.5',
      '"it" must be a whole number, but is the number 1.5',
    ],
    ['nothing', z.string(), 'it:', '"it" must be a text, but is empty'],
    ['too few', z.array(z.string()).min(1), 'it: []', '"it" must have at least 1 item, but is a list'],
    ['too long', z.string().max(3), 'it: abcd', '"it" must have at most 3 characters'],
    ['another literal', z.literal('latest'), 'it: lastest', '"it" must be latest, but is the text "lastest"'],
    [
      'a form with words of its own',
      z.string().regex(/^\d+$/, 'is not an id'),
      'it: x',
      'demo.light: "it" is not an id (given: x)',
    ],
    [
      'a rule',
      z.string().refine(() => false, 'has no time zone'),
      'it: noon',
      'demo.light: "it" has no time zone (given: noon)',
    ],
    [
      'none of several types',
      z.union([z.string(), z.array(z.string())]),
      'it: { a: 1 }',
      '"it" must be a text or a list, but is a mapping',
    ],
    [
      'a wrong item of a list',
      z.union([z.string(), z.array(z.string())]),
      'it: [a, { b: 1 }]',
      '"it[1]" must be a text, but is a mapping',
    ],
  ])('refuses %s', (_, schema, yaml, message) => {
    expect(refused(z.strictObject({ it: schema }), yaml)).toContain(message);
  });

  it('of a module with several forms are judged by the form that is meant', () => {
    const forms = z.discriminatedUnion('state', [
      z.strictObject({ state: z.literal('present'), path: z.string() }),
      z.strictObject({ state: z.literal('absent') }),
    ]);
    expect(refused(forms, 'state: presnt')).toMatchInlineSnapshot(`
      "demo.light: "state" must be one of: present, absent, but is the text "presnt"
      at play.yml:1:8"
    `);
    expect(refused(forms, 'state: present\npth: x')).toMatchInlineSnapshot(`
      "2 problems in play.yml
      play.yml:1:1: demo.light needs "path"
      play.yml:2:1: demo.light has no param "pth" (did you mean "path"?)
        it has: state, path"
    `);
    expect(refused(forms, 'path: x')).toMatchInlineSnapshot(`
      "demo.light needs "state"
      at play.yml:1:1"
    `);
  });

  it('are all judged at once, each at its own place', () => {
    const schema = z.strictObject({
      dest: z.string().describe('where it goes'),
      mode: z.string().optional(),
      state: z.enum(['present', 'absent']),
    });
    expect(refused(schema, 'dset: /x\nmode: [1]\nstate: absnt')).toMatchInlineSnapshot(`
      "4 problems in play.yml
      play.yml:1:1: demo.light needs "dest"
        dest: where it goes
      play.yml:2:7: demo.light: "mode" must be a text, but is a list
      play.yml:3:8: demo.light: "state" must be one of: present, absent, but is the text "absnt"
        did you mean "absent"?
      play.yml:1:1: demo.light has no param "dset" (did you mean "dest"?)
        it has: dest, mode, state"
    `);
  });

  it('whose schema throws are refused with what it says', () => {
    const schema = z.strictObject({ at: z.string() }).transform(() => {
      throw new Error('no such moment');
    });
    expect(refused(schema, 'at: x')).toContain('no such moment');
  });
});
