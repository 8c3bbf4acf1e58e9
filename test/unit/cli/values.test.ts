import { describe, expect, it } from 'vitest';
import { commaList } from '../../../cli/values.ts';

describe('an option that names several', () => {
  it('takes them with commas, and more than once', () => {
    expect(commaList('--tags', ['a, b,', 'c'])).toEqual(['a', 'b', 'c']);
    expect(commaList('--tags', [])).toEqual([]);
  });

  it.each(['', ' ', ','])('and names nothing (%j) is refused: it must never come to mean all', (typed) => {
    expect(() => commaList('--tags', ['a', typed])).toThrow(
      expect.objectContaining({ kind: 'usage', code: 'option-empty', message: '--tags names nothing' }),
    );
  });
});
