import { PitrError } from '../../base/errors/pitr-error.ts';
import { commandLine } from '../quote.ts';
import { tail } from '../tail.ts';
import { copyKeyByHand, sshByHand } from './by-hand.ts';
import { type Target, targetName } from './target.ts';

export function ofHost(target: Target): string {
  return `${target.host} port ${target.port}`;
}

/** The way for what ssh2 cannot do. */
export const OPENSSH =
  'Where it takes a certificate, Kerberos or a security key, let the ssh client reach the host: `ansible_connection: openssh` in the inventory.';

export function authenticationFailed(
  target: Target,
  tried: readonly string[],
  accepts: readonly string[],
): PitrError {
  const encrypted = tried.some((line) => line.includes('passphrase'));
  return new PitrError({
    kind: 'unreachable',
    code: 'ssh-auth-failed',
    message: `the host does not let us in: ${targetName(target)}`,
    details: [
      ...(tried.length === 0
        ? ['nothing to try: no key, no agent, no password']
        : tried.map((line) => `tried ${line}`)),
      ...(accepts.length === 0 ? [] : [`the host accepts: ${accepts.join(', ')}`]),
    ],
    next: [
      ...(encrypted
        ? [
            'Load the encrypted key into the agent (ssh-add), or run pitr on a terminal: it asks for the passphrase.',
          ]
        : []),
      `Try it by hand: ${sshByHand(target)}`,
      keyNext(target, tried, accepts),
      OPENSSH,
    ],
  });
}

/** `ssh-copy-id` brings only what is there. */
function keyNext(target: Target, tried: readonly string[], accepts: readonly string[]): string {
  const takesKeys = accepts.length === 0 || accepts.includes('publickey');
  if (!takesKeys || tried.some((line) => !line.includes(': cannot be read (')))
    return `Bring a key there: ${copyKeyByHand(target)}`;
  if (tried.length > 0)
    return 'Name a key that can be read: `ansible_ssh_private_key_file` in the inventory, or IdentityFile in ~/.ssh/config.';
  return `Make a key and bring it there: ssh-keygen -t ed25519; ${copyKeyByHand(target)}`;
}

export function connectTimedOut(target: Target, milliseconds: number, waitingFor: string): PitrError {
  const seconds = milliseconds / 1000;
  return new PitrError({
    kind: 'unreachable',
    code: 'connect-timeout',
    message: `no answer within ${seconds} s (waiting for ${waitingFor}): ${ofHost(target)}`,
    next: [
      ...(isDirect(target)
        ? [
            `See that the host is up and no firewall drops the packets: ${commandLine(['ping', '-c', '3', target.host])}`,
          ]
        : []),
      `Try it by hand: ${sshByHand(target)}`,
      'Where it answers slowly, give it more time: pitr_connect_timeout in the inventory.',
    ],
  });
}

/** Failures of the TCP connection, by the system's own error code. */
export function socketFailed(target: Target, error: Error): PitrError {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  const facts = { kind: 'unreachable', cause: error } as const;
  switch (code) {
    case 'ECONNREFUSED':
      return new PitrError({
        ...facts,
        code: 'connect-refused',
        message: `the connection was refused, nothing listens there: ${ofHost(target)}`,
        next: ['See that sshd runs on the host and listens on this port: systemctl status ssh; ss -ltn'],
      });
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return new PitrError({
        ...facts,
        code: 'host-name-unknown',
        message: `the host name cannot be resolved: ${target.host}`,
        next: [
          `Mend the address in the inventory, or the name service: ${commandLine(['getent', 'hosts', target.host])}`,
        ],
      });
    default:
      return new PitrError({
        ...facts,
        code: code === 'ETIMEDOUT' ? 'connect-timeout' : 'connect-failed',
        message: `the connection cannot be made (${code === '' ? error.message : code}): ${ofHost(target)}`,
        next: [`Try it by hand: ${sshByHand(target)}`],
      });
  }
}

