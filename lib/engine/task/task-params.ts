import { asPitrError } from '../../base/errors/pitr-error.ts';
import type { Masker } from '../../base/values/masker.ts';
import { Secret } from '../../base/values/secret.ts';
import { findUnknown, Unknown } from '../../base/values/unknown.ts';
import type { AnyModule } from '../../contract/module.ts';
import type { Evaluated } from '../../contract/params.ts';
import { withDefaults } from '../../language/playbook/module-defaults.ts';
import type { ParamSource } from '../../language/playbook/param-source.ts';
import { paramProblems, validateParams } from '../../language/playbook/params.ts';
import { PlaybookProblems } from '../../language/playbook/problems.ts';
import type { Located } from '../../language/yaml/located.ts';
import { paramsOf } from '../../modules/params.ts';
import { conditionValue, expressionValue } from './conditions.ts';
import type { Scope } from './scope.ts';
import type { TaskJob } from './task-job.ts';

/** The params of a task on a host, ready for its module; or the unknown value that keeps check mode from knowing. */
export type TaskParams =
  | { readonly params: unknown }
  | { readonly unknown: Unknown; readonly written: Readonly<Record<string, unknown>> };

/**
 * Renders and validates a task's params. A param that is not written comes from `module_defaults` (the module's, then
 * its family's), else from the variable that the module names for it, as it is where the module works (`delegatedScope`).
 */
export function taskParams(job: TaskJob, scope: Scope, workplaceScope: Scope): TaskParams {
  const { task, module, run } = job;
  const fields = paramsOf(module.params)?.params ?? [];
  const special = new Map(
    fields.flatMap(({ name, holds }) => (holds === undefined ? [] : [[name, holds] as const])),
  );
  const args = withDefaults(
    task,
    job.vars.play,
    fields.map(({ name }) => name),
  );
  const source = { ...placesOf(args), givenBy: typedAs(run.extraVars) };
  const forFailure = new Set(fields.flatMap((field) => (field.forFailure ? [field.name] : [])));
  const plain = Object.fromEntries(
    Object.entries(args.value).filter(([name]) => !special.has(name) && !forFailure.has(name)),
  );
  const written = scope.render(plain, (path) => args.locate(path)) as Record<string, unknown>;
  for (const name of forFailure) {
    if (!Object.hasOwn(args.value, name)) continue;
    const text = asFarAsKnown(args.value[name], [name], args, scope);
    if (text !== undefined) written[name] = text;
  }
  for (const { name, variable, once } of fields) {
    if (variable === undefined || Object.hasOwn(args.value, name)) continue;
    if (once === true && run.givenBefore.has(variable)) continue;
    const value = workplaceScope.get(variable);
    if (value !== undefined) written[name] = value;
  }
  run.masker.learnRendered(written);
  const unknown = module.kind === 'control' ? undefined : findUnknown(written);
  if (unknown !== undefined) {
    refuseWrong(module, task.module, written, source);
    return { unknown, written };
  }
  for (const [name, holds] of special) {
    const value = args.value[name];
    if (value === undefined) continue;
    written[name] =
      holds === 'conditions' ? evaluateAll(value, name, args, scope) : evaluateOne(value, name, args, scope);
  }
  return { params: validateParams(module, task.module, revealed(written, run.masker), source) };
}

/**
 * A text, or a list of them, with a hole where the variables of now have nothing to fill in, and with what is missing
 * behind it. Nothing where it is left out.
 */
function asFarAsKnown(
  value: unknown,
  path: readonly (string | number)[],
  args: Located,
  scope: Scope,
): unknown {
  if (Array.isArray(value)) {
    return value
      .map((item: unknown, index) => asFarAsKnown(item, [...path, index], args, scope))
      .filter((item) => item !== undefined);
  }
  try {
    const { text } = scope.render({ text: value }, ([, ...inner]) => args.locate([...path, ...inner])) as {
      readonly text?: unknown;
    };
    return text;
  } catch (thrown) {
    if (typeof value !== 'string') throw thrown;
    return `${value.replaceAll(/\{\{.*?\}\}/gs, '?')} (${asPitrError(thrown).message})`;
  }
}

function placesOf(args: Located): ParamSource {
  return { at: args.at, locate: (path) => args.locate(path), locateKey: (path) => args.locateKey(path) };
}

/** A text that only one variable of the command line holds was typed there: who typed it knows it by that name. */
function typedAs(extraVars: Readonly<Record<string, unknown>>): (value: unknown) => string | undefined {
  return (value) => {
    const [only, ...others] = Object.entries(extraVars).filter(([, given]) => given === value);
    return typeof value !== 'string' || only === undefined || others.length > 0 ? undefined : `-e ${only[0]}`;
  };
}

/** What is known already is refused when it is wrong, whatever the rest will be. Throws kind `validation`. */
function refuseWrong(
  module: AnyModule,
  name: string,
  written: Readonly<Record<string, unknown>>,
  source: ParamSource,
): void {
  const problems = paramProblems(module, name, Object(withHoles(written)), source, () => true);
  if (problems.length > 0) throw new PlaybookProblems(source.at.file, problems);
}

/** Text that stands for what is not known, as in a playbook that was not rendered. */
function withHoles(value: unknown): unknown {
  if (value instanceof Unknown) return '{{ unknown }}';
  if (value instanceof Secret) return value.reveal();
  if (Array.isArray(value)) return value.map(withHoles);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, withHoles(inner)]));
}

function evaluateAll(value: unknown, name: string, args: Located, scope: Scope): Evaluated<unknown>[] {
  const list = Array.isArray(value) ? value : [value];
  return list.map((condition: unknown, i) => ({
    source: String(condition),
    value: conditionValue(
      typeof condition === 'boolean' ? condition : String(condition),
      args.locate(Array.isArray(value) ? [name, i] : [name]),
      scope,
    ),
  }));
}

function evaluateOne(value: unknown, name: string, args: Located, scope: Scope): Evaluated<unknown> {
  const source = String(value);
  return { source, value: expressionValue(source, args.locate([name]), scope) };
}

/** Modules work with the values themselves; from here on every reader gets them masked. */
function revealed(value: unknown, masker: Masker): unknown {
  if (value instanceof Secret) {
    masker.add(value.reveal());
    return value.reveal();
  }
  if (Array.isArray(value)) return value.map((inner: unknown) => revealed(inner, masker));
  if (value === null || typeof value !== 'object' || Object.getPrototypeOf(value) !== Object.prototype)
    return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, revealed(inner, masker)]));
}
