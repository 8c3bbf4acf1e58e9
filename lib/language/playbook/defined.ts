import type { AnyModule } from '../../contract/module.ts';
import { paramsOf } from '../../modules/params.ts';
import type { Play, Task } from './model.ts';
import { withDefaults } from './module-defaults.ts';
import { Names } from './names.ts';

/** The variables that later tasks can see because of a task. */
export interface DefinedBy {
  readonly names: readonly string[];
  /** Others too, and only the run can tell which. */
  readonly anything: boolean;
}

/** What a task registers, and the facts that its module says it sets. */
export function definedBy(task: Task, play: Play, module: AnyModule | undefined): DefinedBy {
  const registered = task.register === undefined ? [] : [task.register];
  const facts = factsOf(task, play, module);
  if (facts === 'anything') return { names: registered, anything: true };
  return { names: [...registered, ...facts], anything: facts.some(holdsTemplate) };
}

/** The variables that a task's module says its facts set. */
export function factsOf(
  task: Task,
  play: Play,
  module: AnyModule | undefined,
): readonly string[] | 'anything' {
  if (module?.kind !== 'control') return [];
  const known = paramsOf(module.params)?.params ?? [];
  const written = withDefaults(
    task,
    play,
    known.map(({ name }) => name),
  );
  return module.sets?.(written.value) ?? 'anything';
}

/** A name that only the run can tell. */
export function holdsTemplate(name: string): boolean {
  return name.includes('{{');
}

/** What the tasks so far have defined; it grows from task to task, and from play to play. */
export class Defined {
  readonly #names = new Set<string>();
  #anything = false;

  add(by: DefinedBy | undefined): void {
    for (const name of by?.names ?? []) this.#names.add(name);
    this.#anything ||= by?.anything === true;
  }

  /** What a place sees that sees this, and what is around it. */
  seenFrom(outer: Names): Names {
    return new Names(this.#names, outer, { open: this.#anything });
  }
}
