import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';

/** Below the ports that Linux hands out by itself (net.ipv4.ip_local_port_range), which any connection may be given. */
const FROM = 15_000;
const TO = 32_768;

/**
 * A port of 127.0.0.1 on which nobody listens. The system gives it to nobody who does not ask for it by number, so that
 * it stays free until it is used.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(FROM, TO);
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
