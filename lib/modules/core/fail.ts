import { z } from 'zod';
import { PitrError } from '../../base/errors/pitr-error.ts';
import { defineControl } from '../../contract/module.ts';
import { failureLines, failureText, linesOf } from '../../system/core/shown-text.ts';

const params = z.strictObject({
  msg: failureText.default('the playbook says so').describe('the reason, in one sentence'),
  code: z
    .string()
    .regex(/^[a-z][a-z0-9-]*$/, 'expected a code such as target-unknown')
    .default('failed-by-playbook')
    .describe('stable name of this failure, for scripts'),
  details: failureLines.optional().describe('more lines: what exists instead, what is allowed'),
  next: failureLines.optional().describe('what to do next: commands to type'),
  refuse: z
    .boolean()
    .default(false)
    .describe('true: a safety check that says no (exit code 5), not a failed task'),
});

export const module = defineControl({
  summary: 'Fails with the message given.',
  examples: `- core.fail:
    msg: "{{ target }} is not in the inventory"
    code: target-unknown
    refuse: true
  when: "!(target in groups.patroni)"`,
  params,
  freeForm: 'msg',
  sets: () => [],
  run: async ({ msg, code, details, next, refuse }) => {
    throw new PitrError({
      kind: refuse ? 'refused' : 'failed',
      code,
      message: msg,
      details: linesOf(details),
      next: linesOf(next),
    });
  },
});
