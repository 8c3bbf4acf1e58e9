import { BlockList, isIP } from 'node:net';

/** The first line of a closed file; a file without it is not ours to replace. */
export const CLOSED_MARK =
  '# pitr: closed until the cut-over is proved; the rules of the cluster are kept beside.';

/** How a host is called, and what it is reached by. */
export interface OwnHost {
  readonly addresses: readonly string[];
  readonly names: readonly string[];
}

/** Roles whose logins are tried from another host: an address of its own, never a whole network. */
export interface Guest {
  readonly roles: readonly string[];
  /** The databases that their logins name. */
  readonly databases: readonly string[];
  readonly host: OwnHost;
}

/**
 * The database that guests ask for in the place of their own. It is not there: PostgreSQL says so to whom it has let in,
 * and nobody can write.
 */
export const PROOF_DATABASE = 'pitr_login_proof';

interface Token {
  /** As it stands in the file. */
  readonly raw: string;
  readonly text: string;
  /** A quoted word is never a keyword. */
  readonly quoted: boolean;
}

type Field = readonly Token[];

/**
 * The rules of a closed instance: of the file's own, in their order, those that decide about the given roles on this
 * very host, each narrowed to these roles and to the host's own addresses. So whoever of them the cluster's rules let
 * in from here is let in by the same method, Patroni among them, and nobody else is.
 */
export function closedRules(text: string, roles: readonly string[], own: OwnHost): string {
  const partOf: PartOf = (address, mask) => ownPart(address, mask, own);
  const kept = logicalLines(text)
    .map(fieldsOf)
    .filter((fields) => !isOfReplicationAlone(fields))
    .flatMap((fields) => narrowed(fields, roles, partOf));
  if (!kept.some((line) => line.startsWith('local all '))) {
    kept.push(`local all ${roles.map(quoteName).join(',')} peer`);
  }
  return `${CLOSED_MARK}\n${kept.join('\n')}\n`;
}

/**
 * Of the rules of a cluster, in their order, those that decide about guests: each narrowed to a guest's roles and to its
 * addresses, for replication, and for the proof in the place of the databases that they log in to.
 */
export function guestRules(text: string, guests: readonly Guest[]): readonly string[] {
  const rules = logicalLines(text)
    .map(fieldsOf)
    .filter((fields) => fields[0]?.[0]?.text !== 'local');
  return guests.flatMap((guest) => {
    const partOf: PartOf = (address, mask) => guestPart(address, mask, guest.host);
    const databasesOf = (column: Field): string | undefined => proofOf(column, guest);
    return rules.flatMap((fields) => narrowed(fields, guest.roles, partOf, databasesOf));
  });
}

/** The database column of a guest's rule; nothing where it is about databases that the guest does not ask for. */
function proofOf(column: Field, { roles, databases }: Guest): string | undefined {
  const covers = column.some(
    (token) =>
      isKeyword(token, 'all') ||
      (['sameuser', 'samerole', 'samegroup'].some((word) => isKeyword(token, word))
        ? roles.some((role) => databases.includes(role))
        : // Which databases a file names cannot be known here.
          (!token.quoted && token.text.startsWith('@')) ||
          databases.some((name) => token.text === name || matches(token.text, name))),
  );
  const words = [
    ...(covers ? [PROOF_DATABASE] : []),
    ...(column.some((token) => isKeyword(token, 'replication')) ? ['replication'] : []),
  ];
  return words.length === 0 ? undefined : words.join(',');
}

export function isClosed(text: string): boolean {
  return text.startsWith(CLOSED_MARK);
}

/** A backslash at its end continues a line. */
function logicalLines(text: string): readonly string[] {
  return text.replaceAll(/\\\r?\n/g, '').split(/\r?\n/);
}

/** What of an address column is a host, in words that can be nobody else. */
type PartOf = (address: Token, mask: string | undefined) => readonly string[];

function isOfReplicationAlone([, databases = []]: readonly Field[]): boolean {
  return databases.length > 0 && databases.every((token) => isKeyword(token, 'replication'));
}

function narrowed(
  fields: readonly Field[],
  roles: readonly string[],
  partOf: PartOf,
  databasesOf: (column: Field) => string | undefined = rawOf,
): string[] {
  const [type, column, users, ...rest] = fields;
  const kind = type?.[0]?.text ?? '';
  const databases = column === undefined ? undefined : databasesOf(column);
  if (databases === undefined || users === undefined || rest.length === 0) return [];
  const line = (address: readonly string[], method: readonly Field[]): string[] => {
    const who = usersOf(users, roles, method[0]?.[0]?.text ?? '');
    if (who === undefined) return [];
    return [[kind, databases, who, ...address, ...method.map(rawOf)].join(' ')];
  };
  if (kind === 'local') return line([], rest);
  if (!/^host(no)?(ssl|gssenc)?$/.test(kind)) return [];
  const [addressField, maskField] = rest;
  const address = addressField?.[0];
  if (address === undefined) return [];
  const masked = isIP(address.text) > 0;
  const method = rest.slice(masked ? 2 : 1);
  if (method.length === 0) return [];
  return partOf(address, masked ? (maskField?.[0]?.text ?? '') : undefined).flatMap((one) =>
    line([one], method),
  );
}

