import { effectiveSettings, replaceSettings } from './conf-file.ts';
import type { SignalKind } from './recovery-settings.ts';

/** What lies in a restored data directory, as far as its recovery is concerned. */
export interface RecoveryFiles {
  /** Configuration files by name. */
  readonly texts: ReadonlyMap<string, string>;
  /** Names of all that lies in the directory. */
  readonly names: ReadonlySet<string>;
  /** The directory has the right owner and mode 0700. */
  readonly owned: boolean;
}

/** A file to be written, whole. */
export interface FileWrite {
  readonly name: string;
  readonly text: string;
}

/** The steps that make a restored directory ready, or clean it up. Plain data. */
export interface FileSteps {
  readonly write: readonly FileWrite[];
  readonly remove: readonly string[];
  readonly own: boolean;
}

/** What a changed file looked like before lies beside it under this ending. */
export const BEFORE = '.before-pitr';

export const AUTO_CONF = 'postgresql.auto.conf';

/** What a recovery leaves behind that would go into every replica and every new backup. */
export function leftovers(names: ReadonlySet<string>): readonly string[] {
  return [...names].filter(
    (name) =>
      [
        '.barman-recover.info',
        '.pitr-restore.json',
        'barman_wal',
        'recovery.signal',
        'standby.signal',
      ].includes(name) ||
      name.endsWith('.origin') ||
      name.endsWith(BEFORE) ||
      /^pg_wal\/.*\.pitr$/.test(name),
  );
}

export interface RecoveryWish {
  /** Where the directory will lie when PostgreSQL starts on it. */
  readonly pgdata: string;
  readonly autoConf: string;
  readonly signal: SignalKind;
}

/** The steps from what lies there to a directory that recovers as wanted; empty when it is so already. */
export function stepsToPrepare(files: RecoveryFiles, wish: RecoveryWish): FileSteps {
  const wanted: FileWrite[] = [{ name: AUTO_CONF, text: wish.autoConf }];
  for (const name of ['postgresql.conf', 'postgresql.base.conf']) {
    const text = files.texts.get(name);
    if (text !== undefined)
      wanted.push({ name, text: replaceSettings(text, movedPaths(text, files, wish.pgdata)) });
  }
  const signalFile = `${wish.signal}.signal`;
  const other = wish.signal === 'recovery' ? 'standby.signal' : 'recovery.signal';
  return {
    write: [
      ...wanted.filter(({ name, text }) => files.texts.get(name) !== text),
      ...(files.names.has(signalFile) ? [] : [{ name: signalFile, text: '' }]),
    ],
    // With both signal files recovery.signal would survive the promotion.
    remove: files.names.has(other) ? [other] : [],
    own: !files.owned,
  };
}

/**
 * Settings of a Patroni node that name another node: absolute paths of files that lie in the data directory, and the
 * archive. The archive stays off until Patroni writes the configuration of this node.
 */
function movedPaths(text: string, files: RecoveryFiles, pgdata: string): ReadonlyMap<string, string> {
  const moved = new Map<string, string>();
  for (const [name, value] of effectiveSettings(text)) {
    const base = value.slice(value.lastIndexOf('/') + 1);
    if ((name === 'hba_file' || name === 'ident_file') && files.names.has(base))
      moved.set(name, `${pgdata}/${base}`);
    if (name === 'data_directory') moved.set(name, pgdata);
    if (name === 'archive_command' && !['', 'false', '/bin/false'].includes(value)) moved.set(name, 'false');
    if (name === 'archive_library' && value !== '') moved.set(name, '');
  }
  return moved;
}

/** The steps that remove all of a recovery that is over. */
export function stepsToClean(files: RecoveryFiles, autoConf: string): FileSteps {
  return {
    write: files.texts.get(AUTO_CONF) === autoConf ? [] : [{ name: AUTO_CONF, text: autoConf }],
    remove: leftovers(files.names),
    own: false,
  };
}

export function isNothing(steps: FileSteps): boolean {
  return steps.write.length === 0 && steps.remove.length === 0 && !steps.own;
}

/** A text for a difference that people see: what is a password in a connection string is masked. */
export function withoutPasswords(text: string): string {
  return text.replace(/(password\s*=\s*)('{2}(?:[^']|'{4})*'{2}|\S+?)(?=[\s']|$)/gi, '$1********');
}
