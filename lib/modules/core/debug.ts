import { z } from 'zod';
import { Unknown } from '../../base/values/unknown.ts';
import { defineControl, type Result } from '../../contract/module.ts';

/** An expression as it is written, or with the value that the engine has found for it. */
const expression = z.union([z.string(), z.object({ source: z.string(), value: z.unknown() })]);

const params = z
  .strictObject({
    msg: z.unknown().optional().describe('what to show; a list is shown line by line'),
    var: expression.meta({ expression: true }).optional().describe('an expression whose value to show'),
  })
  .refine((p) => p.msg === undefined || p.var === undefined, 'give msg or var, not both');

export const module = defineControl({
  summary: 'Shows a message, or the value of an expression.',
  examples: `- core.debug: "recovering {{ target }} to {{ target_time }}"
- core.debug: { var: cluster.members }`,
  params,
  freeForm: 'msg',
  sets: () => [],
  returns: { msg: 'what was shown', value: 'the value, with var' },
  run: async (p): Promise<Result> => {
    if (p.var !== undefined && typeof p.var === 'object') {
      const { source, value } = p.var;
      return { msg: `${source}: ${shown(value)}`, value };
    }
    if (Array.isArray(p.msg)) return { msg: p.msg.map(shown) };
    return { msg: p.msg === undefined ? 'Hello world!' : shown(p.msg) };
  },
});

function shown(value: unknown): string {
  if (typeof value === 'string') return value;
  if (value === undefined || value instanceof Unknown) return String(value);
  return JSON.stringify(value, undefined, 2);
}
