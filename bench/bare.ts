// The yardstick: the same work by a program that does nothing else. One connection and one standing shell a host, no
// playbook, no checks, no journal. Run as: node bare.js <what> <count> <hosts.json>
import { createReadStream, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { pipeline } from 'node:stream/promises';
import type { Client, ClientChannel } from 'ssh2';
import ssh2 from 'ssh2';

interface BareHost {
  readonly port: number;
  readonly user: string;
  readonly identityFile: string;
  readonly files: string;
}

function login(host: BareHost): Promise<Client> {
  const client = new ssh2.Client();
  return new Promise((resolve, reject) => {
    client.once('ready', () => resolve(client)).once('error', reject);
    client.connect({
      sock: connect({ host: '127.0.0.1', port: host.port, noDelay: true }),
      username: host.user,
      privateKey: readFileSync(host.identityFile),
    });
  });
}

function open(client: Client, command: string): Promise<ClientChannel> {
  return new Promise((resolve, reject) => {
    client.exec(command, (error, channel) => (error === undefined ? resolve(channel) : reject(error)));
  });
}

/** Sends commands one after another, each when the one before has answered. */
async function commands(host: BareHost, text: (n: number) => string, count: number): Promise<void> {
  const client = await login(host);
  const channel = await open(client, 'sh');
  let answered: () => void = () => {};
  let seen = '';
  channel.stderr.resume();
  channel.on('data', (chunk: Buffer) => {
    seen += chunk.toString();
    if (!seen.endsWith('\nEND\n')) return;
    seen = '';
    answered();
  });
  for (let n = 0; n < count; n++) {
    const answer = new Promise<void>((resolve) => {
      answered = resolve;
    });
    channel.write(`${text(n)}\nprintf '\\nEND\\n'\n`);
    await answer;
  }
  client.end();
}

async function copy(host: BareHost, source: string): Promise<void> {
  const client = await login(host);
  const channel = await open(client, `cat > ${host.files}/big`);
  channel.resume();
  const closed = new Promise((resolve) => channel.once('close', resolve));
  await pipeline(createReadStream(source, { highWaterMark: 1 << 18 }), channel);
  await closed;
  client.end();
}

const [what = '', count = '20', file = '', source = ''] = process.argv.slice(2);
const hosts = JSON.parse(readFileSync(file, 'utf8')) as BareHost[];
const work: Readonly<Record<string, (host: BareHost) => Promise<void>>> = {
  commands: (host) => commands(host, () => 'true </dev/null', Number(count)),
  templates: (host) =>
    commands(
      host,
      (n) => `stat ${host.files}/f${n} && sha256sum ${host.files}/f${n} </dev/null`,
      Number(count),
    ),
  // What makes a new file safe, and no more: written beside its place, on the disk, renamed.
  fresh: (host) => {
    const text = readFileSync(source, 'utf8');
    const write = (n: number) =>
      `cat > ${host.files}/.f${n} <<'TEXT' && chmod 0644 ${host.files}/.f${n} && sync ${host.files}/.f${n} && mv ${host.files}/.f${n} ${host.files}/f${n}\n${text}TEXT\n`;
    return commands(host, write, Number(count));
  },
  copy: (host) => copy(host, source),
};
const chosen = work[what];
if (chosen === undefined) throw new Error(`no such work: ${what}`);
await Promise.all(hosts.map(chosen));
