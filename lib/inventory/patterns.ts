import type { SourcePosition } from '../errors/pitr-error.ts';
import type { Inventory } from './model.ts';

/** The names of the hosts of a pattern, in inventory order. Throws kind `validation` for a name that matches nothing. */
export function matchHosts(
  _inventory: Inventory,
  _pattern: string,
  _limit?: string,
  _at?: SourcePosition,
): readonly string[] {
  throw new Error('being written');
}
