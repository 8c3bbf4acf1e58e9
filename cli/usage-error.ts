import { PitrError } from '../lib/base/errors/pitr-error.ts';

interface UsageFacts {
  readonly details?: readonly string[] | undefined;
  readonly next?: readonly string[] | undefined;
}

/** The command line makes no sense: kind `usage`, exit code 64. */
export function usageError(code: string, message: string, facts: UsageFacts = {}): PitrError {
  return new PitrError({ kind: 'usage', code, message, details: facts.details, next: facts.next });
}
