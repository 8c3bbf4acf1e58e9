import { asPitrError, PitrError } from '../../base/errors/pitr-error.ts';
import { Unknown } from '../../base/values/unknown.ts';
import { type Effect, effectsSchema } from '../../contract/effects.ts';
import type {
  AnyModule,
  Change,
  ChangeModule,
  Diff,
  Journalled,
  LookModule,
  Result,
  TaskContext,
} from '../../contract/module.ts';
import type { Prediction } from '../../contract/resource.ts';
import { placeIn } from '../../modules/own-fault.ts';
import { unmaskedResult } from '../back/masked.ts';
import { CHANGE_MARK, changeMark, endOrphansOfChange } from '../back/orphans.ts';
import { checkHost } from '../check/check-host.ts';
import type { Predictions } from '../check/predictions.ts';
import type { Past } from '../journal/past.ts';
import type { TaskTurn } from '../journal/records.ts';
import { type HostDefaults, liveHost, lookingHost, type Peers } from '../run/live-host.ts';
import type { ChangeJournal } from './change-journal.ts';
import { endedThere, leftAtWork, mayBeAtWork } from './left-at-work.ts';

/** Where a module works, and how. */
export interface Workplace {
  /** Inventory name of the host that the module works on (`delegate_to` has been applied). */
  readonly host: string;
  /** Where in the run: how a journal knows the change again. */
  readonly turn: TaskTurn;
  readonly past: Past | undefined;
  readonly peers: Peers;
  readonly defaults: HostDefaults;
  /** No host is contacted. */
  readonly dryRun: boolean;
  /** Present in check mode and dry run. */
  readonly predictions: Predictions | undefined;
  readonly journal: ChangeJournal | undefined;
  /** The folder that a user's module was found in. */
  readonly modules?: string | undefined;
  /** Told every result before it is written down: there may be secrets in it. */
  readonly learn: (result: Result) => void;
}

export interface ModuleOutcome {
  readonly status: 'ok' | 'changed' | 'unknown';
  readonly result: Result;
  readonly summary?: string | undefined;
  readonly diff?: readonly Diff[] | undefined;
}

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

/** The outcome of a change that the run made before it was resumed. */
function madeBefore(
  params: unknown,
  { past, host, turn, defaults: { user, env }, predictions }: Workplace,
): ModuleOutcome | undefined {
  const made = past?.takeChange(turn, { host, params, user, env });
  if (made === undefined) return undefined;
  const status = predictions === undefined ? 'changed' : 'ok';
  const result = unmaskedResult(made.result, 'change') ?? {};
  return { status, result, summary: made.intent.change.summary };
}

async function lookInCheckMode(
  module: LookModule<unknown, Result>,
  params: unknown,
  place: Workplace,
  predictions: Predictions,
  context: TaskContext,
): Promise<ModuleOutcome> {
  const touched = module.dependsOn?.(params).find((ref) => predictions.touches(place.host, ref));
  if (touched !== undefined || (module.awaits === true && predictions.any(place.host))) {
    const why =
      touched === undefined
        ? 'it waits for what was not done'
        : `${touched.kind} ${touched.id} would have changed before`;
    return {
      status: 'unknown',
      result: unknownResult(module.returns, why),
      summary: `not known before the run: ${why}`,
    };
  }
  const result = await module.read(
    checkHost(place.host, place.peers, predictions, place.defaults),
    params,
    context,
  );
  return { status: 'ok', result };
}

interface Named {
  readonly name: string;
  readonly module: ChangeModule<unknown, unknown, Change, Result>;
}

async function foresee(
  { name, module }: Named,
  params: unknown,
  place: Workplace,
  predictions: Predictions,
  context: TaskContext,
): Promise<ModuleOutcome> {
  const state = await module.read(
    checkHost(place.host, place.peers, predictions, place.defaults),
    params,
    context,
  );
  const planned = module.plan(state, params);
  if (planned === undefined) return { status: 'ok', result: module.unchanged?.(state, params) ?? {} };
  const foresight = module.predict?.(planned, state, params) ?? {};
  const { forApply: _, ...journalled } = planned;
  const foreseen = foresight.resources ?? [];
  const left = effectsSaid({ name, module }, journalled).flatMap((effect) => leftBehind(effect, foreseen));
  predictions.addChange(place.host, [...left, ...foreseen]);
  return {
    status: 'changed',
    result: { ...unknownResult(module.returns, 'the change was not made'), ...foresight.result },
    summary: planned.summary,
    diff: planned.diff,
  };
}

/** Throws kind `failed` (`module-effects`) where a module says wrongly what its change leaves behind. */
function effectsSaid({ name, module }: Named, change: Journalled<Change>): readonly Effect[] {
  const { data, error } = effectsSchema.safeParse(module.effects?.(change) ?? []);
  if (data !== undefined) return data;
  const [issue] = error.issues;
  throw new PitrError({
    kind: 'failed',
    code: 'module-effects',
    at: placeIn(module, 'effects'),
    message: `${name} says wrongly what its change leaves behind: effects.${issue?.path.join('.')}: ${issue?.message}`,
    state: 'nothing was changed',
    next: ['That is a fault of the module; docs/writing-modules.md has the fields.'],
  });
}

/** What an effect alone tells later tasks: where its resource has moved, or that nobody knows any more how it is. */
function leftBehind(
  { kind, id, state, movedTo }: Effect,
  foreseen: readonly Prediction[],
): readonly Prediction[] {
  if (movedTo !== undefined) return [{ kind, moved: { from: id, to: movedTo.id } }];
  if (foreseen.some((one) => one.kind === kind && 'id' in one && one.id === id)) return [];
  return [{ kind, id, state: new Unknown(`${id} would be: ${state}`), within: 'unknown' }];
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
  if (planned === undefined) return { status: 'ok', result: module.unchanged?.(state, params) ?? {} };
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
    if (error instanceof PitrError) place.learn(error.result ?? {});
    if (number !== undefined) await place.journal?.failed(number, error);
    if (number === undefined || !mayBeAtWork(error, commands)) throw error;
    if (module.orphans === 'end')
      throw await afterLoss(error, { place, context, number, change: journalled, begun });
    if (error.kind === 'unreachable') throw error;
    throw leftAtWork(error, error, { runId: context.runId, host: place.host });
  }
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

function unknownResult(returns: Readonly<Record<string, string>> | undefined, why: string): Result {
  return Object.fromEntries(Object.keys(returns ?? {}).map((key) => [key, new Unknown(why)]));
}
