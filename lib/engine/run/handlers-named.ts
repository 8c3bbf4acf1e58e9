import { PitrError, type SourcePosition } from '../../base/errors/pitr-error.ts';
import { handlerNames, handlerUnknown } from '../../language/playbook/handler-names.ts';
import type { Play, Task } from '../../language/playbook/model.ts';

/** The handlers of a play that answer to a name. A name that is made of variables is known only to the run. */
export function handlersNamed(name: string, { handlers }: Play, at: SourcePosition): readonly Task[] {
  const found = handlers.filter((handler) => handler.name.value === name || handler.listen.includes(name));
  if (found.length > 0) return found;
  const { code, message, hints } = handlerUnknown(name, handlerNames(handlers));
  throw new PitrError({ kind: 'validation', code, message, details: hints, at });
}
