import type { SourcePosition } from '../../base/errors/pitr-error.ts';
import type { Located } from '../yaml/located.ts';
import { type Fields, isMappingPart } from './fields.ts';
import type { Become, Condition, Inherited, Vars } from './model.ts';
import type { ProblemList } from './problems.ts';
import { namedVars } from './variables.ts';

/** What a step inherits from the play, blocks and includes around it. */
export interface Surroundings extends Inherited {
  /** As written; a literal false stands for "not, whatever is said further out". */
  readonly ignoreErrors: Condition | undefined;
  readonly notify: readonly Located<string>[];
  readonly saidHarmless: SourcePosition | undefined;
}

export function outermost(directory: string): Surroundings {
  return {
    directory,
    when: [],
    tags: [],
    vars: [],
    become: undefined,
    environment: [],
    delegateTo: undefined,
    runOnce: false,
    stage: undefined,
    ignoreErrors: undefined,
    anyErrorsFatal: undefined,
    noLog: false,
    notify: [],
    saidHarmless: undefined,
  };
}

/** What holds inside a play, block, include or task: what is around it and what it says itself. */
export function within(outer: Surroundings, fields: Fields, problems: ProblemList): Surroundings {
  const vars = varsOf(fields, problems);
  const [ignoreErrors, another] = fields.conditions('ignore_errors') ?? [];
  if (another !== undefined) fields.wrong('ignore_errors', 'takes one condition', 'join them: a && b');
  return {
    directory: outer.directory,
    when: [...outer.when, ...(fields.conditions('when') ?? [])],
    tags: [...new Set([...outer.tags, ...tagsOf(fields)])],
    vars: vars === undefined ? outer.vars : [...outer.vars, vars],
    become: becomeOf(outer.become, fields),
    environment: [...outer.environment, ...environmentOf(fields)],
    delegateTo: fields.text('delegate_to') ?? outer.delegateTo,
    runOnce: fields.flag('run_once') ?? outer.runOnce,
    stage: stageOf(fields) ?? outer.stage,
    ignoreErrors: ignoreErrors ?? outer.ignoreErrors,
    anyErrorsFatal: fields.flag('any_errors_fatal') ?? outer.anyErrorsFatal,
    noLog: fields.flag('no_log') ?? outer.noLog,
    notify: [...outer.notify, ...fields.texts('notify')],
    saidHarmless: harmlessAt(fields) ?? outer.saidHarmless,
  };
}

/** `ignore_errors` as the model has it: nothing where errors are not ignored. */
export function ignoring(condition: Condition | undefined): Condition | undefined {
  return condition?.value === false ? undefined : condition;
}

/** `vars:`; nothing where there are none. */
export function varsOf(fields: Fields, problems: ProblemList): Vars | undefined {
  const written = fields.mapping('vars');
  return written === undefined ? undefined : namedVars(written, problems);
}

const STAGE = /^[A-Za-z][A-Za-z0-9-]*$/;
const RESERVED_TAGS = ['all', 'tagged', 'untagged'];

/** Tags may be a list or words with commas between them. */
export function tagsOf(fields: Fields): readonly string[] {
  const tags = fields.texts('tags').flatMap((tag) => tag.value.split(',').map((word) => word.trim()));
  for (const tag of tags) {
    if (tag.includes('{{')) fields.wrong('tags', 'cannot hold {{ }}: tags are known before the run');
    if (RESERVED_TAGS.includes(tag))
      fields.wrong('tags', `cannot name "${tag}": it is a word of --tags itself`);
  }
  return tags.filter((tag) => tag !== '');
}

/** `stage:` is a name that readers of events look for, so it has the form of one. */
function stageOf(fields: Fields): string | undefined {
  const stage = fields.constant('stage', 'readers of events know it beforehand');
  if (stage === undefined || STAGE.test(stage)) return stage;
  fields.wrong('stage', 'must be a word of letters, digits and "-" (restore, old-data)');
  return undefined;
}

function becomeOf(outer: Become | undefined, fields: Fields): Become | undefined {
  const enabled = fields.flag('become');
  const user = fields.text('become_user');
  if (enabled === undefined && user === undefined) return outer;
  if (user !== undefined && enabled === undefined && outer === undefined) {
    fields.keyProblem(
      'become_user',
      'become-missing',
      '"become_user" does nothing without become',
      'write become: true beside it',
    );
  }
  const inheritedUser = user ?? outer?.user;
  return {
    enabled: enabled ?? outer?.enabled ?? false,
    ...(inheritedUser === undefined ? {} : { user: inheritedUser }),
  };
}

/** Environment: a mapping, a template that gives one, or a list of these. */
export function environmentOf(fields: Fields): readonly Located[] {
  if (!fields.has('environment')) return [];
  const written = fields.part('environment');
  const parts = Array.isArray(written.value) ? fields.items('environment') : [written];
  return parts.filter((located) => {
    const good =
      isMappingPart(located) || (typeof located.value === 'string' && located.value.includes('{{'));
    if (!good) fields.wrong('environment', 'must be a mapping of names to values');
    return good;
  });
}

/** Where `check_mode: false` is written; there is no other value. */
function harmlessAt(fields: Fields): SourcePosition | undefined {
  const value = fields.flag('check_mode');
  if (value === true) {
    fields.wrong(
      'check_mode',
      'can only be false here (harmless: it changes nothing, and runs in check mode)',
      'a run that changes nothing is made with --check',
    );
  }
  return value === false ? fields.located.locateKey(['check_mode']) : undefined;
}
