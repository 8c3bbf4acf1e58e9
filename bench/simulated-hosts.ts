// Hosts that are only a protocol: a real SSH server in one process, behind which every command succeeds at once and prints
// nothing. What a controller costs with a thousand hosts is measured on them, where there is no room for a thousand
// sshds. Run as: node simulated-hosts.js <authorized key> ; prints its port and its host key.
import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import ssh2, { type ServerChannel } from 'ssh2';

/** How pitr asks a shell for the end of a command, on each of the two streams; see lib/transport/marks.ts. */
const MARK = /\\036([0-9a-f]{32}) %s\\n['\\]+ "(began|ended)( \$\$| \$\?)?"( >&2)?/g;

function answer(channel: ServerChannel, text: string): void {
  for (const [, nonce, word, value, toStderr] of text.matchAll(MARK)) {
    const number = value === undefined ? '' : word === 'began' ? ' 4711' : ' 0';
    (toStderr === undefined ? channel : channel.stderr).write(`\x1e${nonce} ${word}${number}\n`);
  }
}

const { privateKey } = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
  publicKeyEncoding: { type: 'pkcs1', format: 'pem' },
});
const allowed = ssh2.utils.parseKey(readFileSync(process.argv[2] ?? ''));
if (allowed instanceof Error) throw allowed;
const hostKey = ssh2.utils.parseKey(privateKey);
if (hostKey instanceof Error) throw hostKey;

const server = new ssh2.Server({ hostKeys: [privateKey] }, (client) => {
  client.on('authentication', (context) => {
    if (context.method === 'publickey' && context.key.data.equals(allowed.getPublicSSH())) context.accept();
    else context.reject(['publickey']);
  });
  client.on('session', (accept) => {
    accept().on('exec', (acceptExec, _reject, { command }) => {
      const channel = acceptExec();
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
    });
  });
  // A controller that has done its work just goes.
  client.on('error', () => {});
});
server.listen(0, '127.0.0.1', 4096, () => {
  const { port } = server.address() as AddressInfo;
  process.stdout.write(`${port} ssh-rsa ${hostKey.getPublicSSH().toString('base64')}\n`);
});
