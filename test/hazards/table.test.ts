import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkoutRoot } from '../../lab/checkout.ts';

interface Hazard {
  readonly number: number;
  readonly hurt: string;
  readonly why: string;
  /** `file: title` of each test. */
  readonly tests: readonly string[];
}

const HAZARDS = 66;

/** The rows of the tables of docs/hazards.md. */
function hazards(): readonly Hazard[] {
  const text = readFileSync(join(checkoutRoot, 'docs/hazards.md'), 'utf8');
  return text.split('\n').flatMap((line) => {
    const cells = line.split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll('\\|', '|'));
    const number = Number(cells[1]);
    if (cells.length !== 6 || !Number.isInteger(number) || number === 0) return [];
    const tests = (cells[4] ?? '').split('<br>').map((test) => test.trim().replace(/^`|`$/g, ''));
    return [{ number, hurt: cells[2] ?? '', why: cells[3] ?? '', tests }];
  });
}

/** Whether a test file holds a test of that title, as it is written there. */
function holdsTest(source: string, title: string): boolean {
  const quoted = [title, title.replaceAll("'", "\\'"), title.replaceAll('"', '\\"')];
  return quoted.some((text) => ["'", '"', '`'].some((mark) => source.includes(`${mark}${text}${mark}`)));
}

describe('docs/hazards.md', () => {
  it('has a row for each of the 66, in order, with words in every cell', () => {
    const rows = hazards();
    expect(rows.map(({ number }) => number)).toEqual(Array.from({ length: HAZARDS }, (_, i) => i + 1));
    expect(rows.filter(({ hurt, why }) => hurt === '' || why === '')).toEqual([]);
  });

  it.each(hazards().map((row) => [row.number, row.tests] as const))(
    'row %i names tests that exist',
    (_, tests) => {
      for (const test of tests) {
        const [, file = '', title = ''] = /^(\S+\.ts): (.+)$/.exec(test) ?? [];
        expect(file, `"${test}" is "file: title"`).not.toBe('');
        const path = join(checkoutRoot, 'test', file);
        expect(existsSync(path), `test/${file} exists`).toBe(true);
        expect(holdsTest(readFileSync(path, 'utf8'), title), `test/${file} has "${title}"`).toBe(true);
      }
    },
  );
});
