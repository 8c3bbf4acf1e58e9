import { isSecretName } from './secret-names.ts';

/**
 * In quotes or without. Where the whole stands in quotes itself, as in a configuration file, its own are doubled:
 * `primary_conninfo = 'password=''x'' host=db1'`.
 */
const DOUBLED = `''''(?='?(?:\\s|$))|''(?!\\s)(?<doubled>(?:''''|\\\\''|\\\\[^']|[^'\\\\])*)''`;
const QUOTED = `'(?<single>(?:\\\\.|''|[^'\\\\])*)'|"(?<double>[^"\\n]*)"`;

const VALUE = `(?:${DOUBLED}|${QUOTED}|(?<bare>[^\\s'"]+))`;
const BLANK = '[^\\S\\n]';
const BLANKS = `${BLANK}*`;
const SIGN = '=(?![=>~])';
const NAME = '(?<name>\\w*(?:passw(?:or)?ds?|radiussecrets))';

/** In a connection string, where libpq passes over blanks around the sign. */
const CONNECTION = new RegExp(`\\b(?<name>(?:ssl)?password)${BLANKS}${SIGN}${BLANKS}${VALUE}`, 'g');
/**
 * In a rule of pg_hba.conf (`ldapbindpasswd="x"`) and in whatever else names it. With a blank behind the sign alone, the value
 * may be an empty one, and what follows the command of a shell: `PGPASSWORD= psql -h db1`. The next line of a file is no value.
 */
const PASSWORD = new RegExp(`\\b${NAME}(?:${BLANK}+${SIGN}${BLANKS}|${SIGN})${VALUE}`, 'gi');
/** Behind such a blank: in quotes, with no more words behind them. In `echo "DB_PASSWORD= "; ...` the quote ends a text instead. */
const QUOTED_APART = new RegExp(
  `\\b${NAME}${SIGN}${BLANK}+(?!["'][\\s;,)])(?:'(?<single>(?:\\\\.|''|[^'\\\\\\n])*)'|"(?<double>[^"\\n]*)")(?=${BLANKS}(?:[;,)}\\]#\\n]|$))`,
  'gi',
);
/** Likewise: the one word of a line that begins with the name (`db.password= x`). */
const WORD_APART = new RegExp(
  `^${BLANKS}(?:[-#;]${BLANKS})?(?:\\w+[.-])*${NAME}${SIGN}${BLANK}+(?<bare>[^\\s'"]+?)(?=;?${BLANKS}$)`,
  'gim',
);
/** What a command is given before its own words: `PGPASSWORD=x`. Any name is taken first, and judged then. */
const ENVIRONMENT = new RegExp(
  `\\b(?<name>[A-Z][A-Z\\d_]*)=(?:${DOUBLED}|${QUOTED}|(?<bare>[^\\s'"\`;&|<>()]+))`,
  'g',
);
const URL_PASSWORD = /\b[a-z][a-z0-9+.-]{0,30}:\/\/[^\s/:@]*:([^\s/@]+)@/gi;

/** What stands where a person puts the secret: no secret. */
const PLACEHOLDER = /^(?:\.\.\.|…|<.*>)$/;

/** What a shell fills in is no secret itself, be it cut at `$(`. In a connection string it is: nobody fills that in. */
const FILLED_IN = /^\$(?:[\w{(]|[@*]?$)|^`/;

/** What stands behind an empty value and is no blank: the end of a command, of a line, of a list or of what is in brackets. */
const NO_VALUE = /^[\s;&|()<>[\]{},\\]+$/;

/** The secrets that stand in a text beside what says that they are some. */
export function secretsInText(text: string): readonly string[] {
  return [
    ...[...text.matchAll(CONNECTION)].map(valueIn),
    ...[PASSWORD, QUOTED_APART, WORD_APART].flatMap((form) => [...text.matchAll(form)].map(valueIn)),
    ...[...text.matchAll(ENVIRONMENT)].filter(([, name = '']) => isSecretName(name)).map(valueIn),
    ...[...text.matchAll(URL_PASSWORD)].map(([, password]) => decoded(password ?? '')),
  ].filter((found) => found !== '' && !PLACEHOLDER.test(found));
}

function valueIn({ groups = {} }: RegExpExecArray): string {
  const { name, doubled, single, double, bare } = groups;
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
