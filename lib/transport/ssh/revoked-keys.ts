import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { keyType } from './known-hosts.ts';

const KRL_MAGIC = 'SSHKRL\n\0';
const REVOKED = 1;
const KEYGEN_DEADLINE_MS = 10_000;

/**
 * Whether a file of `RevokedHostKeys` (ssh_config(5)) revokes a key: a list of public keys, or a binary KRL, which ssh-keygen
 * reads. Throws where that cannot be told. Synchronous, as `HostKeyCheck.accepts` is.
 */
export function isRevoked(file: string, key: Buffer): boolean {
  const bytes = readFileSync(file);
  return bytes.toString('latin1', 0, KRL_MAGIC.length) === KRL_MAGIC
    ? revokedByKrl(file, key)
    : listed(bytes.toString('latin1'), key);
}

function listed(list: string, key: Buffer): boolean {
  return list.split('\n').some((raw, index) => {
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) return false;
    const [type, base64 = ''] = line.split(/\s+/);
    const stored = Buffer.from(base64, 'base64');
    if (type !== keyType(stored) || !isWhole(stored))
      throw new Error(`line ${index + 1} holds no public key`);
    return stored.equals(key);
  });
}

/** A public key in wire form is fields that each tell their length. */
function isWhole(key: Buffer): boolean {
  let at = 0;
  while (at + 4 <= key.length) at += 4 + key.readUInt32BE(at);
  return at === key.length;
}

/** ssh-keygen reads a key from a file alone, and opens a pipe by its name, though not the socket that Node.js gives. */
const ASK_KEYGEN = `printf '%s\\n' "$2" | ssh-keygen -Q -f "$1" /dev/stdin`;

function revokedByKrl(file: string, key: Buffer): boolean {
  const shown = `${keyType(key)} ${key.toString('base64')}`;
  const options = { encoding: 'utf8', timeout: KEYGEN_DEADLINE_MS } as const;
  const { status, stdout, stderr, error } = spawnSync('sh', ['-c', ASK_KEYGEN, 'sh', file, shown], options);
  if (status === 0 || status === REVOKED) return status === REVOKED;
  throw new Error(
    `ssh-keygen -Q: ${`${stderr}${stdout}`.trim() || (error?.message ?? `exit code ${status}`)}`,
  );
}
