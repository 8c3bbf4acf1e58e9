import { describe, expect, it } from 'vitest';
import { expectTestsExist, rowsOf, testsOf } from './named-tests.ts';

interface Hazard {
  /** `12` in the script that pitr replaces, `S12` among the states of real clusters. */
  readonly number: string;
  readonly hurt: string;
  readonly why: string;
  /** `file: title` of each test. */
  readonly tests: readonly string[];
}

const HAZARDS = 66;
const STATES = 46;

/** The rows of the tables of docs/hazards.md. */
function hazards(): readonly Hazard[] {
  return rowsOf('docs/hazards.md').flatMap(([number = '', hurt = '', why = '', tests = '']) =>
    /^S?[1-9]\d*$/.test(number) ? [{ number, hurt, why, tests: testsOf(tests) }] : [],
  );
}

describe('docs/hazards.md', () => {
  it('has a row for each of the 66 and for each state of a real cluster, in order, with words in every cell', () => {
    const rows = hazards();
    expect(rows.map(({ number }) => number)).toEqual([
      ...Array.from({ length: HAZARDS }, (_, i) => `${i + 1}`),
      ...Array.from({ length: STATES }, (_, i) => `S${i + 1}`),
    ]);
    expect(rows.filter(({ hurt, why }) => hurt === '' || why === '')).toEqual([]);
  });

  it.each(hazards().map((row) => [row.number, row.tests] as const))(
    'row %s names tests that exist',
    (_, tests) => expectTestsExist(tests),
  );
});
