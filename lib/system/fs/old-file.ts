import type { Effect } from '../../contract/effects.ts';
import { pathResource } from './path-resource.ts';

/** A file has become something else, and what it was lies beside it until `pitr commit`. */
export function leavesOldFile(path: string, state: string, keptAt: string): Effect {
  const leaves = { path: keptAt, as: 'old file' } as const;
  return { kind: pathResource.kind, id: path, state, lasts: 'for good', leaves };
}
