import { PitrError } from '../../base/errors/pitr-error.ts';
import type { JournalledRun } from '../journal/read.ts';
import { begunOn, runStatus, undoStatus } from '../journal/status.ts';

/** Throws kind `refused` while the run, or another undo of it, is at work on this machine. */
export function refuseWhileAtWork(run: JournalledRun, again: string): void {
  const { runId } = run.started;
  const { pid } = run.begun;
  if (runStatus(run) === 'running') {
    throw new PitrError({
      kind: 'refused',
      code: 'run-still-running',
      message: `run ${runId} is still running (process ${pid} on this machine)`,
      next: ['Wait until it has ended, or end it cleanly:', `kill -INT ${pid}`, `then: ${again}`],
    });
  }
  if (undoStatus(run) === 'running') {
    throw new PitrError({
      kind: 'refused',
      code: 'undo-still-running',
      message: `run ${runId} is being taken back by another pitr undo (process ${run.undo?.started.pid} on this machine)`,
      next: ['See how far it is with pitr runs.'],
    });
  }
  if (run.committed !== undefined) {
    throw new PitrError({
      kind: 'refused',
      code: 'run-committed',
      message: `run ${runId} was committed by ${run.committed.operator}: its old data is gone, so there is nothing to go back to`,
      next: [`pitr runs ${runId}`],
    });
  }
}

/** What cannot be known from here: a run without an end that was started elsewhere (`unknown`) may still be at work. */
export function atWorkElsewhere(run: JournalledRun): string | undefined {
  const { started, begun, undo } = run;
  if (runStatus(run) === 'unknown') {
    return `Run ${started.runId} did not say that it ended. It was started on ${begunOn(begun)} (process ${begun.pid}): make sure that it is not at work there any more.`;
  }
  if (undo !== undefined && undoStatus(run) === 'unknown') {
    return `An undo was started on ${begunOn(undo.started)} (process ${undo.started.pid}) and did not say that it ended: make sure that it is not at work there any more.`;
  }
  return undefined;
}
