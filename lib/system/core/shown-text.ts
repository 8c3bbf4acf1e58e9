import { z } from 'zod';
import { Unknown } from '../../base/values/unknown.ts';

/** A text that is only shown: what check mode does not know yet is shown as such instead of being refused. */
export const shownText = z.preprocess(
  (value) => (value instanceof Unknown ? String(value) : value),
  z.string(),
);

/** One text, or several lines; read it with `linesOf`. */
export const shownLines = z.union([shownText, z.array(shownText)]);

/**
 * The same where it is only shown when something fails: what cannot be filled in then is left open, so that the words of
 * a refusal never stand in its way.
 */
export const failureText = shownText.meta({ failure: true });
export const failureLines = shownLines.meta({ failure: true });

export function linesOf(text: z.output<typeof shownLines> | undefined): readonly string[] {
  if (text === undefined) return [];
  return typeof text === 'string' ? text.split('\n').filter((line) => line !== '') : text;
}
