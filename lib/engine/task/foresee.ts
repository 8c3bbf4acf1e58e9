import { PitrError } from '../../base/errors/pitr-error.ts';
import { Unknown } from '../../base/values/unknown.ts';
import { type Effect, effectsSchema } from '../../contract/effects.ts';
import type {
  Change,
  ChangeModule,
  Journalled,
  LookModule,
  Result,
  TaskContext,
} from '../../contract/module.ts';
import type { Prediction } from '../../contract/resource.ts';
import { placeIn } from '../../modules/own-fault.ts';
import { checkHost } from '../check/check-host.ts';
import type { Predictions } from '../check/predictions.ts';
import { nothingToDo } from './made-before.ts';
import type { ModuleOutcome, Workplace } from './workplace.ts';

export async function lookInCheckMode(
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

/** A module with its name. */
export interface Named {
  readonly name: string;
  readonly module: ChangeModule<unknown, unknown, Change, Result>;
}

export async function foresee(
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
  if (planned === undefined)
    return nothingToDo(module.unchanged?.(state, params) ?? {}, module, params, place, context);
  place.learn({ ...planned });
  const foresight = module.predict?.(planned, state, params) ?? {};
  const { forApply: _, ...journalled } = planned;
  const foreseen = foresight.resources ?? [];
  const left = effectsSaid({ name, module }, journalled).flatMap((effect) => leftBehind(effect, foreseen));
  predictions.addChange(place.host, [...left, ...foreseen]);
  return {
    status: 'changed',
    foreseen: true,
    result: { ...unknownResult(module.returns, 'the change was not made'), ...foresight.result },
    summary: planned.summary,
    diff: planned.diff,
  };
}

/** Throws kind `failed` (`module-effects`) where a module says wrongly what its change leaves behind. */
export function effectsSaid({ name, module }: Named, change: Journalled<Change>): readonly Effect[] {
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

function unknownResult(returns: Readonly<Record<string, string>> | undefined, why: string): Result {
  return Object.fromEntries(Object.keys(returns ?? {}).map((key) => [key, new Unknown(why)]));
}
