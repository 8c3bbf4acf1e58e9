import { PitrError, type SourcePosition } from '../../base/errors/pitr-error.ts';

/** A run that goes on does not have what its journal masks. `state`: what is true of the task that needs it. */
export function secretOfResult(
  { runId }: { readonly runId: string },
  at: SourcePosition,
  state: string,
): PitrError {
  return new PitrError({
    kind: 'refused',
    code: 'secret-of-a-result',
    message: 'the task needs a secret that an earlier change has given, and the journal holds no secrets',
    at,
    state,
    next: [
      `Take the run back and begin it anew: pitr undo ${runId}`,
      'Or let a task that only looks register the secret: a resumed run looks again.',
    ],
  });
}
