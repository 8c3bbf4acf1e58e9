import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkoutRoot } from '../../lab/checkout.ts';
import { pitrWords } from './command-words.ts';
import { ELSEWHERE, elsewhereOf, shownLines } from './elsewhere.ts';

const lines = (await shownLines()).flatMap((shown) => {
  const elsewhere = elsewhereOf(shown.line);
  return elsewhere === undefined ? [] : [{ ...shown, ...elsewhere, line: shown.line }];
});

/** The command of a line and its options, as a suite writes them. */
function written(line: string): readonly string[] {
  return pitrWords(line)
    .flatMap(([command = '', ...rest]) => [command, ...rest.filter((word) => word.startsWith('-'))])
    .map((word) => `'${word}'`);
}

describe('an example that is not typed on the lab as it stands', () => {
  it.each(lines)('is tried elsewhere, with its options: $line ($where)', ({ line, files }) => {
    const text = files.map((file) => readFileSync(join(checkoutRoot, 'test', file), 'utf8')).join('\n');
    expect(written(line).length).toBeGreaterThan(0);
    expect(written(line).filter((word) => !text.includes(word))).toEqual([]);
  });

  it('is there for every place that is named', () => {
    const named = new Set(lines.map(({ line }) => elsewhereOf(line)));
    expect(ELSEWHERE.filter((one) => !named.has(one))).toEqual([]);
  });
});
