import { PitrError } from '../../base/errors/pitr-error.ts';
import { type SplitFault, splitWords } from '../../base/values/split-words.ts';

/** The fault in words, for a schema's message. */
export function describeFault(fault: SplitFault): string {
  return fault.fault === 'unclosed-quote'
    ? `the quote ${fault.quote} is not closed`
    : `"${fault.operator}" needs a shell, and core.command has none: use core.shell, or quote it if it is an argument`;
}

/** The words, or kind `validation`. */
export function wordsOf(text: string): readonly string[] {
  const words = splitWords(text);
  if (!('fault' in words)) return words;
  throw new PitrError({
    kind: 'validation',
    // The text is not a command: a quote is not closed, or it needs a shell.
    code: 'command-words',
    message: describeFault(words),
  });
}
