import { asPitrError } from '../../base/errors/pitr-error.ts';
import { Unknown } from '../../base/values/unknown.ts';
import type { Task } from '../../language/playbook/model.ts';
import type { Scope } from './scope.ts';

/** A task's name for display, as the host of the scope sees it; a name that cannot be rendered yet stays as written. */
export function taskName(task: Task, scope: Scope): string {
  if (!task.name.value.includes('{{')) return task.name.value;
  try {
    const name = scope.renderLocated(task.name);
    return name instanceof Unknown ? task.name.value : String(name);
  } catch (thrown) {
    // Loop variables in names are not there yet; the name is only for display.
    if (asPitrError(thrown).kind === 'validation') return task.name.value;
    throw thrown;
  }
}
