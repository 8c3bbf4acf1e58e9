import { isSecretName } from './secret-names.ts';

/**
 * In quotes or without. Where the whole stands in quotes itself, as in a configuration file, its own are doubled:
 * `primary_conninfo = 'password=''x'' host=db1'`.
 */
const DOUBLED = `''''(?='?(?:\\s|$))|''(?!\\s)((?:''''|\\\\''|\\\\[^']|[^'\\\\])*)''`;
const QUOTED = `'((?:\\\\.|''|[^'\\\\])*)'|"([^"\\n]*)"`;

const VALUE = `(?:${DOUBLED}|${QUOTED}|([^\\s'"]+))`;
const BLANKS = '[^\\S\\n]*';

/** In a connection string, where libpq passes over blanks around the sign. */
const CONNECTION = new RegExp(`\\b((?:ssl)?password)${BLANKS}=(?![=>~])${BLANKS}${VALUE}`, 'g');
/**
 * In a rule of pg_hba.conf (`ldapbindpasswd="x"`) and in whatever else names it. A blank behind the sign alone ends an empty
 * value: what follows in `PGPASSWORD= psql` is no secret, nor is the next line of a file.
 */
const PASSWORD = new RegExp(
  `\\b(\\w*(?:passw(?:or)?ds?|radiussecrets))(?:[^\\S\\n]${BLANKS}=(?![=>~])${BLANKS}|=(?![=>~]))${VALUE}`,
  'gi',
);
/** What a command is given before its own words: `PGPASSWORD=x`. Any name is taken first, and judged then. */
const ENVIRONMENT = new RegExp(`\\b([A-Z][A-Z\\d_]*)=(?:${DOUBLED}|${QUOTED}|([^\\s'"\`;&|<>()]+))`, 'g');
const URL_PASSWORD = /\b[a-z][a-z0-9+.-]*:\/\/[^\s/:@]*:([^\s/@]+)@/gi;

/** What stands where a person puts the secret: no secret. */
const PLACEHOLDER = /^(?:\.\.\.|…|<.*>)$/;

/** What a shell fills in is no secret itself, be it cut at `$(`. In a connection string it is: nobody fills that in. */
const FILLED_IN = /^\$(?:[\w{(]|$)|^`/;

/** What stands behind an empty value and is no blank: the end of a command, of a list or of what is in brackets. */
const NO_VALUE = /^[\s;&|()<>[\]{},]+$/;

/** The secrets that stand in a text beside what says that they are some. */
export function secretsInText(text: string): readonly string[] {
  return [
    ...[...text.matchAll(CONNECTION)].map(valueIn),
    ...[...text.matchAll(PASSWORD)].map(valueIn),
    ...[...text.matchAll(ENVIRONMENT)].filter(([, name = '']) => isSecretName(name)).map(valueIn),
    ...[...text.matchAll(URL_PASSWORD)].map(([, password]) => decoded(password ?? '')),
  ].filter((found) => found !== '' && !PLACEHOLDER.test(found));
}

function valueIn([, name, doubled, single, double, bare]: RegExpExecArray): string {
  const quoted = unquoted(doubled?.replaceAll("''", "'") ?? single);
  if (quoted !== undefined) return quoted;
  const value = double ?? bare ?? '';
  if (NO_VALUE.test(value)) return '';
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
