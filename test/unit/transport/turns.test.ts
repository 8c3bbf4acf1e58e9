import { describe, expect, it } from 'vitest';
import { Turns } from '../../../lib/transport/turns.ts';

describe('Turns', () => {
  it('gives turns one at a time, in order of asking', async () => {
    const turns = new Turns();
    const order: number[] = [];
    const work = async (name: number) => {
      const release = await turns.take();
      order.push(name);
      await Promise.resolve();
      release?.();
    };
    await Promise.all([work(1), work(2), work(3)]);
    expect(order).toEqual([1, 2, 3]);
  });

  it('lets the impatient go elsewhere, and does not count them later', async () => {
    const turns = new Turns();
    const first = await turns.take();
    expect(await turns.take({ patienceMs: 1 })).toBeUndefined();
    first?.();
    expect(await turns.take({ patienceMs: 1 })).toBeTypeOf('function');
  });

  it('lets an aborted one go', async () => {
    const turns = new Turns();
    await turns.take();
    const controller = new AbortController();
    const waiting = turns.take({ signal: controller.signal });
    controller.abort();
    expect(await waiting).toBeUndefined();
  });

  it('takes a turn back only once', async () => {
    const turns = new Turns();
    const first = await turns.take();
    first?.();
    first?.();
    await turns.take();
    expect(await turns.take({ patienceMs: 1 })).toBeUndefined();
  });
});
