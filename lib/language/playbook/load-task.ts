import { located } from '../yaml/load.ts';
import type { Located } from '../yaml/located.ts';
import {
  ANSIBLE_KEYWORDS,
  ANSIBLE_META,
  ANSIBLE_MODULES,
  MODULES_THAT_ARE_KEYS,
  MODULES_THAT_ARE_NO_KEYS,
} from './ansible.ts';
import { Fields, isMapping, isMappingPart, type Mapping } from './fields.ts';
import { freeFormArgs } from './free-form.ts';
import { HANDLER, LOOP_CONTROL, TASK, unknownKey } from './keywords.ts';
import type { LoadContext } from './load-context.ts';
import { mergedArgs, underName } from './located-args.ts';
import type { Task } from './model.ts';
import { ignoring, type Surroundings, within } from './surroundings.ts';
import { nameFlaw } from './variables.ts';

const META_ACTIONS = ['flush_handlers', 'end_play', 'noop'] as const;

/** Reads a task or a handler; nothing when it has no module to run (which is a problem already reported). */
export async function loadTask(
  written: Located<Mapping>,
  id: string,
  outer: Surroundings,
  context: LoadContext,
  what: 'a task' | 'a handler',
): Promise<Task | undefined> {
  const fields = new Fields(written, what, context.problems);
  const inherited = within(outer, fields, context.problems);
  const module = await moduleOf(fields, context);
  const register = fields.constant('register', 'the name must be known before the run');
  const registerFlaw = register === undefined ? undefined : nameFlaw(register);
  if (registerFlaw !== undefined) fields.wrong('register', `cannot be used: ${registerFlaw}`);
  refuseRetriesAlone(fields);
  const task = {
    name: fields.text('name'),
    formerly: fields.texts('formerly').map((name) => name.value),
    register,
    loop: loopOf(fields),
    loopControl: loopControlOf(fields, context),
    until: fields.conditions('until') ?? [],
    retries: fields.amount('retries', 0),
    delay: fields.amount('delay', 0),
    timeout: fields.amount('timeout', 0),
    changedWhen: fields.conditions('changed_when'),
    failedWhen: fields.conditions('failed_when'),
    listen: fields.texts('listen').map((name) => name.value),
  };
  if (module === undefined) return undefined;
  return {
    ...task,
    ...inherited,
    kind: 'task',
    id,
    at: written.at,
    name: task.name ?? located(module.name, written.at),
    module: module.name,
    args: module.args,
    ignoreErrors: ignoring(inherited.ignoreErrors),
  };
}

interface ModuleCall {
  /** The full name. */
  readonly name: string;
  readonly args: Located<Mapping>;
}

/** The one key of a task that is a module, with its params. All other unknown keys are problems. */
async function moduleOf(fields: Fields, context: LoadContext): Promise<ModuleCall | undefined> {
  const keywords = fields.what === 'a handler' ? HANDLER : TASK;
  const others = fields.keys.filter((key) => !Object.hasOwn(keywords, key));
  const modules = others.filter((key) => key === 'meta' || context.modulesCalled(key).length > 0);
  const strange = others.filter((key) => !modules.includes(key));
  const [key, second] = modules;
  if (key === undefined) {
    noModule(fields, strange, context);
    return undefined;
  }
  for (const other of strange) {
    const message = unknownKey(other, keywords, fields.what);
    const isGuess = message.startsWith('unknown key') && !message.includes('did you mean');
    const near = isGuess ? context.nearestModule(other) : undefined;
    const hints = near === undefined ? [] : [`it looks like ${near}, but a task runs one module`];
    fields.keyProblem(other, 'unknown-key', message, ...hints);
  }
  if (second !== undefined) {
    fields.keyProblem(
      second,
      'several-modules',
      `${fields.what} runs one module, but this one names ${modules.map((name) => `"${name}"`).join(' and ')}`,
      'make each a task of its own',
    );
    return undefined;
  }
  if (key === 'meta') return metaCall(fields);
  return moduleCall(fields, key, context);
}

