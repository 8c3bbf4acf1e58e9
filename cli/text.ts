import { stripVTControlCharacters } from 'node:util';

/**
 * Text that came from a host, made safe for a terminal: no escape sequences, no control characters (shown as `\x07`);
 * of a line that was redrawn with carriage returns only what was last to be seen. Line ends and tabs stay.
 */
export function printable(text: string): string {
  return stripVTControlCharacters(text)
    .replace(/\r+\n/g, '\n')
    .replace(/[^\n\r]*\r+(?=[^\n\r])/g, '')
    .replace(/\r+/g, '')
    .replace(
      // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not reach the terminal
      /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g,
      (character) => `\\x${(character.codePointAt(0) ?? 0).toString(16).padStart(2, '0')}`,
    );
}

/** The colours that a line of ours has, and no others. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: that is how they begin
const COLOURS = /(\u001b\[(?:1|22|3\d|9\d)m)/;

/** The same for a line that is painted already: its colours stay. */
export function printablePainted(line: string): string {
  return line
    .split(COLOURS)
    .map((part, index) => (index % 2 === 1 ? part : printable(part)))
    .join('');
}

/** The same on one line: line ends and runs of blanks become one blank. */
export function oneLine(text: string): string {
  return printable(text).replace(/\s+/g, ' ').trim();
}

/** Words laid out in lines of at most `columns`; a word that is longer (a path, a command) stays whole. */
export function wrapWords(text: string, columns: number, indent = ''): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > columns - indent.length) {
      lines.push(indent + line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  if (line !== '') lines.push(indent + line);
  return lines;
}

/** The same, line by line, of text that is laid out: empty lines stay, and so does the indent of each line. */
export function wrapLaidOut(text: string, columns: number): string[] {
  return text.split('\n').flatMap((line) => {
    const indent = /^ */.exec(line)?.[0] ?? '';
    return line === indent ? [''] : wrapWords(line.slice(indent.length), columns, indent);
  });
}

/** At most `columns` long; what is cut is marked by an ellipsis. */
export function truncate(text: string, columns: number): string {
  const characters = [...text];
  if (characters.length <= columns) return text;
  return `${characters.slice(0, Math.max(0, columns - 1)).join('')}…`;
}

/** `850 ms`, `4.2 s`, `3 min 05 s`, `1 h 02 min`. */
export function duration(milliseconds: number): string {
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  if (milliseconds < 59_950) return `${(milliseconds / 1000).toFixed(1)} s`;
  const seconds = Math.round(milliseconds / 1000);
  const two = (n: number): string => String(n).padStart(2, '0');
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${two(seconds % 60)} s`;
  return `${Math.floor(seconds / 3600)} h ${two(Math.floor((seconds % 3600) / 60))} min`;
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}