export function handshakeFailed(target: Target, error: Error): PitrError {
  return new PitrError({
    kind: 'unreachable',
    code: 'ssh-handshake-failed',
    message: `no SSH session came about (${error.message}): ${ofHost(target)}`,
    next: [
      'See that this port is an SSH server, that it is not overloaded (MaxStartups), and that its algorithms are not too new or too old.',
      `Try it by hand: ${sshByHand(target)} -v`,
    ],
    cause: error,
  });
}

export function connectionLost(target: Target, reason: string): PitrError {
  return new PitrError({
    kind: 'unreachable',
    code: 'connection-lost',
    message: `the connection was lost (${reason}): ${targetName(target)}`,
    state: 'What ran on the host may still be running there.',
    next: [`See that the host is up: ${sshByHand(target)}`],
  });
}

export function sessionsExhausted(target: Target, seconds: number): PitrError {
  return new PitrError({
    kind: 'unreachable',
    code: 'ssh-sessions-exhausted',
    message: `the host opened no further session within ${seconds} s: ${targetName(target)}`,
    details: [
      'sshd allows MaxSessions sessions on one connection (10 by default), and ten connections were tried.',
    ],
    next: ['Raise MaxSessions in the sshd_config of the host, or let fewer commands run there at once.'],
  });
}

export function execRefused(target: Target, error: Error): PitrError {
  return new PitrError({
    kind: 'unreachable',
    code: 'ssh-exec-refused',
    message: `the host runs no commands for us (${error.message}): ${targetName(target)}`,
    next: ['See that no forced command, ChrootDirectory or restricted shell stands in the way.'],
    cause: error,
  });
}

export function jumpLoop(jump: string, way: readonly string[]): PitrError {
  return new PitrError({
    kind: 'unreachable',
    code: 'ssh-jump-loop',
    message: `the jump host ${jump} is reached through itself`,
    details: [way.map((name) => name.replace(/^ssh /, '')).join(', through ')],
    next: [
      `See what the ssh client makes of it: ${commandLine(['ssh', '-G', jump])} | grep -i proxyjump`,
      `Take it out of its own ProxyJump in ~/.ssh/config: \`Host * !${jump}\` where that stands below \`Host *\`.`,
    ],
  });
}

/** Names that the user's shell would take for something else must not come into its line. */
export function proxyCommandUnsafe(target: Target, name: string): PitrError {
  return new PitrError({
    kind: 'unreachable',
    code: 'ssh-proxy-command-unsafe',
    message: `a shell would misread the name ${JSON.stringify(name)} in the ProxyCommand: ${ofHost(target)}`,
    details: [target.proxyCommand ?? ''],
    next: ['Mend the address or the user in the inventory or in ~/.ssh/config, or use ProxyJump.'],
  });
}

export function proxyHandsOver(target: Target): PitrError {
  return new PitrError({
    kind: 'unreachable',
    code: 'ssh-proxy-hands-over',
    message: `the ssh configuration asks for ProxyUseFdpass, which pitr does not support: ${ofHost(target)}`,
    details: [target.proxyCommand ?? ''],
    next: ['Use a ProxyCommand that carries the connection itself, or ProxyJump.'],
  });
}

export function proxyCommandFailed(
  target: Target,
  { command, how, said }: { readonly command: string; readonly how: string; readonly said: string },
): PitrError {
  return new PitrError({
    kind: 'unreachable',
    code: 'ssh-proxy-failed',
    message: `the ProxyCommand of the ssh configuration ended (${how}), and no SSH session came about: ${ofHost(target)}`,
    evidence: { command, stderr: tail(said) },
    next: [`Try it by hand: ${sshByHand(target)}`],
  });
}

export function isDirect({ proxyJump, proxyCommand }: Target): boolean {
  return proxyJump.length === 0 && proxyCommand === undefined;
}
