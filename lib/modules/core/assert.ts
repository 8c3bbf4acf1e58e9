import { z } from 'zod';
import { PitrError } from '../../base/errors/pitr-error.ts';
import { Unknown } from '../../base/values/unknown.ts';
import { defineControl } from '../../contract/module.ts';
import { failureLines, linesOf, shownText } from '../../system/core/shown-text.ts';

/** A condition as it is written, or as the engine has evaluated it. */
const condition = z.union([
  z.string(),
  z.boolean(),
  z.strictObject({ source: z.string(), value: z.union([z.boolean(), z.custom<Unknown>(isUnknown)]) }),
]);

function isUnknown(value: unknown): boolean {
  return value instanceof Unknown;
}

const params = z.strictObject({
  that: z
    .union([condition, z.array(condition).min(1)])
    .meta({ conditions: true })
    .describe('conditions that must all be true'),
  fail_msg: failureLines.optional().describe('what to say when one is not'),
  success_msg: shownText.optional().describe('what to say when all are'),
  details: failureLines
    .optional()
    .describe('more lines for the failure: what exists instead, what is allowed'),
  next: failureLines.optional().describe('what to do next: commands to type'),
  refuse: z
    .union([z.boolean(), z.string().regex(/^[a-z][a-z0-9-]*$/, 'expected a code such as target-is-leader')])
    .default(false)
    .describe(
      'true, or the code of the refusal: a safety check that says no (exit code 5), not a failed task',
    ),
});

export const module = defineControl({
  summary: 'Fails, or refuses to go on, unless all conditions are true.',
  examples: `- core.assert:
    that:
      - target in groups.patroni
      - target != cluster.leader || allow_leader
    fail_msg: "{{ target }} cannot be recovered"
    refuse: target-not-allowed
    next: ["Choose one of: {{ groups.patroni }}"]`,
  params,
  freeForm: 'that',
  sets: () => [],
  returns: { msg: 'success_msg, when all are true', unknown: 'conditions that check mode could not decide' },
  run: async (p, { warn, dryRun }) => {
    const conditions = (Array.isArray(p.that) ? p.that : [p.that]).map(evaluated);
    const wrong = conditions.filter(({ value }) => value === false);
    if (wrong.length > 0) {
      const why = wrong.map(({ source }) => `not true: ${source}`);
      const [first = why[0] ?? 'a condition is not true', ...more] = linesOf(p.fail_msg);
      throw new PitrError({
        kind: p.refuse === false ? 'failed' : 'refused',
        // A condition of the playbook is not true. The message is the playbook's own.
        code: typeof p.refuse === 'string' ? p.refuse : 'assertion-failed',
        message: first,
        details: [...more, ...linesOf(p.details), ...(p.fail_msg === undefined ? why.slice(1) : why)],
        // What the task says with `next:`. Else make the condition true, and go on: pitr resume {run id}
        next: linesOf(p.next),
      });
    }
    const open = conditions.filter(({ value }) => value instanceof Unknown);
    if (!dryRun)
      for (const { source, value } of open) warn(`not checked before the run: ${source} ${String(value)}`);
    const said = open.length > 0 || p.success_msg === undefined ? {} : { msg: p.success_msg };
    return { ...said, unknown: open.map(({ source }) => source) };
  },
});

function evaluated(given: z.output<typeof condition>): {
  readonly source: string;
  readonly value: boolean | Unknown;
} {
  if (typeof given === 'object') return given;
  if (typeof given === 'boolean') return { source: String(given), value: given };
  throw new Error(`the condition "${given}" reached core.assert without having been evaluated`);
}
