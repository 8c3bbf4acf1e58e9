import { existsSync } from 'node:fs';
import path from 'node:path';
import { asNamed } from '../../base/errors/as-named.ts';
import type { SourcePosition } from '../../base/errors/pitr-error.ts';
import type { Located } from '../yaml/located.ts';
import { productPlaybooks } from './assets.ts';
import { Fields, isMappingPart, type Mapping } from './fields.ts';
import { BLOCK, INCLUDE, TASK } from './keywords.ts';
import type { LoadContext } from './load-context.ts';
import { loadTask } from './load-task.ts';
import type { Block, Step, Task } from './model.ts';
import { listOfSteps } from './step-lists.ts';
import { ignoring, type Surroundings, within } from './surroundings.ts';

/** Where steps are read: the files that included each other so far, and whether they are handlers. */
interface Place {
  readonly files: readonly string[];
  readonly handlers: boolean;
}

/** How steps are numbered: by the id of what holds them (`2`, `2.3`), and on from the first number. */
interface Numbering {
  readonly prefix: string;
  readonly start: number;
}

/** Reads a list of tasks, blocks and includes. */
export async function loadSteps(
  items: readonly Located[],
  { prefix, start }: Numbering,
  outer: Surroundings,
  context: LoadContext,
  place: Place,
): Promise<Step[]> {
  const steps: Step[] = [];
  for (const [i, item] of items.entries()) {
    const step = await loadStep(item, `${prefix}.${start + i}`, outer, context, place);
    if (step !== undefined) steps.push(step);
  }
  return steps;
}

async function loadStep(
  item: Located,
  id: string,
  outer: Surroundings,
  context: LoadContext,
  place: Place,
): Promise<Step | undefined> {
  const what = place.handlers ? 'a handler' : 'a task';
  if (!isMappingPart(item)) {
    context.problems.add({
      code: 'not-a-task',
      message: `${what} must be a mapping (name: value lines)${item.value === null ? ', but is empty' : ''}`,
      at: item.at,
    });
    return undefined;
  }
  if ('block' in item.value || 'rescue' in item.value || 'always' in item.value) {
    return loadBlock(item, id, outer, context, place);
  }
  if ('include_tasks' in item.value || 'import_tasks' in item.value) {
    return loadInclude(item, id, outer, context, place);
  }
  return loadTask(item, id, outer, context, what);
}

async function loadBlock(
  item: Located<Mapping>,
  id: string,
  outer: Surroundings,
  context: LoadContext,
  place: Place,
): Promise<Block | undefined> {
  const fields = new Fields(item, 'a block', context.problems);
  if (place.handlers) {
    fields.problem(
      'block-in-handlers',
      'a handler cannot be a block',
      'write its tasks as handlers with the same "listen"',
    );
    return undefined;
  }
  refuseModules(fields, context);
  const inner = within(outer, fields, context.problems);
  if (!fields.has('block')) fields.problem('no-block', 'rescue and always need a block beside them');
  const [blockItems, rescueItems, alwaysItems] = [
    fields.items('block'),
    fields.items('rescue'),
    fields.items('always'),
  ];
  const afterBlock = blockItems.length + 1;
  const block = await loadSteps(blockItems, { prefix: id, start: 1 }, inner, context, place);
  const rescue = await loadSteps(rescueItems, { prefix: id, start: afterBlock }, inner, context, place);
  const always = await loadSteps(
    alwaysItems,
    { prefix: id, start: afterBlock + rescueItems.length },
    inner,
    context,
    place,
  );
  return blockOf(item.at, id, fields.text('name')?.value, inner, { block, rescue, always });
}

function blockOf(
  at: SourcePosition,
  id: string,
  name: string | undefined,
  inner: Surroundings,
  parts: Pick<Block, 'block' | 'rescue' | 'always'>,
): Block {
  return { kind: 'block', id, at, name, ...inner, ...parts, ignoreErrors: ignoring(inner.ignoreErrors) };
}

