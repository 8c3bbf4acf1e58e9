/** One setting of a `postgresql.conf` style file. */
export interface ConfSetting {
  /** In lower case: names are not case-sensitive. */
  readonly name: string;
  /** Unquoted. */
  readonly value: string;
}

/**
 * A value as it must stand in a configuration file: in single quotes, whatever is in it. Backslashes and quotes are
 * doubled, control characters written as escapes (a raw newline would end the value).
 */
export function quoteConf(value: string): string {
  if (value.includes('\0')) throw new RangeError('a configuration value cannot hold a NUL character');
  const escaped = value
    .replaceAll('\\', '\\\\')
    .replaceAll("'", "''")
    .replaceAll('\n', '\\n')
    .replaceAll('\r', '\\r')
    .replaceAll('\t', '\\t')
    .replaceAll('\b', '\\b')
    .replaceAll('\f', '\\f');
  return `'${escaped}'`;
}

const NAME = /^[ \t]*([A-Za-z_][\w$]*(?:\.[A-Za-z_][\w$]*)*)[ \t]*(?:=[ \t]*|[ \t]+)/;
const QUOTED = /^'((?:[^'\\\n]|\\.|'')*)'/;
const BARE = /^[^\s#']+/;

/**
 * Reads one line; nothing for comments, empty lines, `include`s (they are no settings) and what PostgreSQL itself
 * would refuse.
 */
export function parseConfLine(line: string): ConfSetting | undefined {
  const head = NAME.exec(line);
  if (head === null) return undefined;
  const name = (head[1] ?? '').toLowerCase();
  if (name === 'include' || name === 'include_if_exists' || name === 'include_dir') return undefined;
  const rest = line.slice(head[0].length);
  const quoted = QUOTED.exec(rest);
  if (quoted !== null) return { name, value: unquoted(quoted[1] ?? '') };
  const bare = BARE.exec(rest);
  return bare === null ? undefined : { name, value: bare[0] };
}

const ESCAPES: Readonly<Record<string, string>> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' };

/** What `DeescapeQuotedString` of PostgreSQL makes of the text between the quotes. */
function unquoted(text: string): string {
  return text.replace(/''|\\([0-7]{1,3}|.)/g, (whole, escaped: string | undefined) => {
    if (escaped === undefined) return whole === "''" ? "'" : whole;
    if (/^[0-7]/.test(escaped)) return String.fromCharCode(Number.parseInt(escaped, 8) & 0xff);
    return ESCAPES[escaped] ?? escaped;
  });
}

/** All settings of a file in order; the last one of a name is the one that counts. */
export function parseConf(text: string): readonly ConfSetting[] {
  return text
    .split('\n')
    .map(parseConfLine)
    .filter((setting) => setting !== undefined);
}

/** The settings that count, by name, in the order in which the names first stand. */
export function effectiveSettings(text: string): ReadonlyMap<string, string> {
  const settings = new Map<string, string>();
  for (const { name, value } of parseConf(text)) settings.set(name, value);
  return settings;
}

/** The file without some settings, all else untouched; each stays as a comment. */
export function withoutSettings(text: string, goes: (name: string) => boolean): string {
  return text
    .split('\n')
    .map((line) => {
      const setting = parseConfLine(line);
      return setting !== undefined && goes(setting.name) ? `#PITR#${line}` : line;
    })
    .join('\n');
}

/**
 * The file with some settings given other values, all else untouched. Each changed line stays above as a comment, so
 * that a reader sees what stood there.
 */
export function replaceSettings(text: string, wanted: ReadonlyMap<string, string>): string {
  return text
    .split('\n')
    .map((line) => {
      const setting = parseConfLine(line);
      const value = setting === undefined ? undefined : wanted.get(setting.name);
      if (setting === undefined || value === undefined || value === setting.value) return line;
      return `#PITR#${line}\n${setting.name} = ${quoteConf(value)}`;
    })
    .join('\n');
}
