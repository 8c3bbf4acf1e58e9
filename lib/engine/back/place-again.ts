import { dirname } from 'node:path';
import { asPitrError } from '../../base/errors/pitr-error.ts';
import type { Masker } from '../../base/values/masker.ts';
import type { WorkContext } from '../../contract/module.ts';
import { loadInventory } from '../../language/inventory/load.ts';
import type { AskPassphrase } from '../../transport/types.ts';
import { operatorHere } from '../journal/beginning.ts';
import type { JournalledRun } from '../journal/read.ts';
import { Connections } from '../run/connections.ts';
import type { HeldLocks } from '../run/held-locks.ts';
import { variablesAgain } from './variables-again.ts';

/** Where the hosts of a run are, when it is gone back on. */
export interface Reach {
  /** Empty means where the run found them. */
  readonly inventories: readonly string[];
  /** `-e`: what the journal masked, above all. */
  readonly extraVars: Readonly<Record<string, unknown>>;
  /** Learns the secrets of the inventory. */
  readonly masker: Masker;
  readonly askPassphrase?: AskPassphrase | undefined;
}

/** The hosts of a run, unconnected. Throws kind `validation` for the inventory, `usage` for a secret that is missing. */
export async function hostsAgain(
  run: JournalledRun,
  { inventories, extraVars, masker, askPassphrase }: Reach,
): Promise<Connections> {
  const given = inventories.length > 0;
  const inventory = await loadInventory(given ? inventories : run.inventories, {
    varsDirectories: [dirname(run.started.playbook)],
  }).catch((thrown: unknown) => {
    if (given) throw thrown;
    throw asPitrError(thrown).with({ next: ['Say where the hosts are: -i path/to/inventory.yml'] });
  });
  return new Connections(inventory, variablesAgain(run, extraVars, 'connections'), masker, askPassphrase);
}

/** What surrounds a module that works from a journal: nobody to ask, and no files. */
export function contextAgain(
  run: JournalledRun,
  held: HeldLocks,
  signal: AbortSignal,
  told: Partial<Pick<WorkContext, 'progress' | 'warn'>> = {},
): WorkContext {
  return {
    runId: run.started.runId,
    operator: operatorHere(),
    signal,
    progress: () => {},
    output: () => {},
    warn: () => {},
    ...told,
    hold: held.hold,
    held: held.held,
  };
}
