/** The first line of a closed file; a file without it is not ours to replace. */
export const CLOSED_MARK =
  '# pitr: closed until the cut-over is proved; the rules of the cluster are kept beside.';

/** Words of a `pg_hba.conf` line; quoted words keep their quotes, a comment ends the line. */
function words(line: string): readonly string[] {
  const hash = indexOfComment(line);
  return (hash < 0 ? line : line.slice(0, hash)).match(/(?:"[^"]*"|[^\s"])+/g) ?? [];
}

function indexOfComment(line: string): number {
  let quoted = false;
  for (let i = 0; i < line.length; i++) {
    if (line[i] === '"') quoted = !quoted;
    else if (line[i] === '#' && !quoted) return i;
  }
  return -1;
}

const LOOPBACK = new Set(['127.0.0.1/32', '::1/128', '127.0.0.1', '::1', 'localhost', 'samehost']);

/**
 * The rules of a closed instance: of the file's own, those that let somebody of this very host in, and of them only
 * the given roles. How they prove who they are stays as it was. Patroni, on the same host, works on; clients, replicas
 * and Barman wait.
 */
export function closedRules(text: string, roles: readonly string[]): string {
  const kept: string[] = [];
  for (const line of text.split('\n')) {
    const rule = words(line);
    const [type = '', databases = '', users = '', address = ''] = rule;
    const local = type === 'local';
    if (!local && !(type.startsWith('host') && LOOPBACK.has(address.replaceAll('"', '').toLowerCase())))
      continue;
    if (databases === 'replication') continue;
    const allowed = rolesOf(users, roles);
    if (allowed.length === 0) continue;
    kept.push([type, databases, allowed.map(quoteName).join(','), ...rule.slice(3)].join(' '));
  }
  if (!kept.some((line) => line.startsWith('local '))) {
    kept.unshift(`local all ${roles.map(quoteName).join(',')} peer`);
  }
  return `${CLOSED_MARK}\n${kept.join('\n')}\n`;
}

/** Which of the roles a user column lets in. Groups and files (`+group`, `@file`) are not looked into. */
function rolesOf(column: string, roles: readonly string[]): readonly string[] {
  const named = column.split(',').map((word) => word.trim());
  if (named.includes('all')) return roles;
  const plain = new Set(named.map((word) => word.replaceAll('"', '')));
  return roles.filter((role) => plain.has(role));
}

function quoteName(name: string): string {
  return `"${name.replaceAll('"', '')}"`;
}

export function isClosed(text: string): boolean {
  return text.startsWith(CLOSED_MARK);
}
