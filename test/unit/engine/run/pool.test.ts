import { describe, expect, it } from 'vitest';
import { rest } from '../../../../lib/base/wait/until.ts';
import { InOrder, inParallel } from '../../../../lib/engine/run/pool.ts';

describe('work in parallel', () => {
  it('that throws begins nothing more, and is told when all that is at work has ended', async () => {
    const ended: number[] = [];
    const begun: number[] = [];
    const work = inParallel([0, 1, 2, 3], 2, async (item) => {
      begun.push(item);
      if (item === 0) throw new Error('first');
      await rest(20, undefined);
      ended.push(item);
      if (item === 1) throw new Error('second');
    });
    await expect(work).rejects.toThrow('first');
    expect([begun, ended]).toEqual([[0, 1], [1]]);
  });
});

describe('what is handed on in order', () => {
  it('is handed on whole, though a handler throws', () => {
    const seen: string[] = [];
    const order = new InOrder<string>(3, (index, value) => {
      seen.push(value);
      if (index === 0) throw new Error('no');
      return [value];
    });
    order.put(1, 'b');
    expect(() => order.put(0, 'a')).toThrow('no');
    order.put(2, 'c');
    expect([seen, order.results()]).toEqual([
      ['a', 'b', 'c'],
      ['b', 'c'],
    ]);
  });
});
