import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** Listens, and never accepts. */
const NEVER_ACCEPTS = `const server = require('net').createServer();
server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
  require('fs').writeSync(1, String(server.address().port) + '\\n');
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
})`;

export interface SilentPort extends AsyncDisposable {
  readonly port: number;
}

/** A port of 127.0.0.1 on which nobody answers: its backlog is full when two have connected, and the kernel drops the rest. */
export async function silentPort(): Promise<SilentPort> {
  const listener = spawn(process.execPath, ['-e', NEVER_ACCEPTS], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [said] = await once(listener.stdout, 'data');
  const port = Number(String(said));
  const clients: Socket[] = [];
  for (let i = 0; i < 2; i++) {
    const client = connect(port, '127.0.0.1');
    clients.push(client);
    await once(client, 'connect');
  }
  return {
    port,
    [Symbol.asyncDispose]: async () => {
      for (const client of clients) client.destroy();
      listener.kill('SIGKILL');
      await once(listener, 'close');
    },
  };
}
