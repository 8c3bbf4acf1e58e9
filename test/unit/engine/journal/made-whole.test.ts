import { expect, it } from 'vitest';
import { makesWhole } from '../../../../lib/engine/journal/made-whole.ts';

const FAILED: Parameters<typeof makesWhole>[1] = {
  type: 'change.intended',
  time: 0,
  number: 1,
  host: 'db1',
  step: { task: '1.1', turn: 1, host: 'db1', item: 0, value: 'a' },
  module: 'shop.add',
  params: { timeout: 1 },
  change: { summary: 'add a', diff: [], undo: ['remove', 'a'] } as { summary: string },
  user: 'shop',
  env: { PATH: '/bin' },
  undoable: true,
};
const STEP = { task: '1.1', turn: 1, host: 'db1', item: 0, value: 'a' };
const other = (undo: readonly string[]) => ({ summary: 'add a', undo }) as { summary: string };

it.each<[string, Partial<typeof FAILED>]>([
  [
    'another time, with other params and in other words',
    { time: 9, params: {}, change: { ...FAILED.change, summary: 'x' } },
  ],
  ['its item at another place of the list', { step: { ...STEP, item: 3 } }],
])('is made whole by the same change: %s', (_what, later) => {
  expect(makesWhole({ ...FAILED, number: 2, ...later }, FAILED)).toBe(true);
});

it.each<[string, Partial<typeof FAILED>]>([
  ['is older', { number: 0 }],
  ['is of another module', { module: 'shop.remove' }],
  ['is on another host', { host: 'db2' }],
  ['was made by another user', { user: 'root' }],
  ['was made in another environment', { env: {} }],
  ['cannot be taken back', { undoable: 'it cannot' }],
  ['is taken back otherwise', { change: other(['remove', 'b']) }],
  ['is of another task', { step: { ...STEP, task: '1.2' } }],
  ['is of another turn of its task', { step: { ...STEP, turn: 2 } }],
  ['is of another item', { step: { ...STEP, value: 'b' } }],
  ['does not say of which task it is', { step: undefined }],
])('is not made whole by a change that %s', (_what, later) => {
  expect(makesWhole({ ...FAILED, number: 2, ...later }, FAILED)).toBe(false);
});

it('is known by its place where its item is a secret', () => {
  const masked = { ...STEP, value: '********' };
  const failed = { ...FAILED, step: masked };
  expect(makesWhole({ ...failed, number: 2 }, failed)).toBe(true);
  expect(makesWhole({ ...failed, number: 2, step: { ...masked, item: 1 } }, failed)).toBe(false);
});