/** Unknown keys of a block; a module beside `block:` is told apart from a typing mistake. */
function refuseModules(fields: Fields, context: LoadContext): void {
  const modules = fields.keys.filter(
    (key) => !Object.hasOwn(TASK, key) && !(key in BLOCK) && context.modulesCalled(key).length > 0,
  );
  for (const key of modules) {
    fields.keyProblem(
      key,
      'module-in-block',
      `a block runs the tasks under it, not a module: "${key}" must be a task in it`,
    );
  }
  fields.refuseUnknown(BLOCK, modules);
}

const LOOPS: Readonly<Record<string, string>> = {
  loop: 'put the loop on the tasks in the file',
  until: 'put until on the tasks in the file',
  register: 'put register on the tasks in the file',
  apply: 'write its keys beside include_tasks: they hold for all tasks of the file',
};

/** The tasks of another file, in place, as a block; conditions and all that blocks have hold for each of them. */
async function loadInclude(
  item: Located<Mapping>,
  id: string,
  outer: Surroundings,
  context: LoadContext,
  place: Place,
): Promise<Block | undefined> {
  const key = 'include_tasks' in item.value ? 'include_tasks' : 'import_tasks';
  const fields = new Fields(item, key, context.problems);
  for (const [word, advice] of Object.entries(LOOPS)) {
    if (fields.has(word))
      fields.keyProblem(
        word,
        'include-is-static',
        `${key} is read before the run and cannot have "${word}"`,
        advice,
      );
  }
  fields.refuseUnknown(INCLUDE, Object.keys(LOOPS));
  const inner = within(outer, fields, context.problems);
  const file = includedFile(fields, key, outer.directory);
  if (file === undefined) return undefined;
  const at = fields.part(key).at;
  if (place.files.includes(file)) {
    const circle = [...place.files.slice(place.files.indexOf(file)), file]
      .map((name) => path.basename(name))
      .join(' -> ');
    context.problems.add({ code: 'include-circle', message: `a file includes itself: ${circle}`, at });
    return undefined;
  }
  const contents = await context.yaml(file, at);
  if (contents === undefined) return undefined;
  const items = listOfSteps(contents, context.problems);
  const block = await loadSteps(
    items,
    { prefix: id, start: 1 },
    { ...inner, directory: path.resolve(path.dirname(file)) },
    context,
    {
      ...place,
      files: [...place.files, file],
    },
  );
  return blockOf(item.at, id, fields.text('name')?.value, inner, { block, rescue: [], always: [] });
}

/** The file of an include: beside the including file, or in `tasks/` there, or likewise among pitr's own. */
function includedFile(fields: Fields, key: string, directory: string): string | undefined {
  const value = fields.located.value[key];
  if (typeof value === 'object') {
    fields.wrong(key, 'must be the name of a file', `write ${key}: file.yml`);
    return undefined;
  }
  const name = fields.constant(key, 'the file is read before the run; put when on several includes instead');
  if (name === undefined) {
    if (value === null) fields.wrong(key, 'must be the name of a file');
    return undefined;
  }
  const candidates = [path.resolve(directory), productPlaybooks()].flatMap((place) => [
    path.resolve(place, name),
    path.resolve(place, 'tasks', name),
  ]);
  const found = candidates.find((candidate) => existsSync(candidate));
  if (found === undefined)
    fields.wrong(
      key,
      `names a file that does not exist: ${name}`,
      `looked for ${[...new Set(candidates)].join(', ')}`,
    );
  return found === undefined ? undefined : asNamed(found);
}

/** All tasks below a list of steps, in the order of the file: blocks are gone into. */
export function flatTasks(steps: readonly Step[]): readonly Task[] {
  return steps.flatMap((step) =>
    step.kind === 'task'
      ? [step]
      : [...flatTasks(step.block), ...flatTasks(step.rescue), ...flatTasks(step.always)],
  );
}
