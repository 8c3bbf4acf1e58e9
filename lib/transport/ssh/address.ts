import type { SshSettings } from '../types.ts';

/** `ssh [user@]host[:port]` for messages, as far as the inventory says it. */
export function sshAddress({ user, address, port }: SshSettings): string {
  const host = address.includes(':') ? `[${address}]` : address;
  return `ssh ${user === undefined ? '' : `${user}@`}${host}${port === undefined ? '' : `:${port}`}`;
}
