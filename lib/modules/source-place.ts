import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { asNamed } from '../base/errors/as-named.ts';
import type { SourcePosition } from '../base/errors/pitr-error.ts';

/** The places that a stack names, the innermost first; those in Node itself are left out. */
export function placesOf(error: Error): readonly SourcePosition[] {
  return (error.stack ?? '').split('\n').flatMap((frame) => {
    const [, file, line, column] = /^\s+at .*?\(?((?:file:\/\/)?\/[^()]*):(\d+):(\d+)\)?$/.exec(frame) ?? [];
    if (file === undefined) return [];
    const plain = file.startsWith('file:') ? fileURLToPath(file) : file;
    return [{ file: plain, line: Number(line), column: Number(column) }];
  });
}

/** The line where an error left the code of a user's module: its own file, or one of its folder, the innermost first. */
export function placeInStack(error: Error, file: string): SourcePosition | undefined {
  const folder = path.dirname(file) + path.sep;
  const place = placesOf(error).find((one) => one.file.startsWith(folder));
  // The columns are those of the code without its types; the lines are the file's own.
  return place === undefined
    ? undefined
    : { ...place, column: indentOf(linesOf(place.file)[place.line - 1]) };
}

/** Where a part of a module stands in its file; the line that exports the module where the part is not found. */
export function placeOfPart(file: string, part: string | undefined): SourcePosition {
  const lines = linesOf(file);
  const found = (pattern: RegExp): SourcePosition | undefined => {
    const line = lines.findIndex((text) => pattern.test(text));
    return line === -1 ? undefined : { file, line: line + 1, column: (lines[line] ?? '').search(/\S/) + 1 };
  };
  const named =
    part === undefined
      ? undefined
      : found(new RegExp(`^\\s*(async\\s+)?['"]?${part.replace(/\W/g, '\\$&')}['"]?\\s*[:(,]`));
  return named ?? found(/\bexport\b.*\bmodule\b/) ?? { file, line: 1, column: 1 };
}

/** A place as the operator would type it. */
export function named(place: SourcePosition): SourcePosition {
  return { ...place, file: asNamed(place.file) };
}

export function mend(file: string): string {
  return `Mend ${asNamed(file)}.`;
}

function linesOf(file: string): readonly string[] {
  return readFileSync(file, 'utf8').split('\n');
}

function indentOf(line = ''): number {
  return Math.max(0, line.search(/\S/)) + 1;
}
