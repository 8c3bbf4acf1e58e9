import { expect, it, onTestFinished, vi } from 'vitest';
import { tellingWait } from '../../../../lib/engine/run/telling-wait.ts';

const host = { name: 'db1', address: 'local' };

it('a host that does not answer for two seconds is waited for aloud, once', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const told: string[] = [];
  let answer = (): void => {};
  const silence = new Promise<void>((resolve) => {
    answer = resolve;
  });
  const waited = tellingWait(
    host,
    { kind: 'local' },
    (text) => told.push(text),
    () => silence,
  );
  await vi.advanceTimersByTimeAsync(1_999);
  expect(told).toEqual([]);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(told).toEqual(['db1 does not answer yet (local)']);
  answer();
  await waited;
});

it('a controller that was too busy to look does not take that for the silence of a host', async () => {
  const told: string[] = [];
  const answered = new Promise<void>((resolve) => {
    // An answer that was there at once, and is found only when the event loop turns again.
    const { port1, port2 } = new MessageChannel();
    port1.once('message', () => {
      port1.close();
      resolve();
    });
    setImmediate(() => {
      port2.postMessage('here');
      const end = performance.now() + 2_100;
      while (performance.now() < end);
    });
  });
  await tellingWait(
    host,
    { kind: 'local' },
    (text) => told.push(text),
    () => answered,
  );
  expect(told).toEqual([]);
});
