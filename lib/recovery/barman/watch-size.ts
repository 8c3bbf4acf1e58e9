import { setTimeout as delay } from 'node:timers/promises';
import { formatBytes } from '../../base/values/bytes.ts';
import type { ReadHost } from '../../contract/host.ts';
import { probe } from '../../contract/probe.ts';

const EVERY_MS = 2_000;

/**
 * Tells every few seconds how many bytes lie below a directory, and by how much that grew since the first look. On
 * large trees, where counting is slow, less often: counting takes a tenth of the time at most. Ends with `stop`.
 */
export function watchSize(
  host: ReadHost,
  directory: string,
  user: string,
  tell: (bytes: number, grown: string) => void,
): { readonly stop: () => void } {
  const stopped = new AbortController();
  void watch(host, directory, user, tell, stopped.signal).catch(() => {
    // Either stopped, or a look failed: the copy itself tells whether something is wrong.
  });
  return { stop: () => stopped.abort() };
}

async function watch(
  host: ReadHost,
  directory: string,
  user: string,
  tell: (bytes: number, grown: string) => void,
  stopped: AbortSignal,
): Promise<void> {
  let first: number | undefined;
  for (let pause = EVERY_MS; ; ) {
    const { stdout, timedOut, durationMs } = await host.query(
      probe(['du', '-sb', '--', directory], { user }),
    );
    if (stopped.aborted) return;
    // A tree that could not be counted in time is not an empty one: what was told last stands.
    if (!timedOut) {
      const bytes = Number(/^(\d+)/.exec(stdout)?.[1] ?? 0);
      first ??= bytes;
      tell(bytes, formatBytes(Math.max(0, bytes - first)));
    }
    pause = Math.max(EVERY_MS, durationMs * 10);
    await delay(pause, undefined, { signal: stopped });
  }
}
