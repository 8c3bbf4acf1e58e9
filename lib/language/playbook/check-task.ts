import { didYouMean } from '../../base/errors/nearest.ts';
import type { AnyModule } from '../../contract/module.ts';
import { paramsOf } from '../../modules/params.ts';
import type { Located } from '../yaml/located.ts';
import {
  checkCondition,
  checkConditions,
  checkExpression,
  checkTemplates,
  checkTemplatesIn,
} from './check-values.ts';
import { factsOf, holdsTemplate } from './defined.ts';
import { handlerUnknown } from './handler-names.ts';
import type { Play, Task } from './model.ts';
import { withDefaults } from './module-defaults.ts';
import type { Names } from './names.ts';
import { paramProblems } from './params.ts';
import type { ProblemList } from './problems.ts';
import { nameFlaw } from './variables.ts';

/** What a task is checked against. */
export interface TaskCheck {
  readonly play: Play;
  /** Nothing where the module could not be loaded (a problem already told). */
  readonly module: AnyModule | undefined;
  /** What the task can see: everything but its own variables, its loop's and its result. */
  readonly names: Names;
  /** What variables may refer to: they are rendered when used, so what is registered later counts too. */
  readonly anywhere: Names;
  readonly hosts: ReadonlySet<string>;
  /** Names and `listen` of the play's handlers. */
  readonly handlers: ReadonlySet<string>;
  /** Whether any host, not only those of the play, has a variable (for work that is delegated). */
  readonly hostVariable: (name: string) => boolean;
  /** Variables and conditions that several tasks share, and that have been looked at. */
  readonly seen: Set<object>;
  readonly problems: ProblemList;
}

/** Checks all that can be known of a task before any host is contacted. */
export function checkTask(task: Task, check: TaskCheck): void {
  const { problems } = check;
  const { loopVar, indexVar, label } = task.loopControl;
  const looped = task.loop === undefined ? [] : [loopVar, ...(indexVar === undefined ? [] : [indexVar])];
  const own = check.names.with(task.vars.flatMap((vars) => Object.keys(vars)));
  const inLoop = own.with(looped);
  const afterwards = inLoop.with(['result', ...(task.register === undefined ? [] : [task.register])]);

  checkVars(task, check.anywhere.with(looped), check);
  checkTemplates(task.name, own, problems);
  if (task.loop !== undefined) checkTemplates(task.loop, own, problems);
  checkConditions(once(task.when, check.seen), inLoop, problems);
  checkConditions(
    [...task.until, ...(task.changedWhen ?? []), ...(task.failedWhen ?? [])],
    afterwards,
    problems,
  );
  if (task.ignoreErrors !== undefined)
    checkConditions(once([task.ignoreErrors], check.seen), afterwards, problems);
  const rendered = [task.retries, task.delay, task.timeout, label, task.become?.user, task.delegateTo];
  for (const value of [...rendered, ...task.environment]) {
    if (value !== undefined) checkTemplates(value, inLoop, problems);
  }
  checkRunOnce(task, check);
  checkDelegate(task, check);
  checkNotify(task, inLoop, check);
  checkHarmless(task, check);
  if (check.module !== undefined) checkArgs(task, check.module, inLoop, check);
}

/** Of values that blocks hand down to several tasks, those that are met for the first time. */
function once<T extends object>(values: readonly T[], seen: Set<object>): readonly T[] {
  return values.filter((value) => !seen.has(value) && seen.add(value));
}

function checkVars(task: Task, names: Names, { seen, problems }: TaskCheck): void {
  const visible = names.with(task.vars.flatMap((vars) => Object.keys(vars)));
  for (const vars of once(task.vars, seen)) {
    for (const value of Object.values(vars)) checkTemplates(value, visible, problems);
  }
}

