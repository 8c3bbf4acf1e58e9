/** What waits for users' modules, each with what ends it. */
const WAITING = new Set<() => void>();

/** The answer; or a rejection with the fault, once nothing is left at work that could still bring it (`failStuck`). */
export async function unlessStuck(answer: PromiseLike<unknown>, fault: () => unknown): Promise<unknown> {
  let stuck = (): void => {};
  const never = new Promise<never>((_, reject) => {
    stuck = () => reject(fault());
  });
  WAITING.add(stuck);
  try {
    return await Promise.race([answer, never]);
  } finally {
    WAITING.delete(stuck);
  }
}

/** Fails all that is waited for now, when the process has run out of work. Gives whether there was any. */
export function failStuck(): boolean {
  const all = [...WAITING];
  for (const stuck of all) stuck();
  return all.length > 0;
}
