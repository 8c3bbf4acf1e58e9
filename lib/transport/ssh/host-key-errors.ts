import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { PitrError } from '../../base/errors/pitr-error.ts';
import { commandLine } from '../quote.ts';
import { tail } from '../tail.ts';
import { sshByHand } from './by-hand.ts';
import { isDirect, OPENSSH, ofHost } from './errors.ts';
import { fingerprint, KNOWN_HOSTS_COMMAND, type KnownKey, keyType } from './known-hosts.ts';
import type { Target } from './target.ts';

function keyPrinted(key: Buffer): string {
  return `${keyType(key)} ${fingerprint(key)}`;
}

const COMPARE =
  'Compare with the key on the host itself (its console): ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub';

/** `authority`: one that is trusted to certify the key. */
export function hostKeyUnknown(target: Target, key: Buffer, authority: KnownKey | undefined): PitrError {
  const file = target.knownHostsFiles[0] ?? '~/.ssh/known_hosts';
  const scan = commandLine(['ssh-keyscan', '-p', String(target.port), target.host]);
  // ssh-keyscan knows no way but the direct one, and no other name of the host; ssh makes ~/.ssh, a shell does not.
  const store =
    file === '/dev/null'
      ? 'The ssh configuration keeps no host keys (UserKnownHostsFile /dev/null): name a file of them in the inventory (pitr_known_hosts).'
      : isDirect(target) && target.hostKeyAlias === undefined && existsSync(dirname(file))
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
      ...(authority === undefined
        ? []
        : [
            `${authority.file}:${authority.line} trusts an authority, whose certificates pitr itself cannot check`,
          ]),
    ],
    next: [
      COMPARE,
      store,
      ...(authority === undefined ? [] : [OPENSSH]),
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
      // A KnownHostsCommand is asked twice.
      ...new Set(
        known.map(
          (entry) =>
            `known is ${entry.type} ${fingerprint(Buffer.from(entry.key, 'base64'))} (${entry.file}:${entry.line})`,
        ),
      ),
    ],
    next: [
      COMPARE,
      ...files.map((file) =>
        file === KNOWN_HOSTS_COMMAND
          ? `Only when the host was rebuilt, let the KnownHostsCommand tell its new key: ${target.knownHostsCommand ?? ''}`
          : `Only when the host was rebuilt, forget the old key: ${commandLine(['ssh-keygen', '-R', name, '-f', file])}`,
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
    evidence: { command, stderr: tail(cause instanceof Error ? cause.message : String(cause)) },
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
