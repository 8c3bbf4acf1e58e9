import { expect, it } from 'vitest';
import { knownTime } from '../../../../lib/recovery/barman/host-time.ts';

it('is the seconds that date tells', () => {
  expect(knownTime({ stdout: '1795971600\n', stderr: '' }, 'barman')).toBe(1_795_971_600_000_000n);
});

it.each([
  [
    'is not there',
    { stdout: '', stderr: 'sh: 1: date: not found' },
    ['date -u +%s says: sh: 1: date: not found'],
  ],
  ['is silent', { stdout: '\n', stderr: '' }, []],
  ['knows no such form', { stdout: '+%s\n', stderr: '' }, ['date -u +%s says: +%s']],
])('is refused where date %s', (_, said, details) => {
  const refusal = expect.objectContaining({
    kind: 'refused',
    code: 'host-time-unknown',
    host: 'barman',
    details,
  });
  expect(() => knownTime(said, 'barman')).toThrow(refusal);
});
