import { PitrError } from '../../base/errors/pitr-error.ts';
import { neverConnected } from '../../transport/never-connected.ts';

/**
 * The connection was lost in a change, or a command of it did not end although it was killed (`lost`); and what may be at work
 * still could not be ended (`why`).
 */
export function leftAtWork(
  lost: PitrError,
  why: PitrError,
  { runId, host }: { readonly runId: string; readonly host: string },
): PitrError {
  const gone = lost.kind === 'unreachable';
  return new PitrError({
    kind: gone ? 'unreachable' : 'failed',
    code: 'left-at-work',
    message: gone
      ? `the connection was lost in the middle of the change, and what it left at work could not be ended: ${why.message}`
      : `a command of the change could not be ended: ${why.message}`,
    details: [`The change failed with: ${lost.message}`, ...why.details],
    host,
    evidence: why.evidence,
    state: `What the change began may still be at work on ${host}, so nothing else of this play is done there: no retry, no rescue, no always.`,
    next: [
      ...why.next,
      gone
        ? `When the host answers again, go on or back; both end first what is left at work: pitr resume ${runId}, or pitr undo ${runId}`
        : `When nothing of it is at work any more, go on or back: pitr resume ${runId}, or pitr undo ${runId}`,
    ],
    cause: lost,
  });
}

/** An earlier process of the run may have left something at work on a host that does not answer this one. */
export function perhapsAtWork(
  why: PitrError,
  { runId, host }: { readonly runId: string; readonly host: string },
): PitrError {
  return new PitrError({
    kind: 'unreachable',
    code: 'perhaps-left-at-work',
    message: 'nobody can look whether something that the run began there is still at work',
    details: [why.message, ...why.details],
    host,
    evidence: why.evidence,
    state: `Nothing is done on ${host} as long as nobody has looked: no retry, no rescue, no always.`,
    next: [...why.next, `When ${host} answers again, go on: pitr resume ${runId}`],
    cause: why,
  });
}

/** The connection was lost in a change, and nothing of it is at work any more: `ended` processes have been ended. */
export function endedThere(lost: PitrError, ended: number): PitrError {
  const how =
    ended > 0 ? 'What it had left at work there was ended' : 'Nothing of it is at work there any more';
  const state = `${how}; how far it had come is not known.`;
  const { kind, code, message, details, host, evidence, next, result, cause } = lost;
  const facts = { kind, code, message, details, host, evidence, next, result, cause, state };
  return new PitrError(facts);
}

/** Whether something of a change may still be at work on its host: there nothing may go on. */
export function isLeftAtWork(error: PitrError | undefined): boolean {
  return error?.code === 'left-at-work' || error?.code === 'perhaps-left-at-work';
}

/** The host may be another one than that of the play (`delegate_to`): nothing may go on there for the others either. */
export function closeWhereAtWork(atWork: Map<string, PitrError>, error: PitrError | undefined): void {
  const host = error?.host;
  if (error === undefined || host === undefined || !isLeftAtWork(error) || atWork.has(host)) return;
  // Whoever meets with it there says which task that is.
  atWork.set(host, new PitrError({ ...error, message: error.message, task: undefined, at: undefined }));
}

/**
 * A lost connection leaves at work what ran on its other side; so does a command that could not be ended. Where the first of
 * the `commands` found no connection, nothing has begun.
 */
export function mayBeAtWork(error: unknown, commands: number): error is PitrError {
  if (!(error instanceof PitrError) || (commands <= 1 && neverConnected(error))) return false;
  return error.kind === 'unreachable' || error.code === 'command-not-ended';
}
