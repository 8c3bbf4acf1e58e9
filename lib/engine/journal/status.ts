import { hostname } from 'node:os';
import { type Beginning, bootMark, processMark } from './beginning.ts';
import type { JournalledRun } from './read.ts';

/**
 * How a run stands: as it ended; `running` while its process lives on this machine; `died` when it neither ended nor
 * lives; `unknown` when it did not end and nobody here can tell: it was started on another machine, or /proc hides it.
 */
export type RunStatus = 'ok' | 'failed' | 'interrupted' | 'running' | 'died' | 'unknown';

export function runStatus(run: JournalledRun): RunStatus {
  return run.finished?.status ?? fateOf(run.begun);
}

/** How the last `pitr undo` of the run stands; nothing where there was none. */
export function undoStatus({ undo }: JournalledRun): RunStatus | undefined {
  return undo === undefined ? undefined : (undo.finished?.status ?? fateOf(undo.started));
}

/** `backup1` of `root@backup1`. */
export function machineOf({ operator }: Pick<Beginning, 'operator'>): string {
  return operator.slice(operator.lastIndexOf('@') + 1);
}

function fateOf(beginning: Beginning): 'running' | 'died' | 'unknown' {
  if (machineOf(beginning) !== hostname()) return 'unknown';
  const { pid, process } = beginning;
  if (!isAlive(pid)) return 'died';
  if (process === undefined) return 'running';
  const now = processMark(pid);
  if (now !== undefined) return now === process ? 'running' : 'died';
  // It lives, or another with its number does: hidden from this user.
  const boot = bootMark();
  return boot !== '' && !process.startsWith(`${boot}:`) ? 'died' : 'unknown';
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it lives, and is somebody else's
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
