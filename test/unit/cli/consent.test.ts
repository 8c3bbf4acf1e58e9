import { expect, it } from 'vitest';
import { consent } from '../../../cli/consent.ts';
import type { Answer } from '../../../cli/questions.ts';

const ask = (answer: Answer) =>
  consent(async () => answer, { text: 'Go on?', unanswered: 'nothing' }, REFUSALS);
const REFUSALS = {
  nobody: { kind: 'refused', code: 'no-terminal', message: 'there is nobody to ask' },
  declined: { kind: 'interrupted', code: 'said-no', message: 'you said no' },
} as const;

it('goes on with a yes alone, and tells a no from nobody to ask', async () => {
  await expect(ask({ answer: true, by: 'operator' })).resolves.toBeUndefined();
  await expect(ask({ answer: true, by: '--yes' })).resolves.toBeUndefined();
  await expect(ask({ answer: false, by: 'operator' })).rejects.toMatchObject({ code: 'said-no' });
  await expect(ask({ answer: false, by: 'nobody' })).rejects.toMatchObject({ code: 'no-terminal' });
});
