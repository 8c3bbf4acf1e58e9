import { createHash, createHmac } from 'node:crypto';

/** One line of a known_hosts file. */
export interface KnownKey {
  readonly marker: 'revoked' | 'cert-authority' | undefined;
  /** The host field as it stands there: patterns, or a hash. */
  readonly hosts: string;
  readonly type: string;
  /** Base64, as in the file. */
  readonly key: string;
  readonly file: string;
  readonly line: number;
}

/** In the place of a file: what the command printed. */
export const KNOWN_HOSTS_COMMAND = 'KnownHostsCommand';

/** Reads known_hosts (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT). Lines that make no sense are passed over, as ssh does. */
export function parseKnownHosts(text: string, file: string): readonly KnownKey[] {
  const keys: KnownKey[] = [];
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const words = line.trim().split(/[ \t]+/);
    if (words[0] === undefined || words[0] === '' || words[0].startsWith('#')) continue;
    const marker = words[0].startsWith('@') ? words.shift() : undefined;
    if (marker !== undefined && marker !== '@revoked' && marker !== '@cert-authority') continue;
    const [hosts, type, key] = words;
    if (hosts === undefined || type === undefined || key === undefined) continue;
    keys.push({
      marker: marker === '@revoked' ? 'revoked' : marker === '@cert-authority' ? 'cert-authority' : undefined,
      hosts,
      type,
      key,
      file,
      line: index + 1,
    });
  }
  return keys;
}

/** The name under which a host stands in known_hosts: bare on port 22, else `[host]:port`. */
export function knownName(host: string, port: number): string {
  const lower = host.toLowerCase();
  return port === 22 ? lower : `[${lower}]:${port}`;
}

/** Whether a host field is about this name: hashed, or a list of patterns in which a negated match excludes. */
export function matchesHost(hosts: string, name: string): boolean {
  if (hosts.startsWith('|1|')) {
    const [, , salt = '', hash = ''] = hosts.split('|');
    return createHmac('sha1', Buffer.from(salt, 'base64')).update(name).digest('base64') === hash;
  }
  let matched = false;
  for (const pattern of hosts.toLowerCase().split(',')) {
    const negated = pattern.startsWith('!');
    if (!globMatches(negated ? pattern.slice(1) : pattern, name)) continue;
    if (negated) return false;
    matched = true;
  }
  return matched;
}

function globMatches(pattern: string, name: string): boolean {
  if (!/[*?]/.test(pattern)) return pattern === name;
  // Walked by hand: a pattern with many stars must not take exponential time.
  let [p, n, star, mark] = [0, 0, -1, 0];
  while (n < name.length) {
    if (pattern[p] === '*') {
      star = p++;
      mark = n;
    } else if (pattern[p] === '?' || pattern[p] === name[n]) {
      p++;
      n++;
    } else if (star !== -1) {
      p = star + 1;
      n = ++mark;
    } else return false;
  }
  while (pattern[p] === '*') p++;
  return p === pattern.length;
}

export type Verdict =
  | { readonly kind: 'trusted' }
  | { readonly kind: 'revoked'; readonly by: KnownKey }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'changed'; readonly known: readonly KnownKey[] };

/**
 * What the known keys of a host say about the key it shows. A host that has known keys and shows another one counts
 * as changed even where the type is a new one: an impostor would choose just such a type.
 */
export function judge(known: readonly KnownKey[], shown: Buffer): Verdict {
  const key = shown.toString('base64');
  const revoked = known.find((entry) => entry.marker === 'revoked' && entry.key === key);
  if (revoked !== undefined) return { kind: 'revoked', by: revoked };
  // ssh2 offers no certificate algorithms, so an authority vouches for nothing here.
  const plain = known.filter((entry) => entry.marker === undefined);
  if (plain.some((entry) => entry.key === key)) return { kind: 'trusted' };
  return plain.length === 0 ? { kind: 'unknown' } : { kind: 'changed', known: plain };
}

/** `SHA256:...`, as ssh and ssh-keygen print it. */
export function fingerprint(key: Buffer): string {
  return `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`;
}

/** The type that a public key in wire form names in its first field. */
export function keyType(key: Buffer): string {
  const length = key.length >= 4 ? key.readUInt32BE(0) : 0;
  return key.toString('latin1', 4, 4 + Math.min(length, 64));
}

export type HostKeyAlgorithm =
  | 'ssh-ed25519'
  | 'ecdsa-sha2-nistp256'
  | 'ecdsa-sha2-nistp384'
  | 'ecdsa-sha2-nistp521'
  | 'rsa-sha2-512'
  | 'rsa-sha2-256';

const ALGORITHMS: Readonly<Record<string, readonly HostKeyAlgorithm[]>> = {
  'ssh-ed25519': ['ssh-ed25519'],
  'ecdsa-sha2-nistp256': ['ecdsa-sha2-nistp256'],
  'ecdsa-sha2-nistp384': ['ecdsa-sha2-nistp384'],
  'ecdsa-sha2-nistp521': ['ecdsa-sha2-nistp521'],
  'ssh-rsa': ['rsa-sha2-512', 'rsa-sha2-256'],
};

/** The host key algorithms to ask for first: those of the keys that are known, or a good host would look changed. */
export function preferredAlgorithms(known: readonly KnownKey[]): readonly HostKeyAlgorithm[] {
  const plain = known.filter((entry) => entry.marker === undefined);
  return [...new Set(plain.flatMap((entry) => ALGORITHMS[entry.type] ?? []))];
}
