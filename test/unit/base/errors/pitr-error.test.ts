import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { asPitrError } from '../../../../lib/base/errors/pitr-error.ts';

function thrownBy(work: () => unknown): unknown {
  try {
    work();
  } catch (thrown) {
    return thrown;
  }
  throw new Error('it throws');
}

it('what the system of the controller refuses is told in its words, and is no bug of pitr', () => {
  const error = asPitrError(thrownBy(() => readFileSync('/dev/null/inventory.yml')));
  expect(error).toMatchObject({
    kind: 'failed',
    code: 'system-error',
    message: expect.stringMatching(/ENOTDIR.*\/dev\/null\/inventory\.yml/),
    details: [],
  });
});

it('any other error is a bug, with the place where it was thrown', () => {
  const error = asPitrError(thrownBy(() => new Array(-1)));
  expect(error).toMatchObject({ kind: 'bug', message: 'unexpected error: Invalid array length' });
  expect(error.details[0]).toContain('pitr-error.test.ts');
});
