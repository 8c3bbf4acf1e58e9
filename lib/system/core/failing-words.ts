import type { z } from 'zod';
import { PitrError } from '../../base/errors/pitr-error.ts';
import { failureLines, failureText, linesOf } from './shown-text.ts';

/** Params for what the playbook alone knows where a task fails in the middle of it. */
export const failingParams = {
  stands: failureText.optional().describe('where it fails: how things stand then'),
  ways: failureLines.optional().describe('where it fails: what leads on, after what the failure itself says'),
};

interface FailingWords {
  readonly stands?: string | undefined;
  readonly ways?: z.output<typeof failureLines> | undefined;
}

/** Works, and lets a failure say these words too. */
export async function failingWith<T>({ stands, ways }: FailingWords, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    // Whoever has stopped it is told by the engine how things stand.
    if (!(error instanceof PitrError) || error.kind === 'interrupted') throw error;
    throw error.with({ state: stands, ways: linesOf(ways) });
  }
}
