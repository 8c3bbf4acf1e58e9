import { expect, it } from 'vitest';
import { fateBy } from '../../../../lib/engine/journal/status.ts';

it.each([
  ['died', 'b:7', { alive: false, mark: undefined, boot: 'b' }],
  ['running', 'b:7', { alive: true, mark: 'b:7', boot: 'b' }],
  ['died', 'b:7', { alive: true, mark: 'b:8', boot: 'b' }],
  ['died', 'b:7', { alive: true, mark: 'b:ended', boot: 'b' }],
  ['unknown', 'b:7', { alive: true, mark: undefined, boot: 'b' }],
  ['unknown', 'b:7', { alive: true, mark: undefined, boot: '' }],
  ['died', 'a:7', { alive: true, mark: undefined, boot: 'b' }],
  ['running', undefined, { alive: true, mark: undefined, boot: 'b' }],
] as const)('a process that cannot be seen is not taken for dead: %s, was %s, now %j', (fate, was, now) => {
  expect(fateBy(was, now)).toBe(fate);
});
