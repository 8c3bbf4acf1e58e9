import { didYouMean } from '../../base/errors/nearest.ts';
import { PitrError } from '../../base/errors/pitr-error.ts';
import { machinesMet } from '../journal/machines-met.ts';
import type { JournalledRun } from '../journal/read.ts';
import type { KnownMachines } from '../run/known-machines.ts';

export interface MachinesWish {
  /** Hosts that may be other machines by now: a person has said so. */
  readonly otherMachines?: readonly string[] | undefined;
  /** The command that is being typed, to be named in errors. */
  readonly again: string;
}

/**
 * The machines that runs of one recovery have changed, the oldest run first, but for those that a person has named. Throws
 * kind `usage` where one of them is none of these.
 */
export function machinesAgain(
  runs: readonly Pick<JournalledRun, 'started' | 'records'>[],
  { otherMachines = [], again }: MachinesWish,
): KnownMachines {
  const machines = new Map(runs.flatMap(({ records }) => [...machinesMet(records)]));
  const runId = runs.at(-1)?.started.runId ?? '';
  const hosts = [...machines.keys()];
  for (const host of otherMachines) {
    if (hosts.includes(host)) machines.delete(host);
    else throw notMet(host, runId, hosts);
  }
  return { runId, machines, again };
}

function notMet(host: string, runId: string, hosts: readonly string[]): PitrError {
  return new PitrError({
    kind: 'usage',
    code: 'machine-not-met',
    message: `--other-machine names ${host}, and run ${runId} has not written down which machine that was${didYouMean(host, hosts)}`,
    next: [hosts.length === 0 ? 'Leave the option out.' : `Name one of: ${hosts.join(', ')}`],
  });
}
