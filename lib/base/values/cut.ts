/**
 * The beginning of a long text, with the mark that it goes on: without that nobody sees that a secret was cut in its middle,
 * and what is left of it is not masked.
 */
export function cut(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most)}...`;
}
