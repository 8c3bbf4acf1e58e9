/** How a node archives, as its configuration says. */
export interface ArchiveSettings {
  readonly mode: string;
  readonly command: string;
  /** PostgreSQL 15 and later: a library that archives instead of the command. */
  readonly library: string;
}

/**
 * The command with its places filled as PostgreSQL fills them: `%p` the path, `%f` the name, `%%` a percent sign; any
 * other `%` stays as it is. Nothing is quoted: PostgreSQL quotes nothing either, and who writes the command knows.
 */
export function filledArchiveCommand(command: string, path: string, name: string): string {
  return command.replace(/%[pf%]/g, (place) => (place === '%p' ? path : place === '%f' ? name : '%'));
}

/** Why a node archives nothing by itself, in words; nothing where it does. */
export function whyNoArchive({ mode, command, library }: ArchiveSettings): string | undefined {
  if (mode === 'off') return 'archive_mode is off';
  if (library.trim() !== '') return `it archives with a library (archive_library = ${library})`;
  const words = command.trim();
  if (words === '') return 'archive_command is empty';
  if (/^(?:\/\S*\/)?(?:true|false)$|^:$|^exit\b/.test(words)) return `archive_command is "${words}"`;
  return undefined;
}
