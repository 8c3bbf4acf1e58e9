import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from '../../lab/free-port.ts';
import type { SshSettings } from '../../lib/transport/types.ts';
import { needProgram } from './packages.ts';

const execute = promisify(execFile);

export interface SshdOptions {
  /** Lines for sshd_config, before all others (the first value of a keyword holds). */
  readonly config?: readonly string[];
  /** Types of host keys; ed25519 alone by default. */
  readonly hostKeys?: readonly ('ed25519' | 'rsa' | 'ecdsa')[];
  /** A fixed port instead of a free one, to start a host anew in the place of another. */
  readonly port?: number;
}

/** An OpenSSH server on 127.0.0.1 with keys and configuration of its own, run by this process. */
export interface StartedSshd extends AsyncDisposable {
  readonly port: number;
  /** Keys, known_hosts and configuration; gone after `stop`. */
  readonly directory: string;
  /** The private key that may log in. */
  readonly identityFile: string;
  /** Knows the host keys under `[127.0.0.1]:port`. */
  readonly knownHostsFile: string;
  readonly user: string;
  /** How pitr reaches it. */
  readonly settings: SshSettings;
  /** What sshd logged so far. */
  log(): string;
  /** Process ids of the servers of the connections that are open now. */
  connections(): Promise<readonly number[]>;
  stop(): Promise<void>;
}

/** Starts a real sshd, at most a few hundred milliseconds; the package is installed where it is missing. */
export async function startSshd(options: SshdOptions = {}): Promise<StartedSshd> {
  const program = await needProgram('/usr/sbin/sshd', 'openssh-server');
  // sshd separates privileges into this directory, which only a started service has made.
  await mkdir('/run/sshd', { recursive: true, mode: 0o755 }).catch(() => {});
  const directory = await mkdtemp(join(tmpdir(), 'pitr-sshd-'));
  const user = userInfo().username;
  const identityFile = join(directory, 'identity');
  await generateKey(identityFile, 'ed25519');
  await writeFile(join(directory, 'authorized_keys'), await readFile(`${identityFile}.pub`));
  const hostKeys = options.hostKeys ?? ['ed25519'];
  for (const type of hostKeys) await generateKey(join(directory, `host_${type}`), type);
  const config = [
    ...(options.config ?? []),
    'ListenAddress 127.0.0.1',
    ...hostKeys.map((type) => `HostKey ${join(directory, `host_${type}`)}`),
    `AuthorizedKeysFile ${join(directory, 'authorized_keys')}`,
    `PidFile ${join(directory, 'sshd.pid')}`,
    'StrictModes no',
    'UsePAM no',
    'PermitRootLogin yes',
    'PasswordAuthentication no',
    'KbdInteractiveAuthentication no',
    'MaxStartups 100:30:200',
    'LogLevel VERBOSE',
  ];
  const configFile = join(directory, 'sshd_config');
  await writeFile(configFile, `${config.join('\n')}\n`);
  const { server, port, log } = await startOn(options.port, (at) =>
    spawn(program, ['-D', '-e', '-f', configFile, '-p', String(at)], { stdio: ['ignore', 'ignore', 'pipe'] }),
  );
  const known: string[] = [];
  for (const type of hostKeys) {
    const file = join(directory, `host_${type}`);
    const [keyType = '', key = ''] = (await readFile(`${file}.pub`, 'utf8')).split(' ');
    known.push(`[127.0.0.1]:${port} ${keyType} ${key}`);
  }
  const knownHostsFile = join(directory, 'known_hosts');
  await writeFile(knownHostsFile, `${known.join('\n')}\n`);
  let stopped: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    stopped ??= stopServer(server, directory);
    return stopped;
  };
  return {
    port,
    directory,
    identityFile,
    knownHostsFile,
    user,
    settings: {
      kind: 'ssh',
      address: '127.0.0.1',
      port,
      user,
      identityFiles: [identityFile],
      knownHostsFiles: [knownHostsFile],
      hostKeyChecking: 'strict',
      connectTimeoutMs: 10_000,
    },
    log: () => log.join(''),
    connections: () => childrenOf(server.pid ?? -1),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

export async function generateKey(file: string, type: string, passphrase = ''): Promise<void> {
  const size = type === 'rsa' ? ['-b', '2048'] : [];
  await execute('ssh-keygen', ['-q', '-t', type, ...size, '-N', passphrase, '-C', 'pitr-test', '-f', file]);
}

/** On the port that is wanted, or on a free one: another one where somebody has taken that meanwhile. */
async function startOn(wanted: number | undefined, start: (port: number) => ChildProcess) {
  for (;;) {
    const port = wanted ?? (await freePort());
    const log: string[] = [];
    const server = start(port);
    try {
      await listening(server, log);
      return { server, port, log };
    } catch (thrown) {
      if (wanted !== undefined || !/Address already in use/.test(log.join(''))) throw thrown;
    }
  }
}

function listening(server: ChildProcess, log: string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`sshd did not listen in 60 s: ${log.join('')}`)), 60_000);
    server.stderr?.setEncoding('utf8').on('data', (text: string) => {
      log.push(text);
      if (!/Server listening/.test(log.join(''))) return;
      clearTimeout(late);
      resolve();
    });
    server.once('error', reject);
    // When all that it has said has been read.
    server.once('close', (code) => {
      clearTimeout(late);
      reject(new Error(`sshd ended with ${code}: ${log.join('')}`));
    });
  });
}

async function stopServer(server: ChildProcess, directory: string): Promise<void> {
  if (server.exitCode === null && server.signalCode === null) {
    const connections = await childrenOf(server.pid ?? -1);
    const ended = new Promise((resolve) => server.once('exit', resolve));
    server.kill('SIGTERM');
    for (const pid of connections) endProcess(pid);
    await ended;
  }
  await rm(directory, { recursive: true, force: true });
}

export function endProcess(pid: number, signal: NodeJS.Signals = 'SIGTERM'): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended by itself in the meantime.
  }
}

async function childrenOf(pid: number): Promise<readonly number[]> {
  const list = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '');
  return list.split(' ').filter(Boolean).map(Number);
}
