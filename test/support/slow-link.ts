import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

export interface LinkOptions {
  /** Bytes a second in each direction. */
  readonly bytesPerSecond?: number;
  /** Between two pieces of what the server says. */
  readonly pauseMs?: number;
  /** How long each piece is under way, in each direction: half a round trip. What follows it does not wait for it. */
  readonly latencyMs?: number;
}

export interface StartedLink extends AsyncDisposable {
  readonly port: number;
  /** From here on nothing goes through, in either direction. */
  freeze(): void;
  /** From here on the link is as told. */
  become(options: LinkOptions): void;
}

const PIECES_A_SECOND = 20;

/** A link of its own to a port of this machine, as slow as wished. */
export async function startLink(to: number, options: LinkOptions = {}): Promise<StartedLink> {
  let now = options;
  let frozen = false;
  const sockets = new Set<Socket>();
  const arrive = async (piece: Buffer, into: Socket, at: number): Promise<void> => {
    await later(at - performance.now());
    if (frozen) await new Promise(() => {});
    if (!into.destroyed && !into.write(piece)) await once(into, 'drain');
  };
  const carry = async (from: Socket, into: Socket, pauses: boolean): Promise<void> => {
    // The connection itself takes a round trip.
    await later(2 * (now.latencyMs ?? 0));
    // What is under way arrives in its order.
    let arrived = Promise.resolve();
    for await (const chunk of from as AsyncIterable<Buffer>) {
      for (let at = 0; at < chunk.length; ) {
        const piece = Math.ceil((now.bytesPerSecond ?? Number.POSITIVE_INFINITY) / PIECES_A_SECOND);
        const end = Math.min(chunk.length, at + piece);
        const waitMs =
          (pauses ? (now.pauseMs ?? 0) : 0) + (now.bytesPerSecond === undefined ? 0 : 1000 / PIECES_A_SECOND);
        await later(waitMs);
        const [before, part, due] = [
          arrived,
          chunk.subarray(at, end),
          performance.now() + (now.latencyMs ?? 0),
        ];
        arrived = before.then(() => arrive(part, into, due));
        arrived.catch(() => into.destroy());
        if (now.latencyMs === undefined) await arrived;
        at = end;
      }
    }
    await arrived;
    into.end();
  };
  const server = createServer({ noDelay: true }, (near) => {
    const far = connect({ host: '127.0.0.1', port: to, noDelay: true });
    for (const [from, into, pauses] of [
      [near, far, false],
      [far, near, true],
    ] as const) {
      sockets.add(from);
      // Behind what is under way.
      const closed = () => later(2 * (now.latencyMs ?? 0)).then(() => into.destroy());
      from.on('error', () => into.destroy()).on('close', closed);
      carry(from, into, pauses).catch(() => into.destroy());
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return {
    port: address !== null && typeof address === 'object' ? address.port : 0,
    freeze: () => {
      frozen = true;
    },
    become: (options) => {
      now = options;
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

async function later(ms: number): Promise<void> {
  if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms));
}
