/** A setting as a playbook gives it; `null` resets it. A list is a list setting: `shared_preload_libraries`. */
export type SettingValue = string | number | boolean | null | readonly string[];

/** `ALTER SYSTEM` statements and what they lead to. */
export interface SettingChange {
  readonly name: string;
  /** As it stands in postgresql.auto.conf; nothing where it does not. */
  readonly before?: string;
  readonly after?: string;
}

/** The text that ALTER SYSTEM writes for a value. */
export function settingText(value: Exclude<SettingValue, null>): string {
  if (typeof value === 'boolean') return value ? 'on' : 'off';
  if (typeof value === 'string' || typeof value === 'number') return String(value);
  return value.map(listElement).join(', ');
}

/** An element of a list setting: in double quotes unless it is a plain lower-case name. */
function listElement(element: string): string {
  return /^[a-z_][a-z0-9_$]*$/.test(element) ? element : `"${element.replaceAll('"', '""')}"`;
}

/** What must change so that `postgresql.auto.conf` says what is wanted. */
export function settingChanges(
  present: ReadonlyMap<string, string>,
  wanted: Readonly<Record<string, SettingValue>>,
): readonly SettingChange[] {
  return Object.entries(wanted).flatMap(([name, value]) => {
    const before = present.get(name);
    const after = value === null ? undefined : settingText(value);
    if (before === after) return [];
    return [{ name, ...(before === undefined ? {} : { before }), ...(after === undefined ? {} : { after }) }];
  });
}

/** Settings whose value is a list of names, which ALTER SYSTEM takes element by element (`GUC_LIST_QUOTE`). */
const LISTS = new Set([
  'local_preload_libraries',
  'search_path',
  'session_preload_libraries',
  'shared_preload_libraries',
  'temp_tablespaces',
  'unix_socket_directories',
]);

/** The statement that gives a setting this text, or resets it. */
export function alterSystem(name: string, text: string | undefined): string {
  const parameter = name
    .split('.')
    .map((part) => `"${part.replaceAll('"', '""')}"`)
    .join('.');
  if (text === undefined) return `alter system reset ${parameter}`;
  const values = LISTS.has(name) && text !== '' ? splitList(text) : [text];
  return `alter system set ${parameter} = ${values.map(literal).join(', ')}`;
}

function splitList(text: string): readonly string[] {
  const elements = text.match(/"(?:[^"]|"")*"|[^,]+/g) ?? [];
  return elements
    .map((element) => element.trim())
    .filter((element) => element !== '')
    .map((element) => (element.startsWith('"') ? element.slice(1, -1).replaceAll('""', '"') : element));
}

/** A string constant, whatever `standard_conforming_strings` says. */
export function literal(text: string): string {
  const quoted = `'${text.replaceAll("'", "''").replaceAll('\\', '\\\\')}'`;
  return text.includes('\\') ? `E${quoted}` : quoted;
}
