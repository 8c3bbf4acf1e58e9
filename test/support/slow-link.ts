import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

export interface LinkOptions {
  /** Bytes a second in each direction. */
  readonly bytesPerSecond?: number;
  /** Between two pieces of what the server says. */
  readonly pauseMs?: number;
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
  const carry = async (from: Socket, into: Socket, pauses: boolean): Promise<void> => {
    for await (const chunk of from as AsyncIterable<Buffer>) {
      for (let at = 0; at < chunk.length; ) {
        const piece = Math.ceil((now.bytesPerSecond ?? Number.POSITIVE_INFINITY) / PIECES_A_SECOND);
        const end = Math.min(chunk.length, at + piece);
        const waitMs =
          (pauses ? (now.pauseMs ?? 0) : 0) + (now.bytesPerSecond === undefined ? 0 : 1000 / PIECES_A_SECOND);
        if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
        if (frozen) await new Promise(() => {});
        if (!into.write(chunk.subarray(at, end))) await once(into, 'drain');
        at = end;
      }
    }
    into.end();
  };
  const server = createServer((near) => {
    const far = connect({ host: '127.0.0.1', port: to, noDelay: true });
    for (const [from, into, pauses] of [
      [near, far, false],
      [far, near, true],
    ] as const) {
      sockets.add(from);
      from.on('error', () => into.destroy()).on('close', () => into.destroy());
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
