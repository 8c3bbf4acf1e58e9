import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { paramsOf } from '../../../lib/modules/params.ts';

const only = (schema: z.ZodType) => paramsOf(z.strictObject({ it: schema }))?.params[0];

describe('params as their schema tells them', () => {
  it.each<[string, boolean, z.ZodType]>([
    ['string', true, z.string()],
    ['string', false, z.string().optional()],
    ['number', true, z.number()],
    ['whole number', false, z.int().min(1).default(3)],
    ['boolean', false, z.boolean().default(false).describe('after the default')],
    ['one of: present, absent', true, z.enum(['present', 'absent'])],
    ['"latest"', true, z.literal('latest')],
    ['string or list of string', true, z.union([z.string(), z.array(z.string())])],
    ['string or null', true, z.string().nullable()],
    ['mapping', false, z.record(z.string(), z.unknown()).optional()],
    ['string', true, z.string().transform(Number)],
    ['number', true, z.preprocess((value) => value, z.number())],
    ['any value', false, z.unknown().optional()],
    ['string', true, z.lazy(() => z.string())],
    ['condition or list of conditions', true, z.string().meta({ conditions: true })],
  ])('case %#: %s, required: %s', (type, required, schema) => {
    expect(only(schema)).toMatchObject({ type, required });
  });

  it('notes on the inner schema survive what is wrapped around it', () => {
    const port = z.int().meta({ variable: 'pg_port', description: 'of PostgreSQL' }).default(5432);
    expect(only(port)).toEqual({
      name: 'it',
      type: 'whole number',
      required: false,
      default: 5432,
      description: 'of PostgreSQL',
      variable: 'pg_port',
    });
  });

  it('several forms of a module have the params of all, required where all require them', () => {
    const forms = z.discriminatedUnion('state', [
      z.strictObject({ state: z.literal('present'), path: z.string(), mode: z.string().optional() }),
      z.strictObject({ state: z.literal('absent'), path: z.string(), force: z.boolean() }),
    ]);
    const params = paramsOf(forms)?.params.map(({ name, required, type }) => [name, required, type]);
    expect(params).toEqual([
      ['state', true, '"present" or "absent"'],
      ['path', true, 'string'],
      ['mode', false, 'string'],
      ['force', false, 'boolean'],
    ]);
  });

  it('names of the author are open, and what is no object has no params', () => {
    expect(paramsOf(z.record(z.string(), z.unknown()))).toEqual({ params: [], open: true });
    expect(paramsOf(z.strictObject({}).refine(() => true))).toEqual({ params: [], open: false });
    expect(paramsOf(z.string())).toBeUndefined();
  });
});
