import { existsSync } from 'node:fs';
import path from 'node:path';
import { asNamed } from '../../base/errors/as-named.ts';
import type { SourcePosition } from '../../base/errors/pitr-error.ts';
import { part } from '../yaml/load.ts';
import type { Located } from '../yaml/located.ts';
import { productPlaybooks } from './assets.ts';
import { Fields, isMapping, isMappingPart, type Mapping } from './fields.ts';
import { IMPORT_PLAYBOOK } from './keywords.ts';
import { LoadContext } from './load-context.ts';
import { loadPlay } from './load-play.ts';
import type { Block, Play, Playbook, Step, Task } from './model.ts';
import { outermost, within } from './surroundings.ts';

/**
 * Reads a playbook with everything that it imports and includes. No host is contacted, nothing is rendered.
 *
 * Throws `PlaybookProblems` (kind `validation`) with all that is wrong in form: keys, values, files, modules. What
 * only the inventory can tell (variables, hosts) is `checkPlaybook`'s.
 */
export async function loadPlaybook(file: string): Promise<Playbook> {
  const context = new LoadContext();
  const plays = await loadFile(file, [], undefined, context);
  context.problems.throwIfAny(file);
  return { file, plays: renumbered(plays) };
}

const FULL_NAME = /^ansible\.(?:builtin|legacy)\.import_playbook$/;

async function loadFile(
  file: string,
  importers: readonly string[],
  from: SourcePosition | undefined,
  context: LoadContext,
): Promise<readonly Play[]> {
  const directory = path.resolve(path.dirname(file));
  const contents = await context.yaml(file, from);
  if (contents === undefined) return [];
  await context.useModulesBeside(directory);
  const plays: Play[] = [];
  for (const item of playItems(contents, context)) {
    const full = Object.keys(item.value).find((key) => FULL_NAME.test(key));
    if (full !== undefined) {
      const fields = new Fields(item, 'a play', context.problems);
      fields.keyProblem(full, 'unknown-key', `"${full}" is written import_playbook here`);
    } else if ('import_playbook' in item.value) {
      plays.push(...(await importPlaybook(item, file, importers, context)));
      await context.useModulesBeside(directory);
    } else plays.push(await loadPlay(item, String(plays.length + 1), { file, directory }, context));
  }
  return plays;
}

/** The plays of a file, where it is a list of mappings. */
function playItems(contents: Located, context: LoadContext): readonly Located<Mapping>[] {
  const { value } = contents;
  const refuse = (message: string, ...hints: string[]): readonly [] => {
    context.problems.add({
      // The file is not a list of plays.
      code: 'not-a-playbook',
      message,
      at: contents.at,
      hints,
    });
    return [];
  };
  if (value === null) return refuse('the playbook is empty', 'a playbook is a list of plays: - hosts: ...');
  if (isMapping(value)) {
    return 'hosts' in value || 'import_playbook' in value
      ? refuse('a playbook is a list of plays', 'put "- " before the play and indent its other lines by two')
      : refuse(
          'a playbook is a list of plays, but this is a mapping',
          'is it an inventory, or a file of variables?',
        );
  }
  if (!Array.isArray(value)) return refuse('a playbook is a list of plays');
  if (value.length === 0)
    return refuse('the playbook is empty', 'a playbook is a list of plays: - hosts: ...');
  const items = value.map((_, i) => part(contents, [i]));
  const first = value.find(isMapping);
  if (first !== undefined && !items.some((item) => isMapping(item.value) && isPlayLike(item.value))) {
    const names = Object.keys(first).some((key) => context.modulesCalled(key).length > 0);
    if (names)
      return refuse('this is a list of tasks, not of plays', 'put it under "tasks:" of a play: - hosts: ...');
  }
  return items.filter((item): item is Located<Mapping> => {
    if (isMappingPart(item)) return true;
    context.problems.add({
      code: 'not-a-play',
      message: 'a play must be a mapping (name: value lines)',
      at: item.at,
    });
    return false;
  });
}

function isPlayLike(item: Mapping): boolean {
  return ['hosts', 'tasks', 'import_playbook', 'handlers', 'pre_tasks', 'post_tasks'].some(
    (key) => key in item,
  );
}

async function importPlaybook(
  item: Located<Mapping>,
  importer: string,
  importers: readonly string[],
  context: LoadContext,
): Promise<readonly Play[]> {
  const fields = new Fields(item, 'import_playbook', context.problems);
  fields.refuseUnknown(IMPORT_PLAYBOOK);
  fields.text('name');
  const own = within(outermost(''), fields, context.problems);
  const name = fields.constant('import_playbook', 'the file is read before the run');
  if (name === undefined) {
    if (fields.located.value.import_playbook === null)
      fields.wrong('import_playbook', 'must be the name of a file');
    return [];
  }
  const candidates = [path.resolve(path.dirname(importer), name), path.join(productPlaybooks(), name)];
  const found = candidates.find((candidate) => existsSync(candidate));
  if (found === undefined) {
    fields.wrong(
      'import_playbook',
      `names a file that does not exist: ${name}`,
      `looked for ${candidates.join(' and ')}`,
    );
    return [];
  }
  const file = asNamed(found);
  const chain = [...importers, importer];
  if (chain.some((other) => path.resolve(other) === path.resolve(file))) {
    const circle = [...chain, file].map((other) => path.basename(other)).join(' -> ');
    fields.wrong('import_playbook', `goes in a circle: ${circle}`);
    return [];
  }
  const plays = await loadFile(file, chain, fields.part('import_playbook').at, context);
  return plays.map((play) => ({
    ...play,
    when: [...own.when, ...play.when],
    vars: Object.assign({}, play.vars, ...own.vars),
    tags: [...new Set([...own.tags, ...play.tags])],
    tasks: play.tasks.map((step) => tagged(step, own.tags)),
    handlers: play.handlers.map((task) => ({ ...task, tags: [...own.tags, ...task.tags] })),
  }));
}

function tagged(step: Step, tags: readonly string[]): Step {
  if (tags.length === 0) return step;
  const all = [...new Set([...tags, ...step.tags])];
  if (step.kind === 'task') return { ...step, tags: all };
  const each = (steps: readonly Step[]): readonly Step[] => steps.map((inner) => tagged(inner, tags));
  return {
    ...step,
    tags: all,
    block: each(step.block),
    rescue: each(step.rescue),
    always: each(step.always),
  };
}

/** Ids count the plays of the whole playbook: those of an imported file are moved on. */
function renumbered(plays: readonly Play[]): readonly Play[] {
  return plays.map((play, i) => ({
    ...play,
    tasks: play.tasks.map((step) => withPlayNumber(step, i + 1)),
    handlers: play.handlers.map((task) => taskWithPlayNumber(task, i + 1)),
  }));
}

function taskWithPlayNumber(task: Task, number: number): Task {
  return { ...task, id: task.id.replace(/^\d+/, String(number)) };
}

function withPlayNumber(step: Step, number: number): Step {
  if (step.kind === 'task') return taskWithPlayNumber(step, number);
  const each = (steps: readonly Step[]): readonly Step[] =>
    steps.map((inner) => withPlayNumber(inner, number));
  const id = step.id.replace(/^\d+/, String(number));
  const block: Block = {
    ...step,
    id,
    block: each(step.block),
    rescue: each(step.rescue),
    always: each(step.always),
  };
  return block;
}
