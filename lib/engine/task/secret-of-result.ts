import { PitrError, type SourcePosition } from '../../base/errors/pitr-error.ts';

/** A run that goes on does not have what its journal masks. */
export function secretOfResult({ runId }: { readonly runId: string }, at: SourcePosition): PitrError {
  return new PitrError({
    kind: 'refused',
    code: 'secret-of-a-result',
    message: 'the task needs a secret that an earlier change has given, and the journal holds no secrets',
    at,
    state: 'the task has done nothing on this host',
    next: [
      `Take the run back and begin it anew: pitr undo ${runId}`,
      'Or let a task that only looks register the secret: a resumed run looks again.',
    ],
  });
}
