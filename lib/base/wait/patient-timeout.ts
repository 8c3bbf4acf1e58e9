/** How many parts the time is counted in. */
const SLICES = 20;
/** Node.js takes a longer timer for none at all: it is over at once. */
const LONGEST_MS = 2 ** 31 - 1;

/**
 * Calls `late` once the time is over, in milliseconds, and gives what calls it off. The time is counted in slices, and
 * whatever has arrived meanwhile is handled between two of them: a controller that was too busy to look for a minute has
 * used up one slice and not the minute, and so never takes its own delay for a host's silence.
 */
export function patientTimeout(late: () => void, ms: number): () => void {
  const slice = Math.min(Math.max(1, ms / SLICES), LONGEST_MS);
  let left = slice < LONGEST_MS ? SLICES : Math.ceil(ms / slice);
  const next = (): void => {
    left -= 1;
    if (left > 0) timer = setTimeout(next, slice);
    else late();
  };
  let timer = setTimeout(next, slice);
  return () => clearTimeout(timer);
}