/** No key is a module: says which key was probably meant to be one. */
function noModule(fields: Fields, strange: readonly string[], context: LoadContext): void {
  const [only] = strange;
  if (only === undefined) {
    fields.problem(
      'no-module',
      `${fields.what} without a module: nothing to do`,
      'modules are listed by: pitr modules',
    );
    return;
  }
  const keywords = fields.what === 'a handler' ? HANDLER : TASK;
  for (const key of strange) {
    const bare = key.replace(/^ansible\.(builtin|posix|legacy)\./, '').replace(/^community\.\w+\./, '');
    const named = bare === key ? undefined : bare;
    const ownKey = MODULES_THAT_ARE_KEYS.find((one) => one === named);
    const noKey = MODULES_THAT_ARE_NO_KEYS.find((one) => one === named);
    const own = ownKey ?? (named === undefined ? undefined : context.modulesCalled(named)[0]);
    const advice = noKey === undefined ? ANSIBLE_MODULES[bare] : ANSIBLE_KEYWORDS[noKey];
    const near = context.nearestModule(key);
    const full = context.modulesOfFamilies(bare).join(' or ');
    const keyword = unknownKey(key, keywords, fields.what);
    if (own !== undefined) fields.keyProblem(key, 'module-unknown', `"${key}" is written ${own} here`);
    else if (advice !== undefined) {
      const other = full === '' ? [] : [`pitr's own module of that name does something else: ${full}`];
      fields.keyProblem(key, 'module-unknown', `"${key}" ${advice}`, ...other);
    } else if (full !== '')
      fields.keyProblem(key, 'module-without-family', `"${key}" is written with its family: ${full}`);
    else if (!keyword.startsWith('unknown key') || keyword.includes('did you mean')) {
      fields.keyProblem(
        key,
        'unknown-key',
        keyword,
        ...(near === undefined ? [] : [`or the module ${near}?`]),
      );
    } else {
      const meant = near === undefined ? '' : ` (did you mean "${near}"?)`;
      fields.keyProblem(
        key,
        'module-unknown',
        `there is no module "${key}"${meant}`,
        'modules are listed by: pitr modules',
      );
    }
  }
}

function metaCall(fields: Fields): ModuleCall | undefined {
  const value = fields.located.value.meta;
  const advice = typeof value === 'string' ? ANSIBLE_META[value] : undefined;
  if (advice !== undefined) {
    fields.wrong('meta', `${String(value)} ${advice}`);
    return undefined;
  }
  const action = fields.choice('meta', META_ACTIONS);
  if (action === undefined) return undefined;
  return { name: 'meta', args: underName(fields.part('meta'), 'value') };
}

async function moduleCall(
  fields: Fields,
  key: string,
  context: LoadContext,
): Promise<ModuleCall | undefined> {
  const [name, other] = context.modulesCalled(key);
  if (name === undefined) return undefined;
  if (other !== undefined) {
    const all = context.modulesCalled(key).join(' or ');
    fields.keyProblem(
      key,
      'module-ambiguous',
      `several modules are called "${key}"`,
      `write the full name: ${all}`,
    );
    return undefined;
  }
  const written = fields.part(key);
  const more = fields.mapping('args');
  if (isMappingPart(written))
    return { name, args: more === undefined ? written : mergedArgs([written, more]) };
  if (written.value === null) return { name, args: more ?? located({}, written.at) };
  const form = await context.freeForm(name, fields.located.locateKey([key]));
  if (form.param === undefined) {
    const example =
      typeof written.value === 'string' && /^\w+=/.test(written.value) ? ' (not name=value)' : '';
    fields.wrong(key, 'must be a mapping of params', `write "param: value" lines under ${key}:${example}`);
    return undefined;
  }
  const args = freeFormArgs(fields, key, form.param, form, context.problems);
  if (args === undefined) return undefined;
  return { name, args: more === undefined ? args : mergedArgs([args, more]) };
}

/** Nothing would read them: the task would be tried once. */
function refuseRetriesAlone(fields: Fields): void {
  const alone = ['retries', 'delay'].find((key) => fields.has(key));
  if (alone === undefined || fields.has('until')) return;
  fields.keyProblem(
    alone,
    'retries-without-until',
    `"${alone}" does nothing without until`,
    'write until: true beside it to try again while the task fails, or the condition that has to hold',
  );
}

function loopOf(fields: Fields): Located | undefined {
  if (!fields.has('loop')) return undefined;
  const loop = fields.part('loop');
  if (Array.isArray(loop.value)) return loop;
  if (typeof loop.value === 'string' && loop.value.includes('{{')) return loop;
  const hint = isMapping(loop.value)
    ? 'a mapping has no order: write a list of mappings with key and value'
    : typeof loop.value === 'string' && /^[A-Za-z_][\w.]*$/.test(loop.value)
      ? `a variable is written loop: "{{ ${loop.value} }}"`
      : undefined;
  fields.wrong('loop', 'must be a list, or one {{ }} that gives a list', hint);
  return undefined;
}

function loopControlOf(fields: Fields, context: LoadContext): Task['loopControl'] {
  const written = fields.mapping('loop_control');
  if (written === undefined) return { loopVar: 'item' };
  const control = new Fields(written, 'loop_control', context.problems);
  control.refuseUnknown(LOOP_CONTROL);
  const name = (key: string): string | undefined => {
    const variable = control.constant(key, 'the name must be known before the run');
    const flaw = variable === undefined ? undefined : nameFlaw(variable);
    if (flaw !== undefined) control.wrong(key, `cannot be used: ${flaw}`);
    return variable;
  };
  const indexVar = name('index_var');
  const label = control.text('label');
  const pause = control.number('pause', { min: 0 });
  return {
    loopVar: name('loop_var') ?? 'item',
    ...(indexVar === undefined ? {} : { indexVar }),
    ...(label === undefined ? {} : { label }),
    ...(pause === undefined ? {} : { pauseMs: pause * 1000 }),
  };
}
