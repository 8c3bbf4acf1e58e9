import { PitrError, type PitrErrorFacts } from '../lib/base/errors/pitr-error.ts';
import type { Question } from '../lib/contract/module.ts';
import type { Ask } from './questions.ts';

/** What is thrown where the answer is not yes. */
interface Refusals {
  /** There is no terminal. */
  readonly nobody: PitrErrorFacts & { readonly kind: 'refused' };
  readonly declined: PitrErrorFacts & { readonly kind: 'interrupted' };
}

/** Asks, and comes back only on yes. Throws kind `refused` where there is nobody to ask, `interrupted` on no. */
export async function consent(ask: Ask, question: Question, { nobody, declined }: Refusals): Promise<void> {
  const { answer, by } = await ask(question);
  if (!answer) throw new PitrError(by === 'nobody' ? nobody : declined);
}
