import { z } from 'zod';
import { PitrError } from '../../base/errors/pitr-error.ts';
import { Unknown } from '../../base/values/unknown.ts';
import { defineControl } from '../../contract/module.ts';
import { failureLines, linesOf, shownLines, shownText } from '../../system/core/shown-text.ts';

const params = z.strictObject({
  text: shownText.describe('the question, to be answered with yes or no'),
  details: shownLines.default([]).describe('what a person must know before they answer'),
  next: failureLines.optional().describe('where the answer is no: what to do next, commands to type'),
});

export const module = defineControl({
  summary: 'Asks the operator, and stops the run unless the answer is yes.',
  description: 'Answered by --yes; refused where there is nobody to ask. Not asked in check mode.',
  examples: `- core.confirm:
    text: Make {{ target }} the new leader?
    details:
      - Writes after {{ target_time }} are lost on all members.
      - This step cannot be undone.`,
  params,
  freeForm: 'text',
  sets: () => [],
  returns: { confirmed: 'true' },
  run: async ({ text, details, next }, context) => {
    if (context.check) return { confirmed: new Unknown(`the answer to "${text}"`) };
    const unanswered = 'nothing of what was asked about has been done';
    if (await context.ask({ text, details: linesOf(details), unanswered })) return { confirmed: true };
    throw new PitrError({
      kind: 'interrupted',
      code: 'declined',
      message: `answered no: ${text}`,
      state: unanswered,
      // what the playbook says; else `pitr runs` shows how the run stands, and the commands that go on and back
      next: linesOf(next),
    });
  },
});