/** Hosts that go at their own pace would have to wait for the one that does it, and for its result. */
function checkRunOnce({ runOnce, module, at }: Task, { play, problems }: TaskCheck): void {
  if (!runOnce || module === 'meta' || play.strategy !== 'free') return;
  problems.add({
    code: 'run-once-free',
    message: 'a task of a play with "strategy: free" cannot run once: each host would do it',
    at,
    hints: ['leave out "strategy: free", or put the task into a play of its own before this one'],
  });
}

function checkDelegate({ delegateTo }: Task, { hosts, seen, problems }: TaskCheck): void {
  if (delegateTo === undefined || delegateTo.value.includes('{{') || seen.has(delegateTo)) return;
  seen.add(delegateTo);
  if (hosts.has(delegateTo.value) || delegateTo.value === 'localhost') return;
  problems.add({
    code: 'host-unknown',
    message: `delegate_to: the inventory has no host "${delegateTo.value}"${didYouMean(delegateTo.value, hosts)}`,
    at: delegateTo.at,
  });
}

function checkNotify(task: Task, names: Names, { handlers, problems }: TaskCheck): void {
  for (const name of task.notify) {
    checkTemplates(name, names, problems);
    if (name.value.includes('{{') || handlers.has(name.value)) continue;
    problems.add({ ...handlerUnknown(name.value, handlers), at: name.at });
  }
}

/** Check mode writes nothing because it cannot: no word of a playbook lets a module that changes run in it. */
function checkHarmless({ saidHarmless, module: name }: Task, { module, problems }: TaskCheck): void {
  if (saidHarmless === undefined || module?.kind !== 'change') return;
  problems.add({
    code: 'check-mode-changes',
    message: `check_mode: false is for tasks that only look, and "${name}" is there to change something: --check never writes`,
    at: saidHarmless,
    hints: [
      'read with a module that only looks, which runs in check mode by itself: pitr modules says which do',
      'without check_mode, what needs the result is shown as unknown in a check; `when: !check_mode` leaves it out',
    ],
  });
}

function checkArgs(task: Task, module: AnyModule, names: Names, check: TaskCheck): void {
  const { problems } = check;
  const known = paramsOf(module.params);
  const special = new Map(known?.params.map((param) => [param.name, param.holds]));
  for (const [name, value] of Object.entries(task.args.value)) {
    const locate = (path: readonly (string | number)[]) => task.args.locate([name, ...path]);
    const holds = special.get(name);
    if (holds === undefined) checkTemplatesIn(value, locate, names, problems);
    else if (holds === 'conditions') checkConditionParam(value, locate, names, problems);
    else if (typeof value === 'string') checkExpression(value, task.args.locate([name]), names, problems);
  }
  checkFactNames(task, module, check);
  const params = withDefaults(task, check.play, known?.params.map((param) => param.name) ?? []);
  const filled = (variable: string) => names.has(variable) || check.hostVariable(variable);
  for (const problem of paramProblems(module, task.module, params.value, params, filled))
    problems.add(problem);
}

function checkConditionParam(
  value: unknown,
  locate: (path: readonly (string | number)[]) => Located['at'],
  names: Names,
  problems: ProblemList,
): void {
  const list = Array.isArray(value) ? value : [value];
  list.forEach((condition: unknown, i) => {
    if (typeof condition === 'string')
      checkCondition(condition, locate(Array.isArray(value) ? [i] : []), names, problems);
  });
}

function checkFactNames(task: Task, module: AnyModule, { play, problems }: TaskCheck): void {
  const facts = factsOf(task, play, module);
  for (const name of facts === 'anything' ? [] : facts) {
    const isKey = Object.hasOwn(task.args.value, name);
    // As a key it is never rendered.
    const flaw = isKey || !holdsTemplate(name) ? nameFlaw(name) : undefined;
    if (flaw === undefined) continue;
    const at = isKey ? task.args.locateKey([name]) : task.at;
    problems.add({ code: 'variable-name', message: flaw, at });
  }
}
