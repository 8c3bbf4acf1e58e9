import { processMark } from '../../lib/engine/journal/beginning.ts';
import { fateHere } from '../../lib/engine/journal/status.ts';

/** A run of suites that has a lab for itself. */
export interface Use {
  readonly pid: number;
  /** Tells the process from a later one of the same number; older notes do not have it. */
  readonly process?: string | undefined;
  readonly checkout: string;
}

/** What is noted on a lab for the run of suites of a process. */
export function useBy(pid: number, checkout: string): Use {
  return { pid, process: processMark(pid), checkout };
}

/** Whether the lab is that run's own; `suites`: the number of its process. */
export function isOf({ pid, process }: Use, suites: number): boolean {
  return pid === suites && (process === undefined || process === processMark(pid));
}

/** Whether the run still lives; one of which /proc tells nothing counts as living, and so does somebody else's. */
export function isAlive(use: Use): boolean {
  return fateHere(use) !== 'died';
}
