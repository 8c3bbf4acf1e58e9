import type { RunMode } from '../lib/engine/events/events.ts';
import { usageError } from './usage-error.ts';

/** The mode that `--check` and `--dry-run` ask for. Throws kind `usage` when both are there. */
export function runModeOf(options: { readonly check: boolean; readonly 'dry-run': boolean }): RunMode {
  if (options.check && options['dry-run']) {
    throw usageError('modes-conflict', '--check and --dry-run exclude each other', {
      details: ['--check contacts the hosts and reads them; --dry-run contacts none'],
    });
  }
  return options.check ? 'check' : options['dry-run'] ? 'dry-run' : 'run';
}
