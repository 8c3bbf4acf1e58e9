import type { RunMode } from '../../lib/engine/events/events.ts';
import { findPlaybook } from '../../lib/language/playbook/find.ts';
import { DEFAULT_FORKS } from '../common-options.ts';
import type { OutputKind } from '../display/choose.ts';
import { exitCodeOf } from '../display/error-text.ts';
import type { Io } from '../io.ts';
import { checkTarget, targetVariables } from '../recover/order.ts';
import { runAndTell } from '../run-and-tell.ts';
import { withDoor } from '../session.ts';
import { placeOf, type Reference } from './find.ts';

const FAILED_WITHOUT_ERROR = 2;

interface ForwardWishes {
  readonly output: OutputKind | undefined;
  readonly 'no-color': boolean;
  readonly yes: boolean;
  readonly mode: RunMode;
}

/** Moves the recovery that waits on a node on to a later moment: forward.yml. Gives the exit code. */
export async function forward(
  reference: Reference,
  to: string,
  wishes: ForwardWishes,
  io: Io,
): Promise<number> {
  checkTarget(to);
  const { host, inventories } = await placeOf(reference, io);
  const request = {
    playbook: findPlaybook('forward.yml', io.cwd),
    inventories,
    extraVars: { ...reference.extraVars, ...targetVariables(to), target: host },
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
  if (outcome.status === 'ok') return 0;
  return outcome.error === undefined ? FAILED_WITHOUT_ERROR : exitCodeOf(outcome.error);
}