/** The addresses of a guest that an address column covers. What is written in names is taken where it names the guest. */
function guestPart(
  address: Token,
  mask: string | undefined,
  { addresses, names }: OwnHost,
): readonly string[] {
  if (isKeyword(address, 'samehost')) return [];
  const outside = { names, addresses: addresses.filter((one) => !one.startsWith('127.') && one !== '::1') };
  const found = ownPart(address, mask, outside);
  // Of a guest `samehost` stands for all its addresses: it would mean the server itself.
  return found.includes('samehost')
    ? outside.addresses.map((one) => `${one}/${isIP(one) === 4 ? 32 : 128}`)
    : found.filter((one) => !/^(127\.|::1\/|localhost$)/.test(one));
}

/** What of an address column is this host, in words that can be nobody else. */
function ownPart(address: Token, mask: string | undefined, own: OwnHost): readonly string[] {
  if (['all', 'samehost', 'samenet'].some((word) => isKeyword(address, word))) return ['samehost'];
  const [ip = '', length] = address.text.split('/');
  // The zone of a link-local address is nothing that a rule can be held against.
  const family = ip.includes('%') ? 0 : isIP(ip);
  if (family === 0) return ofName(address.text.toLowerCase(), own);
  const prefix = length === undefined ? prefixOf(mask ?? '') : Number(length);
  if (!Number.isInteger(prefix) || prefix < 0 || prefix > (family === 4 ? 32 : 128)) return [];
  // All of these are the host itself, whoever listens there.
  if ((family === 4 && ip.startsWith('127.') && prefix >= 8) || (ip === '::1' && prefix === 128))
    return [`${ip}/${prefix}`];
  const net = new BlockList();
  net.addSubnet(ip, prefix, family === 4 ? 'ipv4' : 'ipv6');
  return own.addresses
    .filter((one) => isIP(one) === family && net.check(one, family === 4 ? 'ipv4' : 'ipv6'))
    .map((one) => `${one}/${family === 4 ? 32 : 128}`);
}

function ofName(name: string, { names }: OwnHost): readonly string[] {
  if (name === 'localhost') return ['localhost'];
  const known = names.map((one) => one.toLowerCase());
  const matches = name.startsWith('.') ? known.some((one) => one.endsWith(name)) : known.includes(name);
  return matches ? ['samehost'] : [];
}

/** `255.255.255.0` is 24. Not a number where the mask has holes, or is none. */
function prefixOf(mask: string): number {
  const bits =
    isIP(mask) === 4
      ? mask
          .split('.')
          .map((byte) => Number(byte).toString(2).padStart(8, '0'))
          .join('')
      : isIP(mask) === 6
        ? bitsOf6(mask)
        : '';
  const match = /^(1*)0*$/.exec(bits);
  return bits === '' || match === null ? Number.NaN : (match[1]?.length ?? 0);
}

function bitsOf6(mask: string): string {
  const [head = '', tail] = mask.split('::');
  const groups = (part: string): string[] => part.split(':').filter((group) => group !== '');
  const before = groups(head);
  const after = tail === undefined ? [] : groups(tail);
  const between = Array.from({ length: 8 - before.length - after.length }, () => '0');
  return [...before, ...between, ...after]
    .map((group) => Number.parseInt(group, 16).toString(2).padStart(16, '0'))
    .join('');
}

/**
 * The user column of a rule about these roles; nothing where it is about others. Who is in a group (`+dba`) or a file
 * (`@admins`) cannot be known here: what lets them in lets in the given roles alone, what rejects them stays as it is.
 */
function usersOf(column: Field, roles: readonly string[], method: string): string | undefined {
  if (column.some((token) => isKeyword(token, 'all'))) return roles.map(quoteName).join(',');
  const elsewhere = column.some(
    ({ quoted, text }) => !quoted && (text.startsWith('+') || text.startsWith('@')),
  );
  if (elsewhere) return method === 'reject' ? rawOf(column) : roles.map(quoteName).join(',');
  const named = roles.filter((role) => column.some(({ text }) => text === role || matches(text, role)));
  return named.length === 0 ? undefined : named.map(quoteName).join(',');
}

/** PostgreSQL 16 and later: `/^app_.*$`. */
function matches(pattern: string, role: string): boolean {
  if (!pattern.startsWith('/')) return false;
  try {
    return new RegExp(pattern.slice(1)).test(role);
  } catch {
    // No pattern of this language; whether PostgreSQL would take it is for the proof of the login to say.
    return false;
  }
}

function isKeyword({ quoted, text }: Token, word: string): boolean {
  return !quoted && text === word;
}

/** A role's name as a word of `pg_hba.conf`. */
export function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

function rawOf(field: Field): string {
  return field.map(({ raw }) => raw).join(',');
}

/** The fields of a line, each a list: `a, b` is one, since a comma at the end of a word continues the list. */
function fieldsOf(line: string): readonly Field[] {
  const fields: Token[][] = [];
  let continues = false;
  for (const match of line.matchAll(/#.*|[\s,]*((?:"(?:[^"]|"")*"|[^\s,"#])+)(,?)/g)) {
    const raw = match[1];
    if (raw === undefined) break;
    const token = {
      raw,
      text: raw.replaceAll(/"((?:[^"]|"")*)"/g, (_all, inner: string) => inner.replaceAll('""', '"')),
      quoted: raw.startsWith('"'),
    };
    if (continues) fields.at(-1)?.push(token);
    else fields.push([token]);
    continues = match[2] === ',';
  }
  return fields;
}
