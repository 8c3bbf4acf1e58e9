import { asPitrError, type PitrError } from '../../base/errors/pitr-error.ts';
import { endOrphansOfRun } from '../back/end-orphans-of-run.ts';
import type { JournalledRun } from '../journal/read.ts';
import { perhapsAtWork } from '../task/left-at-work.ts';
import type { RunState } from './run-state.ts';

/**
 * Ends what the dead controller of a resumed run has left at work. A host that does not answer comes into `atWork`, with the
 * error of all that is to be done there in this process; one that the inventory does not have any more is left as it is.
 * Warnings name both. Gives the error that stops all.
 */
export async function clearUp(
  { runId, mode, connection, atWork, signal, emit }: RunState,
  resumes: JournalledRun | undefined,
): Promise<PitrError | undefined> {
  if (resumes === undefined || mode !== 'run') return undefined;
  const tell = (text: string, host: string): void => emit({ type: 'warning', time: Date.now(), text, host });
  const gone = new Set<string>();
  const noteBlind = (error: PitrError, host: string): void => {
    if (error.code === 'host-unknown') {
      if (!gone.has(host))
        tell(
          'is not in the inventory any more: nobody has looked whether something that the run began there is still at work',
          host,
        );
      gone.add(host);
      return;
    }
    if (error.kind !== 'unreachable') throw error;
    if (atWork.has(host)) return;
    const known = perhapsAtWork(error, { runId, host });
    atWork.set(host, known);
    tell(`${known.message}, so nothing is done there: ${error.message}`, host);
  };
  const among = resumes.changes;
  return endOrphansOfRun(resumes, { among, connection, signal, tell, blind: noteBlind }).then(
    () => undefined,
    asPitrError,
  );
}
