import { PitrError } from '../../base/errors/pitr-error.ts';
import { isHeld } from '../journal/effects-of.ts';
import type { JournalledChange } from '../journal/read.ts';
import { carriesOlder, stands } from './standing-changes.ts';
import type { UndoPlan } from './undo-plan.ts';

/** An undo, and the command that goes on with it. */
interface Undoing {
  readonly plan: UndoPlan;
  readonly again: string;
}

/** The hosts that a change is taken back on. */
export function hostsOf({ intent }: JournalledChange): readonly string[] {
  return [intent.host, ...(intent.elsewhere ?? [])];
}

const GONE = ['unreachable', 'host-unknown', 'another-machine', 'machine-unknown'];

/** A host that nobody gets back to: the machine is away, has left the inventory, or another one has its place, or may have. */
export function isGone({ kind, code }: PitrError): boolean {
  return GONE.includes(kind) || GONE.includes(code);
}

/** The error of a host that cannot be reached, or is not what it was, with the way around it. */
export function leaveOutHint(error: PitrError, host: string, { plan, again }: Undoing): PitrError {
  const { run, steps, withoutLock } = plan;
  const there = steps.filter((change) => hostsOf(change).includes(host) && !isHeld(change.intent));
  const keep = there.map(({ intent }) => ` --keep ${intent.number}`).join('');
  const holdsLock =
    !withoutLock &&
    run.changes.some((change) => change.intent.host === host && stands(change) && isHeld(change.intent));
  if (!isGone(error) || (!holdsLock && there.length === 0)) return error;
  const { runId } = run.started;
  return new PitrError({
    ...error,
    message: error.message,
    cause: error.cause,
    next: [
      ...error.next,
      ...(holdsLock
        ? [
            `Where ${host} stays away: make sure that nobody else works on the cluster, for the lock lies there. Then leave all that was done on ${host} as it is: ${again} --without-lock ${runId}${keep}`,
          ]
        : [`Or leave all that was done on ${host} as it is: ${again}${keep}`]),
    ],
  });
}

/** The error with what was taken back and what was not, and how to go on. */
export function goOnHint(
  error: PitrError,
  change: JournalledChange,
  index: number,
  { plan: { steps }, again }: Undoing,
): PitrError {
  const { intent } = change;
  const numbers = (changes: readonly JournalledChange[]): string =>
    changes.length === 0 ? 'nothing' : changes.map((one) => one.intent.number).join(', ');
  return new PitrError({
    ...error,
    message: error.message,
    cause: error.cause,
    host: error.host ?? intent.host,
    task: error.task ?? `taking back change ${intent.number}: ${intent.change.summary}`,
    state:
      error.state ?? `taken back: ${numbers(steps.slice(0, index))}; not: ${numbers(steps.slice(index))}`,
    next: [
      ...error.next,
      ...(error.kind === 'interrupted'
        ? [`Go on: ${again}`]
        : [
            `When the cause is gone, go on: ${again}`,
            ...(error.kind === 'refused' || carriesOlder(change)
              ? []
              : [`Or leave this change as it is: ${again} --keep ${intent.number}`]),
          ]),
    ],
  });
}
