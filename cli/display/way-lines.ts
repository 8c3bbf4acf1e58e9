import type { Way } from '../../lib/engine/events/events.ts';
import { printable, wrapWords } from '../text.ts';
import type { ViewSettings } from './settings.ts';

/** What can be done now, each with its command on a line of its own, to be copied. */
export function wayLines(
  ways: readonly Way[],
  { paint, columns }: Pick<ViewSettings, 'paint' | 'columns'>,
): string[] {
  if (ways.length === 0) return [];
  return [
    '',
    paint.strong('What you can do now:'),
    ...ways.flatMap(({ text, command }) => [
      ...wrapWords(printable(command === undefined ? text : `${text}:`), columns(), '  '),
      ...(command === undefined ? [] : [`    ${printable(command)}`]),
    ]),
  ];
}
