import { spawn } from 'node:child_process';
import { Duplex } from 'node:stream';
import { channelOf } from '../child-channel.ts';
import { endInWords } from '../errors.ts';

/** What a ProxyCommand prints on stderr is kept as far as an error shows it. */
const MOST_SAID = 4_096;
/** A program that has read the end of its stdin has so long to end by itself. */
const GOODBYE_MS = 1_000;

/** A running `ProxyCommand` (ssh_config(5)): its stdin and stdout are the way to the host's SSH port. */
export interface Proxy {
  readonly socket: Duplex;
  /** Nothing as long as it runs. */
  ended(): ProxyEnd | undefined;
}

export interface ProxyEnd {
  readonly command: string;
  /** `exit code 1`. */
  readonly how: string;
  /** The end of its stderr. */
  readonly said: string;
}

/**
 * Starts the command as ssh does, by the user's own shell. In a session of its own: Ctrl-C on the terminal is for
 * pitr, which may have something to finish on the host.
 */
export function startProxy(command: string): Proxy {
  const shell = process.env.SHELL || '/bin/sh';
  const child = spawn(shell, ['-c', `exec ${command}`], { stdio: 'pipe', detached: true });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-MOST_SAID);
  });
  let how: string | undefined;
  const socket = new Duplex({
    read: () => {
      child.stdout.resume();
    },
    write: (chunk, _encoding, done) => {
      // A broken pipe is told by the end of the program, and with its reason.
      child.stdin.write(chunk, () => done());
    },
    final: (done) => {
      child.stdin.end();
      setTimeout(() => socket.destroy(), GOODBYE_MS).unref();
      done();
    },
    destroy: (error, done) => {
      child.kill('SIGHUP');
      for (const stream of [child.stdin, child.stdout, child.stderr]) stream.destroy();
      done(error);
    },
  });
  // ssh2 listens as well; this one stays when it no longer does.
  socket.on('error', () => {});
  child.stdout.on('data', (chunk) => {
    if (!socket.push(chunk)) child.stdout.pause();
  });
  void channelOf(child, (end) => Promise.resolve(end)).ended.then((end) => {
    how = endInWords(end);
    // Not before: who hears that the way has ended asks why.
    socket.push(null);
    socket.destroy();
  });
  return { socket, ended: () => (how === undefined ? undefined : { command, how, said: said.trim() }) };
}
