import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { keyType } from './known-hosts.ts';

const KRL_MAGIC = 'SSHKRL\n\0';
const REVOKED = 1;

/**
 * Whether a file of `RevokedHostKeys` (ssh_config(5)) revokes a key: a list of public keys, or a binary KRL, which ssh-keygen
 * reads. Throws where that cannot be told.
 */
export async function isRevoked(file: string, key: Buffer): Promise<boolean> {
  const bytes = await readFile(file);
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
    if (type !== keyType(stored) || !isWhole(stored)) throw new Error(`line ${index + 1} holds no public key`);
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

function revokedByKrl(file: string, key: Buffer): Promise<boolean> {
  const shown = `${keyType(key)} ${key.toString('base64')}`;
  return new Promise((resolve, reject) => {
    execFile('sh', ['-c', ASK_KEYGEN, 'sh', file, shown], (error, stdout, stderr) => {
      if (error === null) resolve(false);
      else if (error.code === REVOKED) resolve(true);
      else reject(new Error(`ssh-keygen -Q: ${`${stderr}${stdout}`.trim() || error.message}`));
    });
  });
}
