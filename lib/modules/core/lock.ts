import { z } from 'zod';
import type { ReadHost, WriteHost } from '../../contract/host.ts';
import { known } from '../../contract/known.ts';
import { type Change, defineModule, type TaskContext, type WorkContext } from '../../contract/module.ts';
import { predicted } from '../../contract/resource.ts';
import type { Claim } from '../../system/lock/claim.ts';
import { mayTake, mayTakeOver, type Wanting } from '../../system/lock/judge.ts';
import { type LockPlace, type LockState, lockId, lockResource } from '../../system/lock/lock-resource.ts';
import { listOf, lockParams } from '../../system/lock/params.ts';
import { HeldLock, heldName, type LockOrder, takeLock } from '../../system/lock/take.ts';

const params = z.strictObject({
  ...lockParams,
  purpose: z.string().default('').describe('what the run is about to do, for those who are refused'),
  keep: z
    .boolean()
    .default(false)
    .describe('the claim stays when the run ends well: what it made is still to be decided on'),
  takes_back: z
    .boolean()
    .default(false)
    .describe(
      'the run takes back what the runs in `allow` have done: from its first change on pitr undo takes nothing of them back any more',
    ),
  ways: z
    .array(z.string())
    .max(20)
    .default([])
    .describe('with keep: what leads on, line by line, for those who are refused'),
  lease: z
    .int()
    .min(5)
    .max(300)
    .default(15)
    .describe('seconds after which the lock frees itself when its controller is not heard of'),
});

type Params = z.output<typeof params>;

interface State {
  readonly lock: LockState;
  readonly run: string;
  readonly host: string;
}

const OURS: LockState = {
  held: true,
  ours: true,
  claim: undefined,
  now: 0,
  written: undefined,
  heard: undefined,
};

interface LockChange extends Change, Omit<LockOrder, 'claim'> {
  readonly run: string;
  readonly purpose: string;
  readonly ways: readonly string[];
  readonly allow: readonly string[];
  readonly takesBack?: true;
  readonly breaks?: string;
  /** The claim that is taken over, and comes back with an undo. */
  readonly replaced?: Claim;
}

export const module = defineModule({
  summary: 'Takes a lock that no other run can hold at the same time, for the rest of the run.',
  description: `Two parts, both on one host that every run passes. The kernel's lock is held by a process there that
ends when pitr is gone, and with it the lock. The claim, a file, says who holds it; it stays when a run has begun
changes and did not end well, so that nobody begins on top of its leftovers. The run is stopped before its next change
when it can no longer prove that it holds the lock. A lock that the run holds already is left as it is. See docs/lock.md.`,
  examples: `- core.lock:
    name: "{{ patroni_cluster }}"
    purpose: "recover {{ target }} to {{ target_time }}"
  delegate_to: "{{ barman_host }}"`,
  params,
  freeForm: 'name',
  returns: { name: 'the lock', run: 'the run that holds it', replaced: 'the run whose claim was taken over' },
  effects: (change) => [
    {
      kind: lockResource.kind,
      id: lockId(change),
      state: 'held',
      lasts: 'while pitr holds it',
      about: {
        runs: change.allow.filter((one) => one !== '' && one !== change.run),
        takesBack: change.takesBack === true,
        ways: change.ways,
      },
    },
  ],
  read: async (host: ReadHost, wish: Params, context: TaskContext): Promise<State> => {
    const place = placeOf(wish);
    const ours = context.held(heldName(host.name, place)) !== undefined;
    const lock = ours ? OURS : known(await host.look(lockResource, lockId(place)));
    return { lock, run: context.runId, host: host.name };
  },
  plan,
  unchanged: ({ run }, { name }) => ({ name, run }),
  predict: (change, { lock, run }) => ({
    resources: [predicted(lockResource, lockId(change), { ...lock, held: true, ours: true })],
    result: {
      name: change.name,
      run,
      ...(change.replaced === undefined ? {} : { replaced: change.replaced.run }),
    },
  }),
  apply: async (host, change, _params, context) => {
    const { replaced } = await take(host, change, aboutOf(change), context);
    return {
      name: change.name,
      run: change.run,
      ...(replaced === undefined ? {} : { replaced: replaced.run }),
    };
  },
  again: async (host, change, context) => {
    if (context.held(heldName(host.name, change)) !== undefined) return;
    // Only its own claim: what another run has begun since is not to be undone around it. What was broken on purpose once
    // is not broken again unasked.
    const { breaks: _, ...own } = change;
    const order = { ...own, allow: [], keep: false, purpose: `undo: ${change.purpose}` };
    await take(host, order, aboutOf(change), context);
  },
  undo: async (host, change, context) => {
    const held = context.held(heldName(host.name, change));
    if (!(held instanceof HeldLock)) throw new Error(`${change.name} was to be given back and is not held`);
    // A resumed run took its own claim over: the first time that it was taken is what is to be put back.
    if (change.replaced?.run === change.run) return;
    // Once the run's own claim is gone, it keeps nobody from settling what it broke. What it took over waits for its undo.
    const isOfThePast = isBroken(change) && held.replaced?.run !== change.run;
    await held.putBack(isOfThePast ? held.replaced : change.replaced);
  },
});

function placeOf({ name, user, directory }: Params): LockPlace {
  return { name, user, directory: directory ?? '' };
}

function plan({ lock, run, host }: State, wish: Params): LockChange | undefined {
  if (lock.ours) return undefined;
  const { purpose, keep, ways, lease } = wish;
  const allow = listOf(wish.allow);
  mayTake({ run, allow, breaks: wish.break }, lock, wish.name, host);
  const { claim } = lock;
  const over =
    claim === undefined || claim.run === run
      ? ''
      : claim.run === wish.break
        ? `, breaking the claim of run ${claim.run}`
        : `, taking over from run ${claim.run}`;
  return {
    summary: `take the lock "${wish.name}"${over}`,
    ...placeOf(wish),
    leaseSeconds: lease,
    keep,
    run,
    purpose,
    ways,
    allow,
    ...(wish.takes_back ? { takesBack: true } : {}),
    ...(wish.break === undefined ? {} : { breaks: wish.break }),
    ...(claim === undefined ? {} : { replaced: claim }),
  };
}

function isBroken({ replaced, breaks }: LockChange): boolean {
  return replaced !== undefined && replaced.run === breaks;
}

/** The earlier runs whose leftovers the run has taken over; of what it broke it has taken over nothing. */
function aboutOf(change: LockChange): readonly string[] {
  const { run, replaced } = change;
  if (replaced === undefined || isBroken(change)) return [];
  return [...new Set([...replaced.about, replaced.run])].filter((one) => one !== run);
}

async function take(
  host: WriteHost,
  change: LockChange,
  about: readonly string[],
  context: WorkContext,
): Promise<HeldLock> {
  const { run, purpose, ways, allow, breaks, name } = change;
  const wanting: Wanting = { run, allow, breaks };
  const claim: Claim = {
    run,
    about,
    owner: context.operator,
    purpose,
    started: new Date().toISOString(),
    state: 'working',
    ways,
  };
  return takeLock(host, { ...change, claim }, context, (found) =>
    mayTakeOver(wanting, found, {
      name,
      host: host.name,
      now: Date.now() / 1000,
      written: undefined,
      heard: undefined,
    }),
  );
}
