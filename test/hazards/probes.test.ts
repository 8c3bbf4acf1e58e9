import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkoutRoot } from '../../lab/checkout.ts';
import { expectTestsExist, rowsOf, testsOf } from './named-tests.ts';

const [heads, , ...rows] = rowsOf('docs/probes.md');

describe('docs/probes.md', () => {
  it('is a table of probes, with words in every cell', () => {
    expect(heads).toEqual(['Probe', 'What rests on it', 'Its answer when blind', 'Proved by']);
    expect(rows.length).toBeGreaterThanOrEqual(11);
    expect(rows.filter((cells) => cells.length !== 4 || cells.includes(''))).toEqual([]);
  });

  it.each(rows.map(([probe = '', , , tests = '']) => [probe, tests] as const))(
    'names files and tests that exist: %s',
    (probe, tests) => {
      const files = [...probe.matchAll(/`([^`]+\.(?:ts|yml))`/g)].map(([, file = '']) => file);
      expect(files).not.toEqual([]);
      expect(files.filter((file) => !existsSync(join(checkoutRoot, file)))).toEqual([]);
      expectTestsExist(testsOf(tests));
    },
  );
});
