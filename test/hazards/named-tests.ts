import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { checkoutRoot } from '../../lab/checkout.ts';

/** The cells of each row of the tables in a page of the docs. */
export function rowsOf(page: string): readonly (readonly string[])[] {
  const text = readFileSync(join(checkoutRoot, page), 'utf8');
  return text
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .map((line) =>
      line
        .split(/(?<!\\)\|/)
        .slice(1, -1)
        .map((cell) => cell.trim().replaceAll('\\|', '|')),
    );
}

/** The tests that a cell names, as `file: title`. */
export function testsOf(cell: string): readonly string[] {
  return cell.split('<br>').map((test) => test.trim().replace(/^`|`$/g, ''));
}

/** Whether a test file holds a test of that title, as it is written there. */
function holdsTest(source: string, title: string): boolean {
  const quoted = [title, title.replaceAll("'", "\\'"), title.replaceAll('"', '\\"')];
  return quoted.some((text) => ["'", '"', '`'].some((mark) => source.includes(`${mark}${text}${mark}`)));
}

export function expectTestsExist(tests: readonly string[]): void {
  for (const test of tests) {
    const [, file = '', title = ''] = /^(\S+\.ts): (.+)$/.exec(test) ?? [];
    expect(file, `"${test}" is "file: title"`).not.toBe('');
    const path = join(checkoutRoot, 'test', file);
    expect(existsSync(path), `test/${file} exists`).toBe(true);
    expect(holdsTest(readFileSync(path, 'utf8'), title), `test/${file} has "${title}"`).toBe(true);
  }
}
