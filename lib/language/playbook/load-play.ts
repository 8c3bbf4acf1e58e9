import { didYouMean } from '../../base/errors/nearest.ts';
import { located } from '../yaml/load.ts';
import type { Located } from '../yaml/located.ts';
import { Fields, isMappingPart, type Mapping } from './fields.ts';
import { PLAY } from './keywords.ts';
import type { LoadContext } from './load-context.ts';
import { flatTasks, loadSteps } from './load-steps.ts';
import type { Play, Step, Task } from './model.ts';
import { environmentOf, outermost, type Surroundings, varsOf, within } from './surroundings.ts';

/** Reads one play. `id` is its number in the whole playbook, imports counted. */
export async function loadPlay(
  written: Located<Mapping>,
  id: string,
  place: { readonly file: string; readonly directory: string },
  context: LoadContext,
): Promise<Play> {
  const fields = new Fields(written, 'a play', context.problems);
  fields.refuseUnknown(PLAY);
  const hosts = hostsOf(fields);
  // Variables and environment of a play have fields of their own; all else comes down to its tasks.
  const inner: Surroundings = {
    ...within(outermost(place.directory), fields, context.problems),
    vars: [],
    environment: [],
  };
  const source = { files: [place.file], handlers: false };
  const tasks = await loadTasks(fields, id, inner, context, source);
  const handlers = await loadSteps(
    fields.items('handlers'),
    { prefix: `${id}.h`, start: 1 },
    inner,
    context,
    {
      ...source,
      handlers: true,
    },
  );
  const maxFailPercentage = fields.number('max_fail_percentage', { min: 0, max: 100 });
  const gatherFacts = fields.flag('gather_facts') ?? false;
  return {
    name: fields.text('name')?.value ?? hosts.value,
    at: written.at,
    directory: place.directory,
    hosts,
    vars: varsOf(fields, context.problems) ?? {},
    varsFiles: fields.texts('vars_files'),
    defaultsFiles: fields.texts('defaults_files'),
    tasks: [
      ...(gatherFacts ? [factsTask(inner, written, id)] : []),
      ...withFlushes(tasks, handlers.length > 0, id),
    ],
    handlers: flatTasks(handlers),
    strategy: fields.choice('strategy', ['linear', 'free']) ?? 'linear',
    serial: serialOf(fields),
    anyErrorsFatal: inner.anyErrorsFatal ?? false,
    ...(maxFailPercentage === undefined ? {} : { maxFailPercentage }),
    gatherFacts,
    become: inner.become,
    environment: environmentOf(fields),
    moduleDefaults: moduleDefaultsOf(fields, context),
    tags: inner.tags,
    when: [],
  };
}

/** `hosts:` as one pattern; a list is a pattern with commas. */
function hostsOf(fields: Fields): Located<string> {
  const at = fields.located.at;
  if (!fields.has('hosts')) {
    fields.problem(
      'no-hosts',
      'a play without hosts',
      'write hosts: with a pattern of hosts and groups of the inventory',
    );
    return located('', at);
  }
  const patterns = fields.texts('hosts');
  const [only, ...others] = patterns;
  if (only === undefined) {
    if (!Array.isArray(fields.located.value.hosts))
      fields.wrong('hosts', 'must name hosts or groups of the inventory');
    return located('', at);
  }
  return others.length === 0
    ? only
    : located(patterns.map((pattern) => pattern.value).join(','), fields.part('hosts').at);
}

async function loadTasks(
  fields: Fields,
  id: string,
  inner: Surroundings,
  context: LoadContext,
  source: Parameters<typeof loadSteps>[4],
): Promise<readonly (readonly Step[])[]> {
  const sections: (readonly Step[])[] = [];
  let start = 1;
  for (const key of ['pre_tasks', 'tasks', 'post_tasks']) {
    const items = fields.items(key);
    sections.push(await loadSteps(items, { prefix: id, start }, inner, context, source));
    start += items.length;
  }
  return sections;
}

/** Handlers that were notified run at the end of each section, as in Ansible: the end of the play is the engine's. */
function withFlushes(
  sections: readonly (readonly Step[])[],
  hasHandlers: boolean,
  id: string,
): readonly Step[] {
  const filled = sections.filter((section) => section.length > 0);
  if (!hasHandlers) return filled.flat();
  return filled.flatMap((section, i) => {
    const last = section.at(-1);
    return i === filled.length - 1 || last === undefined
      ? section
      : [...section, flush(last, `${id}.f${i + 1}`)];
  });
}

function flush(after: Step, id: string): Task {
  const args = located({ value: 'flush_handlers' }, after.at);
  return implied(after, {
    ...outermost(after.directory),
    id,
    name: 'run notified handlers',
    module: 'meta',
    args,
  });
}

/** `gather_facts: true` is a first task that registers `facts`. */
function factsTask(inner: Surroundings, play: Located, id: string): Task {
  const args = located({}, play.at);
  const task = {
    ...inner,
    id: `${id}.0`,
    name: 'gather facts',
    module: 'core.facts',
    args,
    register: 'facts',
  };
  return implied(play, task);
}

/** A task that nobody wrote; it runs whatever tags are asked for. */
function implied(
  source: Pick<Step, 'at'>,
  task: Surroundings &
    Pick<Task, 'id' | 'module' | 'args'> & { readonly name: string; readonly register?: string },
): Task {
  return {
    ...task,
    kind: 'task',
    at: source.at,
    tags: [...task.tags, 'always'],
    ignoreErrors: undefined,
    name: located(task.name, source.at),
    formerly: [],
    register: task.register,
    loop: undefined,
    loopControl: { loopVar: 'item' },
    until: [],
    retries: undefined,
    delay: undefined,
    timeout: undefined,
    changedWhen: undefined,
    failedWhen: undefined,
    listen: [],
  };
}

function serialOf(fields: Fields): readonly (number | string)[] {
  if (!fields.has('serial')) return [];
  const { serial } = fields.located.value;
  const sizes: readonly unknown[] = Array.isArray(serial) ? serial : [serial];
  const good = sizes.filter(isBatch);
  if (good.length < sizes.length || sizes.length === 0) {
    fields.wrong('serial', 'must be a count of hosts (1 or more), a percentage ("30%"), or a list of them');
    return [];
  }
  return good;
}

function isBatch(size: unknown): size is number | string {
  if (typeof size === 'number') return Number.isInteger(size) && size > 0;
  return typeof size === 'string' && /^(100|[1-9]\d?)%$/.test(size);
}

/** Defaults by full module name or by family; the checker looks at the params themselves. */
function moduleDefaultsOf(fields: Fields, context: LoadContext): Play['moduleDefaults'] {
  const written = fields.mapping('module_defaults');
  if (written === undefined) return {};
  const each = new Fields(written, 'module_defaults', context.problems);
  const families = new Set(context.moduleNames.map((name) => name.slice(0, name.indexOf('.'))));
  const defaults: Record<string, Located<Mapping>> = {};
  for (const key of each.keys) {
    const [module, other] = context.modulesCalled(key);
    const name = families.has(key) ? key : other === undefined ? module : undefined;
    const params = each.part(key);
    if (name === undefined) {
      const near = didYouMean(key, [...families, ...context.moduleNames]);
      each.keyProblem(
        key,
        'module-unknown',
        `module_defaults: no module and no family of modules is called "${key}"${near}`,
      );
    } else if (isMappingPart(params)) defaults[name] = params;
    else each.wrong(key, 'must be a mapping of params');
  }
  return defaults;
}
