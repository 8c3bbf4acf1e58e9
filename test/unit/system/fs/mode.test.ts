import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatMode, isMode, modeParam, resolveMode } from '../../../../lib/system/fs/mode.ts';

describe('modes', () => {
  it.each([
    ['0640', 0o777, false, 0o640],
    ['640', 0o777, false, 0o640],
    ['2750', 0, true, 0o2750],
    ['u=rw,g=r,o=', 0o777, false, 0o640],
    ['g+w', 0o644, false, 0o664],
    ['a-x', 0o755, false, 0o644],
    ['a+X', 0o644, false, 0o644],
    ['a+X', 0o744, false, 0o755],
    ['a+X', 0o644, true, 0o755],
    ['u=rwX,go=', 0o755, true, 0o700],
    ['g=u', 0o740, false, 0o770],
    ['u+s', 0o755, false, 0o4755],
    ['g=rx', 0o2755, false, 0o755],
    ['g=rx', 0o2755, true, 0o2755],
    ['o+t', 0o777, true, 0o1777],
  ])('%s on %o (directory: %s)', (text, present, isDirectory, expected) => {
    expect(formatMode(resolveMode(text, present, isDirectory))).toBe(formatMode(expected));
  });

  it.each(['', '8', '0999', 'rw', '+x', 'u=z', 'u=rw,', 'a b', '064000'])(
    'does not take %j for a mode',
    (text) => {
      expect(isMode(text)).toBe(false);
    },
  );

  it('takes no bare number: nobody could tell 0o640 from 416 or 0640 from 640', () => {
    for (const number of [640, 416]) {
      const outcome = modeParam.safeParse(number);
      expect(outcome.success).toBe(false);
      expect(outcome.error?.issues[0]?.message).toMatch(/in quotes/);
    }
    expect(modeParam.parse('0640')).toBe('0640');
  });

  it('agrees with chmod', () => {
    const dir = mkdtempSync(join(tmpdir(), 'pitr-mode-'));
    try {
      const file = join(dir, 'f');
      writeFileSync(file, '');
      const clause = fc
        .tuple(
          fc.subarray(['u', 'g', 'o', 'a'], { minLength: 1 }),
          fc.constantFrom('+', '-', '='),
          fc.oneof(
            fc.subarray(['r', 'w', 'x', 'X', 's', 't']).map((bits) => bits.join('')),
            fc.constantFrom('u', 'g', 'o'),
          ),
        )
        .map(([who, operator, what]) => `${who.join('')}${operator}${what}`);
      fc.assert(
        fc.property(
          fc.integer({ min: 0, max: 0o7777 }),
          fc.array(clause, { minLength: 1, maxLength: 3 }),
          (present, clauses) => {
            chmodSync(file, present);
            const text = clauses.join(',');
            const { status, stderr } = spawnSync('chmod', ['--', text, file], { encoding: 'utf8' });
            expect(stderr).toBe('');
            expect(status).toBe(0);
            expect(`${text}: ${formatMode(resolveMode(text, present, false))}`).toBe(
              `${text}: ${formatMode(statSync(file).mode & 0o7777)}`,
            );
          },
        ),
        { numRuns: 60 },
      );
    } finally {
      rmSync(dir, { recursive: true });
    }
  });
});
