import { asPitrError, PitrError } from '../../base/errors/pitr-error.ts';
import type { AnyModule, Change, Journalled, Result, TaskContext } from '../../contract/module.ts';
import { CHANGE_MARK, changeMark, endOrphansOfChange } from '../back/orphans.ts';
import { type HostDefaults, liveHost, lookingHost } from '../run/live-host.ts';
import { effectsSaid, foresee, lookInCheckMode, type Named } from './foresee.ts';
import { endedThere, leftAtWork, mayBeAtWork } from './left-at-work.ts';
import { madeBefore, nothingToDo } from './made-before.ts';
import type { ModuleOutcome, Workplace } from './workplace.ts';

/** Runs one module once: in check mode reads and plans, otherwise applies what is planned. Throws to fail. */
export async function runModule(
  name: string,
  module: AnyModule,
  params: unknown,
  place: Workplace,
  context: TaskContext,
): Promise<ModuleOutcome> {
  switch (module.kind) {
    case 'control': {
      const result = await module.run(params, {
        ...context,
        check: place.predictions !== undefined,
        dryRun: place.dryRun,
      });
      return { status: 'ok', result };
    }
    case 'look':
      return place.predictions === undefined
        ? {
            status: 'ok',
            result: await module.read(
              lookingHost(place.peers(place.host), place.peers, place.defaults),
              params,
              context,
            ),
          }
        : lookInCheckMode(module, params, place, place.predictions, context);
    case 'change':
      return (
        madeBefore(params, place) ??
        (place.predictions === undefined
          ? change({ name, module }, params, place, context)
          : foresee({ name, module }, params, place, place.predictions, context))
      );
  }
}

async function change(
  { name, module }: Named,
  params: unknown,
  place: Workplace,
  context: TaskContext,
): Promise<ModuleOutcome> {
  const connection = place.peers(place.host);
  const state = await module.read(lookingHost(connection, place.peers, place.defaults), params, context);
  const planned = module.plan(state, params);
  if (planned === undefined)
    return nothingToDo(module.unchanged?.(state, params) ?? {}, module, params, place, context);
  const undoable =
    module.undoable?.(params) ?? (typeof module.undo === 'function' ? true : module.undo.impossible);
  place.learn({ ...planned });
  const { forApply: _, ...journalled } = planned;
  const number = await place.journal?.intend({
    host: place.host,
    turn: place.turn,
    module: name,
    modules: place.modules,
    params,
    change: journalled,
    user: place.defaults.user,
    env: place.defaults.env,
    effects: effectsSaid({ name, module }, journalled),
    elsewhere: module.elsewhere?.(journalled) ?? [],
    undoable,
  });
  const begun = Date.now();
  const { tries = {} } = place;
  const before = tries.begun;
  tries.begun = planned.summary;
  let commands = 0;
  const watch = (argv: readonly string[]): void => {
    commands += 1;
    place.defaults.watch?.(argv);
  };
  const defaults = module.orphans === 'end' ? marked(place, context, number) : place.defaults;
  try {
    const result = await module.apply(
      liveHost(connection, place.peers, { ...defaults, watch }),
      planned,
      params,
      context,
    );
    place.learn(result);
    if (number !== undefined) await place.journal?.done(number, result);
    return { status: 'changed', result, summary: planned.summary, diff: planned.diff };
  } catch (error) {
    if (error instanceof PitrError) {
      place.learn(error.result ?? {});
      if (error.kind === 'refused') tries.begun = before;
    }
    if (number !== undefined) {
      const accepted = mayBeAtWork(error, commands) ? undefined : acceptedResult(error, place);
      await (accepted === undefined
        ? place.journal?.failed(number, error)
        : place.journal?.done(number, accepted));
    }
    if (number === undefined || !mayBeAtWork(error, commands)) throw error;
    if (module.orphans === 'end')
      throw await afterLoss(error, { place, context, number, change: journalled, begun });
    if (error.kind === 'unreachable') throw error;
    throw leftAtWork(error, error, { runId: context.runId, host: place.host });
  }
}

/** What refuses has changed nothing, whatever its task makes of it. */
function acceptedResult(error: unknown, { accepts }: Workplace): Result | undefined {
  if (!(error instanceof PitrError) || error.kind !== 'failed' || error.result === undefined)
    return undefined;
  return accepts?.(error) === true ? error.result : undefined;
}

interface Begun {
  readonly place: Workplace;
  readonly context: TaskContext;
  readonly number: number;
  readonly change: Journalled<Change>;
  readonly begun: number;
}

/**
 * What may be at work still is ended before anything goes on, for the next attempt or a rescue would work beside it; where
 * that cannot be done the error says so. Gives what the change has failed with.
 */
async function afterLoss(
  error: PitrError,
  { place, context, number, change, begun }: Begun,
): Promise<PitrError> {
  const { host, peers, defaults } = place;
  try {
    // Not under the task's signal: its deadline may be over.
    const live = liveHost(peers(host), peers, { user: defaults.user });
    const orphans = { mark: changeMark(context.runId, number), ageMs: Date.now() - begun };
    const ended = await endOrphansOfChange(live, orphans, defaults.user, change);
    if (ended > 0) context.warn(`ended what was left at work: ${change.summary}`);
    return endedThere(error, ended);
  } catch (thrown) {
    return leftAtWork(error, asPitrError(thrown), { runId: context.runId, host });
  }
}

/** Commands of the change carry its mark, so that they are found when the controller dies before them. */
function marked({ defaults }: Workplace, { runId }: TaskContext, number: number | undefined): HostDefaults {
  if (number === undefined) return defaults;
  return { ...defaults, env: { ...defaults.env, [CHANGE_MARK]: changeMark(runId, number) } };
}
