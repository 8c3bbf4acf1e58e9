import type { AnyModule } from '../contract/module.ts';
import type { Evaluated } from '../contract/params.ts';
import { paramsOf } from '../modules/params.ts';
import type { Play, Task } from '../playbook/model.ts';
import { validateParams } from '../playbook/params.ts';
import { findUnknown, type Unknown } from '../values/unknown.ts';
import { conditionValue, expressionValue } from './conditions.ts';
import type { Scope } from './scope.ts';

/** The params of a task on a host, ready for its module; or the unknown value that keeps check mode from knowing. */
export type TaskParams = { readonly params: unknown } | { readonly unknown: Unknown };

/**
 * Renders and validates a task's params. A param that is not written comes from `module_defaults` (the module's, then
 * its family's), else from the variable that the module names for it, as the host that the module works on sees it.
 */
export function taskParams(
  play: Play,
  task: Task,
  module: AnyModule,
  scope: Scope,
  workplaceScope: Scope,
): TaskParams {
  const fields = paramsOf(module.params)?.params ?? [];
  const special = new Map(
    fields.flatMap(({ name, holds }) => (holds === undefined ? [] : [[name, holds] as const])),
  );
  const family = task.module.split('.')[0] ?? '';
  const written: Record<string, unknown> = {};
  for (const name of [family, task.module]) {
    const defaults = play.moduleDefaults[name];
    if (defaults !== undefined) Object.assign(written, scope.renderLocated(defaults));
  }
  for (const [name, value] of Object.entries(task.args.value)) {
    if (special.has(name)) continue;
    const rendered = scope.render({ [name]: value }, (path) => task.args.locate(path));
    Object.assign(written, rendered);
  }
  for (const { name, variable } of fields) {
    if (variable === undefined || Object.hasOwn(written, name) || Object.hasOwn(task.args.value, name))
      continue;
    const value = workplaceScope.get(variable);
    if (value !== undefined) written[name] = value;
  }
  const unknown = module.kind === 'control' ? undefined : findUnknown(written);
  if (unknown !== undefined) return { unknown };
  for (const [name, holds] of special) {
    const value = task.args.value[name];
    if (value === undefined) continue;
    written[name] =
      holds === 'conditions' ? evaluateAll(value, name, task, scope) : evaluateOne(value, name, task, scope);
  }
  return { params: validateParams(module, task.module, written, task.args) };
}

function evaluateAll(value: unknown, name: string, task: Task, scope: Scope): Evaluated<unknown>[] {
  const list = Array.isArray(value) ? value : [value];
  return list.map((condition: unknown, i) => ({
    source: String(condition),
    value: conditionValue(
      typeof condition === 'boolean' ? condition : String(condition),
      task.args.locate(Array.isArray(value) ? [name, i] : [name]),
      scope,
    ),
  }));
}

function evaluateOne(value: unknown, name: string, task: Task, scope: Scope): Evaluated<unknown> {
  const source = String(value);
  return { source, value: expressionValue(source, task.args.locate([name]), scope) };
}
