import { z } from 'zod';

/**
 * What lies beside a lock and says whose it is: written by whoever holds the lock, and by nobody else. It stays when
 * a run has begun changes and did not end well, and so says whose leftovers are there when nobody holds the lock.
 */
export interface Claim {
  /** The run whose leftovers may be there: it alone, or what is about it, may take the lock. */
  readonly run: string;
  /** Earlier runs whose leftovers this one took over: a rollback is about the recovery that it takes back. */
  readonly about: readonly string[];
  /** `root@backup1` */
  readonly owner: string;
  /** In the operator's words: `recover db2 to ...`. */
  readonly purpose: string;
  /** When the run took the lock, by its controller's clock; ISO, UTC. */
  readonly started: string;
  /** `working`: the run has not said how it ended; `waiting`: it ended well, and something is left to be decided. */
  readonly state: 'working' | 'waiting' | 'unfinished';
  /** How an unfinished run ended: `failed`, `interrupted`, `partly undone`. */
  readonly ended?: string | undefined;
  /** What leads on from a run that waits: lines for whoever finds it. */
  readonly ways: readonly string[];
}

const line = z.string().max(2000);

const schema = z.object({
  run: line.min(1),
  about: z.array(line).max(100).default([]),
  owner: line.default('nobody knows who'),
  purpose: line.default(''),
  started: line.default(''),
  state: z.enum(['working', 'waiting', 'unfinished']).default('working'),
  ended: line.optional(),
  ways: z.array(line).max(20).default([]),
});

/** The claim as the one line that is kept on the host. */
export function renderClaim(claim: Claim): string {
  return JSON.stringify(claim);
}

/** Reads what is kept on the host; nothing where the text is no claim. */
export function parseClaim(text: string): Claim | undefined {
  try {
    return schema.safeParse(JSON.parse(text)).data;
  } catch {
    // Not JSON: cut off, or not ours.
    return undefined;
  }
}

/** Whether the claim is about the run, as its own or as one whose leftovers it took over. */
export function concerns(claim: Claim, run: string): boolean {
  return claim.run === run || claim.about.includes(run);
}
