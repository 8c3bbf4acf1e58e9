import type { HostIdentity } from '../../system/core/host-identity.ts';
import type { JournalRecord } from './records.ts';
import type { RunJournal } from './run-journal.ts';

/** The machine that each host was when a run changed it last. Journals of older versions tell of none. */
export function machinesMet(records: readonly JournalRecord[]): ReadonlyMap<string, HostIdentity> {
  return new Map(
    records.flatMap((record) => (record.type === 'host.met' ? [[record.host, record.machine]] : [])),
  );
}

/** A journal that has, before the first change on a host, which machine that is. */
export function journalOfMachines(
  journal: RunJournal,
  machineOf: (host: string) => Promise<HostIdentity>,
): RunJournal {
  const met = new Map<string, Promise<void>>();
  const ask = async (host: string): Promise<void> => journal.met(host, await machineOf(host));
  const meet = async (host: string): Promise<void> => {
    const meeting = met.get(host) ?? ask(host);
    met.set(host, meeting);
    try {
      await meeting;
    } catch (thrown) {
      // The next one may get an answer.
      met.delete(host);
      throw thrown;
    }
  };
  return {
    ...journal,
    intend: async (entry) => {
      await Promise.all([entry.host, ...entry.elsewhere].map(meet));
      return journal.intend(entry);
    },
  };
}
