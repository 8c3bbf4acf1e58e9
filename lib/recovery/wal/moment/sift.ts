import type { Link } from '../chain.ts';
import type { RecoveryTarget } from '../target.ts';
import type { RestorePoint } from './scan.ts';

/** A restore point or a transaction. */
export type Sought = Extract<RecoveryTarget, { readonly kind: 'xid' | 'name' }>;

/** What was seen where the segments lie, of some that follow each other. */
export interface Sifted {
  /** Places in the chain of those that may hold what is sought, in order: all others do not. */
  readonly may: readonly number[];
  /** Restore points that were seen on the way, whatever they are called; their records were not proved. */
  readonly restorePoints: readonly RestorePoint[];
}

/**
 * Looks where the segments lie which ones can hold what is sought, from the first on, some at a time: a search through all WAL
 * is bound by a disk then, and not by a connection. Nothing at all where that cannot be done there.
 */
export type Sift = (chain: readonly Link[], sought: Sought) => AsyncIterable<Sifted>;

/** Neighbours are read in one go. Pairs of the first and the last. */
export function runsOf(places: readonly number[]): readonly (readonly [number, number])[] {
  const runs: [number, number][] = [];
  for (const place of places) {
    const run = runs.at(-1);
    if (run !== undefined && place <= run[1] + 1) run[1] = place;
    else runs.push([place, place]);
  }
  return runs;
}
