import type { PitrError } from '../../base/errors/pitr-error.ts';
import type { WriteHost } from '../../contract/host.ts';
import { known } from '../../contract/known.ts';
import type { Holder, HolderEnding, WorkContext } from '../../contract/module.ts';
import { type Claim, renderClaim } from './claim.ts';
import { locked } from './errors.ts';
import { LiveLock } from './live-lock.ts';
import { claimOf, type LockPlace, lockId, lockResource } from './lock-resource.ts';

/** A lock to be taken, and what is to be told of it to others. */
export interface LockOrder extends LockPlace {
  readonly leaseSeconds: number;
  /** What the claim says from now on. */
  readonly claim: Claim;
  /** The claim stays when the run ends well, and says what leads on. */
  readonly keep: boolean;
}

/** How a run knows a lock that it holds. */
export function heldName(host: string, place: LockPlace): string {
  return `lock ${host} ${lockId(place)}`;
}

const SHORT_MS = 2_000;
/** How much longer than its lease a lock of a dead run may take to be free: its host may be busy. */
const SPARE_MS = 5_000;

/**
 * Takes the lock on the host and holds it for the rest of the run. `mayReplace` is asked with the claim that is found
 * beside it, and throws when it may not be taken over; nothing is changed then. A lock that a dead run of ours still
 * holds frees itself within its lease, and is waited for.
 */
export async function takeLock(
  host: WriteHost,
  order: LockOrder,
  context: WorkContext,
  mayReplace: (claim: Claim | undefined) => void,
): Promise<HeldLock> {
  const { leaseSeconds, name } = order;
  const taking = { ...order, signal: context.signal };
  let taken = await LiveLock.take(host, { ...taking, patienceMs: SHORT_MS });
  if (taken === 'busy') {
    await throwUnlessOurs(host, order, mayReplace);
    context.progress(
      `waiting until the lock "${name}" of a run that is gone frees itself (at most ${leaseSeconds} s)`,
    );
    taken = await LiveLock.take(host, { ...taking, patienceMs: leaseSeconds * 1000 + SPARE_MS });
    if (taken === 'busy') throw await busy(host, order);
  }
  const { lock, claimText } = taken;
  try {
    const replaced = claimOf(claimText, order, host.name);
    mayReplace(replaced);
    await lock.claim(renderClaim(order.claim));
    const held = new HeldLock(host.name, order, lock, replaced);
    context.hold(held);
    return held;
  } catch (error) {
    await lock.leave();
    throw error;
  }
}

/** A lock that is held, as one of ours: waiting for it is worth while. Throws when it is somebody else's. */
async function throwUnlessOurs(
  host: WriteHost,
  order: LockOrder,
  mayReplace: (claim: Claim | undefined) => void,
): Promise<void> {
  const state = known(await host.look(lockResource, lockId(order)));
  // It was freed in the meantime.
  if (!state.held) return;
  if (state.claim === undefined) throw await busy(host, order);
  try {
    mayReplace(state.claim);
  } catch {
    // Why it may not be taken over matters only when nobody holds it.
    throw await busy(host, order);
  }
}

async function busy(host: WriteHost, order: LockOrder): Promise<PitrError> {
  const state = known(await host.look(lockResource, lockId(order)));
  return locked({ ...state, name: order.name, host: host.name });
}

/** A lock with its claim, as a run keeps it. */
export class HeldLock implements Holder {
  readonly name: string;
  readonly lost: Promise<PitrError>;
  /** The claim that lay there before, and was taken over. */
  readonly replaced: Claim | undefined;
  readonly #order: LockOrder;
  readonly #lock: LiveLock;
  #settled = false;

  constructor(host: string, order: LockOrder, lock: LiveLock, replaced: Claim | undefined) {
    this.name = heldName(host, order);
    this.lost = lock.lost;
    this.replaced = replaced;
    this.#order = order;
    this.#lock = lock;
  }

  prove(): Promise<void> {
    return this.#lock.prove();
  }

  /** Puts the claim back that was there before, or none; the lock stays held until it is released. */
  async putBack(claim: Claim | undefined): Promise<void> {
    if (claim === undefined) await this.#lock.unclaim();
    else await this.#lock.claim(renderClaim(claim));
    this.#settled = true;
  }

  async release(ending: HolderEnding): Promise<void> {
    try {
      if (!this.#settled) await this.#settle(ending);
    } finally {
      await this.#lock.leave();
    }
  }

  async #settle(ending: HolderEnding): Promise<void> {
    const { claim, keep } = this.#order;
    switch (ending.kind) {
      case 'done':
        if (keep) await this.#lock.claim(renderClaim({ ...claim, state: 'waiting' }));
        else await this.#lock.unclaim();
        return;
      case 'unchanged':
        await this.putBack(this.replaced);
        return;
      case 'unfinished':
        await this.#lock.claim(renderClaim({ ...claim, state: 'unfinished', ended: ending.how }));
        return;
    }
  }
}
