import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';

/** From the first port up to the one before `to`. */
export interface PortRange {
  readonly from: number;
  readonly to: number;
}

/** Below the ports that Linux hands out by itself (net.ipv4.ip_local_port_range), which any connection may be given. */
const LOW_PORTS: PortRange = { from: 15_000, to: 32_768 };
/** The ports of labs are chosen some seconds before they are used: nobody else is to draw them meanwhile. */
export const LAB_PORTS: PortRange = { from: LOW_PORTS.from, to: 24_000 };
const OTHER_PORTS: PortRange = { from: LAB_PORTS.to, to: LOW_PORTS.to };

/**
 * A port of 127.0.0.1 on which nobody listens. The system gives it to nobody who does not ask for it by number, so that
 * it stays free until it is used, or drawn by somebody else of the same range.
 */
export async function freePort({ from, to }: PortRange = OTHER_PORTS): Promise<number> {
  for (;;) {
    const port = randomInt(from, to);
    if (await isFree(port)) return port;
  }
}

export async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
  } catch {
    return false;
  }
  server.close();
  await once(server, 'close');
  return true;
}
