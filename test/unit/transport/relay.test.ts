import { PassThrough } from 'node:stream';
import { expect, it } from 'vitest';
import { PitrError } from '../../../lib/base/errors/pitr-error.ts';
import { relay } from '../../../lib/transport/relay.ts';
import type { RemoteProcess } from '../../../lib/transport/types.ts';

const leftThere = new PitrError({
  kind: 'failed',
  code: 'command-not-ended',
  message: 'not all processes of the command have ended on the host, although they were killed',
  state: 'Process 7 may still be running there.',
});

/** A command of which nothing can be ended. */
function stuck(ended: Promise<never>): RemoteProcess {
  ended.catch(() => {});
  const streams = { stdin: new PassThrough(), stdout: new PassThrough(), stderr: new PassThrough() };
  return { ...streams, ended, kill: () => Promise.reject(leftThere) };
}

it('an end that is still at work after Ctrl-C is told, and not that both were stopped', async () => {
  const signal = AbortSignal.abort();
  const ends = [stuck(Promise.reject(leftThere)), stuck(Promise.reject(leftThere))] as const;
  await expect(relay(...ends, { what: 'a copy', signal })).rejects.toMatchObject({
    kind: 'interrupted',
    state: expect.stringContaining('Process 7 may still be running there.'),
  });
});

it('an end that cannot be ended after the other one failed is told, and not waited for', async () => {
  const [source, sink] = [stuck(new Promise(() => {})), stuck(new Promise(() => {}))];
  sink.stdin.destroy(new Error('EPIPE'));
  await expect(relay(source, sink, { what: 'a copy' })).rejects.toMatchObject({ code: 'command-not-ended' });
});
