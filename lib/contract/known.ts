import { Unknown, UnknownReached } from '../base/values/unknown.ts';

/** The state where check mode knows it; throws `UnknownReached` (the task's outcome is unknown) where it does not. */
export function known<S>(state: S | Unknown): S {
  if (state instanceof Unknown) throw new UnknownReached(state);
  return state;
}
