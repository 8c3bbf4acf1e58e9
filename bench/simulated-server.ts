import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import ssh2, { type ServerChannel } from 'ssh2';

/**
 * How pitr asks a shell for the end of a command, on each of the two streams; see lib/transport/marks.ts. And the end of its
 * question which machine it has come to; see lib/system/core/host-identity.ts.
 */
const ASKED =
  /\\036([0-9a-f]{32}) %s\\n['\\]+ "(began|ended)( \$\$| \$\?)?"( >&2)?|echo "@machine \$m"; echo @end/g;

function answer(channel: ServerChannel, text: string): void {
  for (const [, nonce, word, value, toStderr] of text.matchAll(ASKED)) {
    if (nonce === undefined) {
      channel.write('@host simulated\n@end\n');
      continue;
    }
    const number = value === undefined ? '' : word === 'began' ? ' 4711' : ' 0';
    (toStderr === undefined ? channel : channel.stderr).write(`\x1e${nonce} ${word}${number}\n`);
  }
}

export interface SimulatedHosts {
  /** Of all of them, on 127.0.0.1. */
  readonly port: number;
  /** As it stands in known_hosts, behind the name. */
  readonly hostKey: string;
  /** How many were logging in at one time, at most. */
  readonly mostLogins: () => number;
  readonly stop: () => void;
}

/**
 * Hosts that are only a protocol: a real SSH server, behind which every command succeeds at once and prints nothing, but for
 * what tells one machine from others. What a controller costs with a thousand hosts is measured on them, where there is no
 * room for a thousand sshds. `key` may log in, a private key of OpenSSH; `loginMs` is what the host itself takes for that.
 * Throws where it is none.
 */
export async function simulatedHosts(key: Buffer, { loginMs = 0 } = {}): Promise<SimulatedHosts> {
  const { privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
    publicKeyEncoding: { type: 'pkcs1', format: 'pem' },
  });
  const allowed = ssh2.utils.parseKey(key);
  if (allowed instanceof Error) throw allowed;
  const hostKey = ssh2.utils.parseKey(privateKey);
  if (hostKey instanceof Error) throw hostKey;
  const loggingIn = new Set<object>();
  let most = 0;
  const server = new ssh2.Server({ hostKeys: [privateKey] }, (client) => {
    loggingIn.add(client);
    most = Math.max(most, loggingIn.size);
    client.on('ready', () => loggingIn.delete(client));
    client.on('close', () => loggingIn.delete(client));
    client.on('authentication', (context) => {
      if (context.method !== 'publickey' || !context.key.data.equals(allowed.getPublicSSH()))
        context.reject(['publickey']);
      // Without a signature it only asks whether the key would do.
      else if (context.signature === undefined || loginMs === 0) context.accept();
      else setTimeout(() => context.accept(), loginMs);
    });
    client.on('session', (accept) => {
      accept().on('exec', (acceptExec, _reject, { command }) => serve(acceptExec(), command));
    });
    // A controller that has done its work just goes.
    client.on('error', () => {});
  });
  server.listen(0, '127.0.0.1', 4096);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    port,
    hostKey: `ssh-rsa ${hostKey.getPublicSSH().toString('base64')}`,
    mostLogins: () => most,
    stop: () => server.close(),
  };
}

function serve(channel: ServerChannel, command: string): void {
  answer(channel, command);
  let rest = '';
  channel.on('data', (chunk: Buffer) => {
    const lines = `${rest}${chunk.toString()}`.split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) answer(channel, line);
  });
  channel.on('end', () => {
    channel.exit(0);
    channel.end();
  });
}
