import { PitrError } from '../../base/errors/pitr-error.ts';
import type { ChannelEnd } from '../connection.ts';
import { endInWords } from '../errors.ts';
import { commandLine } from '../quote.ts';
import { tail } from '../tail.ts';

/** How a client has ended that is the connection to a host. */
export interface ClientEnd {
  /** `ssh root@db1`. */
  readonly address: string;
  /** A login as one would try it by hand. */
  readonly argv: readonly string[];
  readonly end: ChannelEnd;
  readonly stderr: string;
}

export function openSshMissing(address: string): PitrError {
  return new PitrError({
    kind: 'unreachable',
    code: 'openssh-missing',
    message: `there is no \`ssh\` command on this machine, and the inventory says that it reaches the host: ${address}`,
    next: ['Install it (apt-get install openssh-client), and see that it is in PATH.'],
  });
}

/** `why` is what the system says, with the path. */
export function openSshSocket(address: string, why: unknown): PitrError {
  return new PitrError({
    kind: 'unreachable',
    code: 'openssh-socket',
    message: `there is no place on this machine for the socket of the ssh client (${why instanceof Error ? why.message : String(why)}): ${address}`,
    next: ['Let TMPDIR name a directory in which you may make files, or leave it out: /tmp is taken then.'],
    cause: why,
  });
}

export function openSshFailed({ address, argv, end, stderr }: ClientEnd): PitrError {
  const said = lastLine(stderr);
  return new PitrError({
    kind: 'unreachable',
    code: 'openssh-failed',
    message: `the ssh client did not get in (${said ?? endInWords(end)}): ${address}`,
    evidence: { command: commandLine(argv), stderr: tail(stderr) },
    next: /host key is known for/.test(stderr)
      ? [
          `When it is the right one, log in once by hand and answer yes: ${commandLine(['ssh', '-o', 'StrictHostKeyChecking=ask', ...argv.slice(1)])}`,
          'Or let new keys be stored at first contact: host key checking `accept-new` in the inventory.',
        ]
      : [`Try it by hand: ${commandLine(argv)}`],
  });
}

export function openSshSilent(address: string, argv: readonly string[], milliseconds: number): PitrError {
  return new PitrError({
    kind: 'unreachable',
    code: 'openssh-timeout',
    message: `the ssh client did not get in within ${milliseconds / 1000} s: ${address}`,
    next: [
      `Try it by hand: ${commandLine(argv)}`,
      'Where it waits for a person (a security key), give it more time: pitr_connect_timeout in the inventory.',
    ],
  });
}

export function openSshLost({ address, argv, end, stderr }: ClientEnd): PitrError {
  return new PitrError({
    kind: 'unreachable',
    code: 'connection-lost',
    message: `the connection was lost (${lastLine(stderr) ?? `the ssh client ended, ${endInWords(end)}`}): ${address}`,
    state: 'What ran on the host may still be running there.',
    next: [`See that the host is up: ${commandLine(argv)}`],
  });
}

function lastLine(text: string): string | undefined {
  return text.trim().split('\n').at(-1)?.trim() || undefined;
}
