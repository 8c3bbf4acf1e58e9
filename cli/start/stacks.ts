import { readFileSync } from 'node:fs';
import { SourceMap } from 'node:module';
import { dirname, join } from 'node:path';

/** Makes stacks name the sources' files and lines instead of those of one file that was built from them. */
export function mapStacks(file: string): void {
  let map: SourceMap | undefined;
  const place = new RegExp(`(?:file://)?${file.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')}:(\\d+):(\\d+)`, 'g');
  const mapped = (text: string): string =>
    text.replace(place, (built, line: string, column: string) => {
      // Read when the first stack is asked for that has the file in it: it is as big as all of the code.
      map ??= new SourceMap(JSON.parse(readFileSync(`${file}.map`, 'utf8')));
      const entry = map.findEntry(Number(line) - 1, Number(column) - 1);
      if (!('originalSource' in entry)) return built;
      return `${join(dirname(file), entry.originalSource)}:${entry.originalLine + 1}:${entry.originalColumn + 1}`;
    });
  Error.prepareStackTrace = (error, frames) => {
    const stack = [String(error), ...frames.map((frame) => `    at ${String(frame)}`)].join('\n');
    try {
      return mapped(stack);
    } catch {
      // Without its map the place in the built file still says where.
      return stack;
    }
  };
}
