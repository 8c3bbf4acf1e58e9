import { variablesAgain } from '../../lib/engine/back/variables-again.ts';
import type { RunMode } from '../../lib/engine/events/events.ts';
import type { JournalledRun } from '../../lib/engine/journal/read.ts';
import { findPlaybook } from '../../lib/language/playbook/find.ts';
import { DEFAULT_FORKS } from '../common-options.ts';
import type { OutputKind } from '../display/choose.ts';
import type { Io } from '../io.ts';
import { withPlainSession } from '../plain-session.ts';
import { checkTarget, targetVariables } from '../recover/order.ts';
import { exitCodeOfRun, runAndTell } from '../run-and-tell.ts';
import { withDoor } from '../session.ts';
import { placeOf, proveNamed, type Reference } from './find.ts';

interface ForwardWishes {
  readonly output: OutputKind | undefined;
  readonly 'no-color': boolean;
  readonly yes: boolean;
  readonly mode: RunMode;
}

/**
 * What says to which moment it was recovered, what its data had to be there, and what was agreed to for it. The rest says how
 * the cluster is laid out and how long is waited, and holds for a later moment too.
 */
const OF_THE_MOMENT =
  /^(target(_\w+)?|inclusive|wanted|verify|marker|accept_gap|accept_unseen_wal|accept_write_outage|accept_new_tablespaces|tails|break_lock|members_gone|without_gone|members_down)$/;

/** Whether a recovery that is moved on to a later moment is told it again. */
export function isToldAgain(variable: string): boolean {
  return !OF_THE_MOMENT.test(variable);
}

/**
 * What forward.yml is told: what the run was told that waits, under what is given now. Throws kind `usage` where the journal
 * masks some of that.
 */
export function forwardVariables(
  run: Pick<JournalledRun, 'extraVars'> | undefined,
  given: Readonly<Record<string, unknown>>,
  moment: Readonly<Record<string, unknown>>,
  target: string,
): Readonly<Record<string, unknown>> {
  const told = Object.entries(run?.extraVars ?? {}).filter(([name]) => isToldAgain(name));
  return { ...variablesAgain({ extraVars: Object.fromEntries(told) }, given, 'all'), ...moment, target };
}

/** Moves the recovery that waits on a node on to a later moment: forward.yml. Gives the exit code. */
export async function forward(
  reference: Reference,
  to: string,
  wishes: ForwardWishes,
  io: Io,
): Promise<number> {
  checkTarget(to);
  const place = await placeOf(reference, io);
  const { host, inventories, run } = place;
  await withPlainSession(wishes, io, async ({ interrupts }) => {
    await proveNamed(place, interrupts.signal, io);
    return 0;
  });
  const request = {
    playbook: findPlaybook('forward.yml', io.cwd),
    inventories,
    extraVars: forwardVariables(run, reference.extraVars, targetVariables(to), host),
    mode: wishes.mode,
    tags: [],
    skipTags: [],
    forks: DEFAULT_FORKS,
  };
  const settings = {
    output: wishes.output,
    noColor: wishes['no-color'],
    verbosity: 0,
    diff: false,
    yes: wishes.yes,
  };
  const outcome = await withDoor(settings, io, (door) => runAndTell(request, door));
  return exitCodeOfRun(outcome);
}
