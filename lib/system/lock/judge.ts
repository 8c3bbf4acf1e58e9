import { type Claim, concerns } from './claim.ts';
import { breaksAnother, type Found, locked, unfinished } from './errors.ts';
import type { LockState } from './lock-resource.ts';

/** Who wants a lock, and what it may take over. */
export interface Wanting {
  readonly run: string;
  /** Runs whose leftovers it is about. */
  readonly allow: readonly string[];
  /** The run whose claim is to be broken. */
  readonly breaks: string | undefined;
}

/** Throws kind `refused` where the claim that lies beside a lock is not to be taken over. */
export function mayTakeOver(
  { run, allow, breaks }: Wanting,
  claim: Claim | undefined,
  found: Omit<Found, 'claim'>,
): void {
  if (claim === undefined || claim.run === run || claim.run === breaks) return;
  if (allow.some((one) => concerns(claim, one))) return;
  if (breaks !== undefined) throw breaksAnother({ ...found, claim }, breaks);
  throw unfinished({ ...found, claim });
}

/**
 * Throws kind `refused` where a lock cannot be had: somebody is at work, or a run has left something. A lock that is
 * held under a claim that could be taken over may be that of a dead run, and frees itself: only taking it tells.
 */
export function mayTake(wanting: Wanting, state: LockState, name: string, host: string): void {
  const found = { ...state, name, host };
  if (state.ours) return;
  if (!state.held) {
    mayTakeOver(wanting, state.claim, found);
    return;
  }
  if (state.claim === undefined) throw locked(found);
  try {
    mayTakeOver({ ...wanting, breaks: undefined }, state.claim, found);
  } catch {
    // A live lock is somebody's work, whatever its claim allows or a person wants to break.
    throw locked(found);
  }
}
