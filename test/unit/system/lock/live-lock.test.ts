import { PassThrough } from 'node:stream';
import { expect, it, onTestFinished, vi } from 'vitest';
import type { WriteHost } from '../../../../lib/contract/host.ts';
import { LiveLock } from '../../../../lib/system/lock/live-lock.ts';
import type { RemoteProcess } from '../../../../lib/transport/types.ts';

/** Asks for the lock; the holder's first word is `said`, which the controller reads after it has looked at its clock so often. */
async function take(looks: number, said: string) {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  const holder: RemoteProcess = { stdin, stdout, stderr, ended: Promise.resolve({}), kill: async () => {} };
  const host = { name: 'one', spawn: async () => holder } as unknown as WriteHost;
  const place = { name: 'c', directory: '/nowhere', user: 'barman' };
  const signal = new AbortController().signal;
  const taken = LiveLock.take(host, { ...place, leaseSeconds: 60, patienceMs: 0, signal }).catch(
    (thrown: unknown) => thrown,
  );
  await vi.waitUntil(() => vi.getTimerCount() > 0);
  for (let look = 0; look < looks; look += 1) vi.advanceTimersToNextTimer();
  stdout.end(`${said}\n`);
  return taken;
}

it('a controller that was too busy to look does not take that for the silence of the holder', async () => {
  expect(await take(1, 'busy')).toBe('busy');
});

it('a holder that stays silent is told', async () => {
  expect(await take(100, 'busy')).toMatchObject({ code: 'lock-silent', kind: 'unreachable' });
});
