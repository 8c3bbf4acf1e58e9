import { isSecretName } from './secret-names.ts';

/**
 * In quotes or without. Where the whole stands in quotes itself, as in a configuration file, its own are doubled:
 * `primary_conninfo = 'password=''x'' host=db1'`.
 */
const DOUBLED = `''''(?='?(?:\\s|$))|''(?!\\s)((?:''''|\\\\''|\\\\[^']|[^'\\\\])*)''`;
const QUOTED = `'((?:\\\\.|''|[^'\\\\])*)'|"([^"\\n]*)"`;

/** In a connection string and in a rule of pg_hba.conf (`ldapbindpasswd="x"`), whatever holds them. */
const PASSWORD = new RegExp(
  `\\b(\\w*(?:passw(?:or)?ds?|radiussecrets))\\s*=(?![=>~])\\s*(?:${DOUBLED}|${QUOTED}|([^\\s'"]+))`,
  'gi',
);
/** What a command is given before its own words: `PGPASSWORD=x`. Any name is taken first, and judged then. */
const ENVIRONMENT = new RegExp(`\\b([A-Z][A-Z\\d_]*)=(?:${DOUBLED}|${QUOTED}|([^\\s'"\`;&|<>()]+))`, 'g');
const URL_PASSWORD = /\b[a-z][a-z0-9+.-]*:\/\/[^\s/:@]*:([^\s/@]+)@/gi;

/** What stands where a person puts the secret: no secret. */
const PLACEHOLDER = /^(?:\.\.\.|…|<.*>)$/;

/** What a shell fills in is no secret itself. In a connection string it is: nobody fills that in. */
const FILLED_IN = /^\$[\w{(]|^`/;

/** The secrets that stand in a text beside what says that they are some. */
export function secretsInText(text: string): readonly string[] {
  return [
    ...[...text.matchAll(PASSWORD)].map(valueIn),
    ...[...text.matchAll(ENVIRONMENT)].filter(([, name = '']) => isSecretName(name)).map(valueIn),
    ...[...text.matchAll(URL_PASSWORD)].map(([, password]) => decoded(password ?? '')),
  ].filter((found) => found !== '' && !PLACEHOLDER.test(found));
}

function valueIn([, name, doubled, single, double, bare]: RegExpExecArray): string {
  const quoted = unquoted(doubled?.replaceAll("''", "'") ?? single);
  if (quoted !== undefined) return quoted;
  const value = double ?? bare ?? '';
  return name !== 'password' && FILLED_IN.test(value) ? '' : value;
}

function unquoted(text: string | undefined): string | undefined {
  return text?.replace(/\\(.)|''/g, (pair, kept) => kept ?? pair[0]);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // Not an encoded text: it is the password as it stands.
    return text;
  }
}
