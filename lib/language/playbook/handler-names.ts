import { didYouMean } from '../../base/errors/nearest.ts';
import type { Play } from './model.ts';

/** What `notify` may name: the handlers of a play, and the words that they listen to. */
export function handlerNames(handlers: Play['handlers']): ReadonlySet<string> {
  return new Set(handlers.flatMap((handler) => [handler.name.value, ...handler.listen]));
}

/** The words for a name that is none of them. */
export function handlerUnknown(name: string, handlers: ReadonlySet<string>) {
  return {
    code: 'handler-unknown',
    message: `notify: the play has no handler "${name}"${didYouMean(name, handlers)}`,
    hints: [handlers.size === 0 ? 'it has no handlers at all' : `it has: ${[...handlers].join(', ')}`],
  };
}
