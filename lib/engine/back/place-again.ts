import { dirname } from 'node:path';
import { asPitrError } from '../../base/errors/pitr-error.ts';
import type { Masker } from '../../base/values/masker.ts';
import type { ReadHost, WriteHost } from '../../contract/host.ts';
import type { WorkContext } from '../../contract/module.ts';
import { loadInventory } from '../../language/inventory/load.ts';
import type { AskPassphrase, HostConnection } from '../../transport/types.ts';
import { operatorHere } from '../journal/beginning.ts';
import type { JournalledChange, JournalledRun } from '../journal/read.ts';
import { Connections } from '../run/connections.ts';
import type { HeldLocks } from '../run/held-locks.ts';
import { liveHost, lookingHost } from '../run/live-host.ts';
import { leadingVariables } from './leading-variables.ts';
import { type MachinesWish, machinesAgain } from './machines-again.ts';
import { unmaskedEnvironment } from './masked.ts';
import { variablesAgain } from './variables-again.ts';

/** Where the hosts of a run are, when it is gone back on. */
export interface Reach extends MachinesWish {
  /** Empty means where the run found them. */
  readonly inventories: readonly string[];
  /** `-e`: what the journal masked, above all. */
  readonly extraVars: Readonly<Record<string, unknown>>;
  /** Learns the secrets of the inventory. */
  readonly masker: Masker;
  readonly askPassphrase?: AskPassphrase | undefined;
  /** Hears which of the hosts does not answer yet. */
  readonly tell?: ((text: string) => void) | undefined;
}

/** How the hosts of a run are reached, as an inventory and variables. */
interface ReachedBy {
  readonly inventories: readonly string[];
  readonly extraVars: Readonly<Record<string, unknown>>;
  /** Where more variables of groups and hosts are: beside the playbook. */
  readonly varsDirectories: readonly string[];
}

/** What is given now, over what the run was given. Throws kind `usage` for a secret that is missing. */
export async function reachAgain(
  run: JournalledRun,
  { inventories: given, extraVars }: Pick<Reach, 'inventories' | 'extraVars'>,
): Promise<ReachedBy> {
  const inventories = given.length > 0 ? given : run.inventories;
  return {
    inventories,
    extraVars: variablesAgain(run, extraVars, await leadingVariables(run, inventories)),
    varsDirectories: varsBeside(run),
  };
}

/** Where variables of groups and hosts are that the run read beside its playbook. */
export function varsBeside({ started }: JournalledRun): readonly string[] {
  return [dirname(started.playbook)];
}

/**
 * The hosts of a run, unconnected. Where they have changed something themselves, or another run of `changedBy`, they answer
 * only as the machines that they were then. Throws kind `validation` for the inventory, `usage` for a secret that is missing.
 */
export async function hostsAgain(
  run: JournalledRun,
  { masker, askPassphrase, tell, ...reach }: Reach,
  changedBy: readonly JournalledRun[] = [run],
): Promise<Connections> {
  const { inventories, extraVars, varsDirectories } = await reachAgain(run, reach);
  const inventory = await loadInventory(inventories, { varsDirectories }).catch((thrown: unknown) => {
    if (reach.inventories.length > 0) throw thrown;
    throw asPitrError(thrown).with({ next: ['Say where the hosts are: -i path/to/inventory.yml'] });
  });
  const known = machinesAgain(changedBy, reach);
  return new Connections(inventory, extraVars, masker, { askPassphrase, known, tell });
}

/** Where a change was made: its host as the task worked on it, and what surrounds a hook of its module there now. */
export interface PlaceAgain {
  /** `more`: what the commands carry beside the environment of the task. */
  readonly host: (more?: Readonly<Record<string, string>>) => WriteHost;
  /** The same, to look at alone. */
  readonly looking: () => ReadHost;
  readonly context: WorkContext;
  /** Told before commands run that may miss it: variables of the task's environment that are not set. */
  readonly tellMasked: () => void;
}

/** What works with the hosts of a run that is gone back on. */
export interface WorkAgain {
  readonly connections: Connections;
  readonly held: HeldLocks;
  readonly signal: AbortSignal;
}

/** The place of a change, for whatever hook of its module is called: `undo`, `again`. */
export function placeAgain(
  run: JournalledRun,
  { intent }: JournalledChange,
  { connections, held, signal }: WorkAgain,
  told: Pick<WorkContext, 'progress' | 'warn'>,
): PlaceAgain {
  const { host, user } = intent;
  const { known, masked } = unmaskedEnvironment(intent.env);
  const peers = (name: string): HostConnection => connections.to(name);
  return {
    host: (more = {}) => liveHost(peers(host), peers, { user, env: { ...known, ...more }, signal }),
    looking: () => lookingHost(peers(host), peers, { user, env: known, signal }),
    context: contextAgain(run, held, signal, told),
    tellMasked: () => {
      if (masked.length > 0) told.warn(`not set, because the journal holds no secrets: ${masked.join(', ')}`);
    },
  };
}

/** What surrounds a module that works from a journal: nobody to ask, and no files. */
function contextAgain(
  run: JournalledRun,
  held: HeldLocks,
  signal: AbortSignal,
  told: Pick<WorkContext, 'progress' | 'warn'>,
): WorkContext {
  return {
    runId: run.started.runId,
    operator: operatorHere(),
    signal,
    output: () => {},
    ...told,
    hold: held.hold,
    held: held.held,
  };
}
