import { PitrError } from '../../base/errors/pitr-error.ts';
import { commandLine } from '../quote.ts';
import { copyKeyByHand, sshByHand } from './by-hand.ts';
import { fingerprint, type KnownKey, keyType } from './known-hosts.ts';
import { type Target, targetName } from './target.ts';

function ofHost(target: Target): string {
  return `${target.host} port ${target.port}`;
}

function keyPrinted(key: Buffer): string {
  return `${keyType(key)} ${fingerprint(key)}`;
}

const COMPARE =
  'Compare with the key on the host itself (its console): ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub';

export function hostKeyUnknown(target: Target, key: Buffer): PitrError {
  const file = target.knownHostsFiles[0] ?? '~/.ssh/known_hosts';
  const scan = commandLine(['ssh-keyscan', '-p', String(target.port), target.host]);
  // ssh-keyscan knows no way but the direct one, and no other name of the host.
  const store =
    isDirect(target) && target.hostKeyAlias === undefined
      ? `When it is the right one, store it: ${scan} >>${commandLine([file])}`
      : `When it is the right one, log in once by hand and answer yes: ${sshByHand(target, '-o', 'StrictHostKeyChecking=ask')}`;
  return new PitrError({
    kind: 'unreachable',
    code: 'ssh-host-key-unknown',
    message: `the host key is not known: ${ofHost(target)}`,
    details: [
      `it shows ${keyPrinted(key)}`,
      `looked in ${target.knownHostsFiles.join(', ')}`,
      ...(target.knownHostsCommand === undefined ? [] : [`asked ${target.knownHostsCommand}`]),
    ],
    next: [
      COMPARE,
      store,
      'Or let new keys be stored at first contact: host key checking `accept-new` in the inventory.',
    ],
  });
}

export function hostKeyChanged(
  target: Target,
  name: string,
  key: Buffer,
  known: readonly KnownKey[],
): PitrError {
  const files = [...new Set(known.map((entry) => entry.file))];
  return new PitrError({
    kind: 'unreachable',
    code: 'ssh-host-key-changed',
    message: `the host key has changed, so this may be another host: ${ofHost(target)}`,
    details: [
      `it shows ${keyPrinted(key)}`,
      ...known.map(
        (entry) =>
          `known is ${entry.type} ${fingerprint(Buffer.from(entry.key, 'base64'))} (${entry.file}:${entry.line})`,
      ),
    ],
    next: [
      COMPARE,
      ...files.map(
        (file) =>
          `Only when the host was rebuilt, forget the old key: ${commandLine(['ssh-keygen', '-R', name, '-f', file])}`,
      ),
    ],
  });
}

export function hostKeyRevoked(target: Target, key: Buffer, by: string): PitrError {
  return new PitrError({
    kind: 'unreachable',
    code: 'ssh-host-key-revoked',
    message: `the host shows a key that is marked as revoked: ${ofHost(target)}`,
    details: [`it shows ${keyPrinted(key)}`, `revoked in ${by}`],
    next: ['Give the host a new key, or find out who answers in its place.'],
  });
}

/** To go on would be a guess: the key may be revoked in it, or another one known. */
export function hostKeysUnread(target: Target, file: string, cause: unknown): PitrError {
  return new PitrError({
    kind: 'unreachable',
    code: 'ssh-host-keys-unread',
    message: `whether the host is the right one cannot be told, a file of host keys cannot be read: ${ofHost(target)}`,
    details: [`${file}: ${cause instanceof Error ? cause.message : String(cause)}`],
    next: [
      `Look at it: ${commandLine(['ls', '-ld', file])}`,
      'Let it be readable, or name another one in ~/.ssh/config or in the inventory (pitr_known_hosts).',
    ],
    cause,
  });
}

/** To go on would be a guess, as above. */
export function knownHostsCommandFailed(target: Target, command: string, cause: unknown): PitrError {
  return new PitrError({
    kind: 'unreachable',
    code: 'ssh-known-hosts-command',
    message: `whether the host is the right one cannot be told, the KnownHostsCommand of the ssh configuration failed: ${ofHost(target)}`,
    evidence: { command, stderr: cause instanceof Error ? cause.message : String(cause) },
    next: [
      `See what ssh says of it: ${sshByHand(target, '-v')}`,
      'Mend it in ~/.ssh/config, or name a file of host keys in the inventory (pitr_known_hosts).',
    ],
    cause,
  });
}

export function hostKeyNotStored(target: Target, file: string, cause: unknown): PitrError {
  return new PitrError({
    kind: 'unreachable',
    code: 'ssh-host-key-not-stored',
    message: `the new host key cannot be stored, so the host cannot be recognised later: ${ofHost(target)}`,
    details: [`${file}: ${cause instanceof Error ? cause.message : String(cause)}`],
    next: ['See that the known_hosts file can be written, or name another one in the inventory.'],
    cause,
  });
}

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
      `Bring a key there: ${copyKeyByHand(target)}`,
    ],
  });
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
    message: `the ProxyCommand of the ssh configuration ${how}, and no SSH session came about: ${ofHost(target)}`,
    evidence: { command, stderr: said },
    next: [`Try it by hand: ${sshByHand(target)}`],
  });
}

function isDirect({ proxyJump, proxyCommand }: Target): boolean {
  return proxyJump.length === 0 && proxyCommand === undefined;
}
