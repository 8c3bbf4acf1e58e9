import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** A ping goes to the host this often, and its answer is a sign of life. */
export const PING_MS = 2_000;
/** As often nothing is heard before a connection counts as lost. */
const MISSED = 4;

/**
 * Calls `silent` when a connection shows no sign of life any more, and gives what calls the watch off. Any byte that comes
 * is one: on a slow link the answer to a ping waits behind megabytes of output. So is what the system takes of a backlog;
 * what it takes beside none is not, for it takes the pings to a dead host, too. Rounds are counted, not time: a
 * controller that was too busy to look handles what has come before the next one.
 */
export function watchLife(socket: Duplex, silent: (seconds: number) => void): () => void {
  let came = true;
  let backlog = 0;
  let taken = 0;
  let missed = 0;
  const onData = (): void => {
    came = true;
  };
  const timer = setInterval(() => {
    const now = socket instanceof Socket ? socket.bytesWritten - socket.writableLength : 0;
    const goes = backlog > 0 && now > taken;
    missed = came || goes ? 0 : missed + 1;
    came = false;
    backlog = socket.writableLength;
    taken = now;
    if (missed < MISSED) return;
    callOff();
    silent((MISSED * PING_MS) / 1000);
  }, PING_MS);
  const callOff = (): void => {
    clearInterval(timer);
    socket.off('data', onData);
  };
  socket.on('data', onData);
  return callOff;
}
