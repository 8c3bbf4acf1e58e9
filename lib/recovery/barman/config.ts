import type { Retention } from './retention.ts';

/** A Barman server, as its configuration says where things lie. Directories are absolute. */
export interface ServerConfig {
  readonly name: string;
  readonly description?: string | undefined;
  /** Where Barman keeps all of it that is not said to lie elsewhere, and notes the cluster (`identity.json`). */
  readonly directory: string;
  /**
   * Lines for which Barman passes over the server, with success and without archiving or backing up anything: each with
   * the file that has it. None where it works.
   */
  readonly idle: readonly IdleLine[];
  /** Where base backups lie, one directory each. */
  readonly basebackups: string;
  /** Where `backup.info` files lie since Barman 3.13.2; they were in the backups' directories before. */
  readonly meta: string;
  readonly wals: string;
  readonly incoming: string;
  readonly streaming: string;
  /** WAL is received by streaming, from a slot or without one. */
  readonly streamingArchiver: boolean;
  /** Where Barman puts aside what it cannot archive: duplicates, and files with names that it does not know. */
  readonly errors: string;
  /** The register of archived WAL; since 3.13 it may lie elsewhere and bears the server's name. */
  readonly xlogDbs: readonly string[];
  readonly retention: Retention;
  /** How Barman logs in to the server's host; absent where it copies by PostgreSQL's own protocol. */
  readonly sshCommand?: string | undefined;
  /** The hosts that its conninfo names. */
  readonly conninfoHosts: readonly string[];
  /** The port at each of them. */
  readonly conninfoPorts?: readonly number[];
  /** Where packed backups are unpacked on the node; absent where it is not set, or names a place on Barman's own host. */
  readonly stagingPath?: string | undefined;
  /** Where Barman before 3.15 puts block-level incremental backups together on its own host, and decrypts others. */
  readonly localStagingPath?: string | undefined;
  /** Where Barman since 3.15 puts block-level incremental backups together. */
  readonly staging: StagingPlace;
}

/** A directory on Barman's own host, or (`remote`) on the one that receives a copy. */
export interface StagingPlace {
  readonly remote: boolean;
  readonly path: string;
}

/** `inactive`: switched off (`active`). `passive`: a copy of another Barman's server, with no archiver of its own. */
export interface IdleLine {
  readonly kind: 'inactive' | 'passive';
  readonly line: string;
  /** Absent where the files have no names. */
  readonly file?: string | undefined;
}

/** A text of the configuration, and the file that it is in. */
export interface ConfigFile {
  readonly file?: string | undefined;
  readonly text: string;
}

type Options = ReadonlyMap<string, string>;

interface Sections {
  readonly options: Map<string, Map<string, string>>;
  /** Which file has an option: by section and option, each on a line. */
  readonly files: Map<string, string | undefined>;
}

/** Of Barman since 3.15. */
const DEFAULT_STAGING_PATH = '/tmp';

/**
 * Reads Barman's configuration: the main file, those of `configuration_files_directory`, and `.barman.auto.conf` (since
 * 3.10), in order. Sections but `[barman]` are servers; those with `model = true` (since 3.10) are not. Values may refer
 * to others (`%(name)s`).
 */
export function parseConfig(files: readonly (string | ConfigFile)[]): readonly ServerConfig[] {
  const sections: Sections = { options: new Map(), files: new Map() };
  for (const one of files) readIni(typeof one === 'string' ? { text: one } : one, sections);
  const global: Options = sections.options.get('barman') ?? new Map();
  return [...sections.options]
    .filter(([name, options]) => name !== 'barman' && options.get('model')?.toLowerCase() !== 'true')
    .map(([name, options]) => ({
      ...serverConfig(name, options, global),
      idle: idleLines(name, sections),
    }));
}

/**
 * As Barman inherits them: `primary_ssh_command` may stand in `[barman]` for all servers, `active` cannot. An empty one of
 * a server takes back what stands there.
 */
function idleLines(name: string, { options, files }: Sections): readonly IdleLine[] {
  const line = (
    kind: IdleLine['kind'],
    option: string,
    idle: (value: string) => boolean,
    ...from: string[]
  ) => {
    const section = from.find((one) => options.get(one)?.has(option)) ?? name;
    const value = options.get(section)?.get(option) ?? '';
    const file = files.get(`${section}\n${option}`);
    if (!idle(unquoted(value).trim())) return [];
    const words = `${option} = ${value.replaceAll('\n', ' ')}`;
    return [{ kind, line: words, ...(file === undefined ? {} : { file }) }];
  };
  return [
    // Of any other word Barman says that it is none, and takes the server for active.
    ...line('inactive', 'active', (value) => /^(?:false|f|no|0|off)$/i.test(value), name),
    ...line('passive', 'primary_ssh_command', (value) => !/^(?:None)?$/.test(value), name, 'barman'),
  ];
}

/** INI as Python's configparser reads it: full-line comments, `key = value` or `key: value`, indented continuations. */
function readIni({ file, text }: ConfigFile, { options, files }: Sections): void {
  let section: Map<string, string> | undefined;
  let name = '';
  let last: string | undefined;
  for (const line of text.split('\n')) {
    if (/^\s*([#;]|$)/.test(line)) continue;
    const header = /^\[([^\]]+)\]/.exec(line);
    const option = /^([^\s=:][^=:]*?)\s*[=:]\s*(.*?)\s*$/.exec(line);
    if (header?.[1] !== undefined) {
      name = header[1];
      section = options.get(name) ?? new Map();
      options.set(name, section);
      last = undefined;
    } else if (/^\s/.test(line) && last !== undefined) {
      section?.set(last, `${section.get(last)}\n${line.trim()}`);
    } else if (option !== null) {
      last = (option[1] ?? '').toLowerCase();
      section?.set(last, option[2] ?? '');
      files.set(`${name}\n${last}`, file);
    }
  }
}

function serverConfig(name: string, options: Options, global: Options): Omit<ServerConfig, 'idle'> {
  const values = new Map([['name', name], ['barman_home', global.get('barman_home') ?? ''], ...options]);
  const directory = (key: string, fallback: string): string => {
    const path = expand(values.get(key) ?? fallback, values);
    values.set(key, path);
    return path;
  };
  const home = directory('backup_directory', '%(barman_home)s/%(name)s');
  const wals = directory('wals_directory', '%(backup_directory)s/wals');
  const register = expand(
    values.get('xlogdb_directory') ?? global.get('xlogdb_directory') ?? '%(wals_directory)s',
    values,
  );
  const description = options.get('description');
  // What stands at the server counts over what stands for all.
  const setting = (key: string): string | undefined => {
    const value = unquoted(options.get(key) ?? global.get(key) ?? '').trim();
    return value === '' || value === 'None' ? undefined : value;
  };
  const places = placesOf(setting('conninfo') ?? '');
  return {
    name,
    ...(description === undefined ? {} : { description: unquoted(description) }),
    directory: home,
    basebackups: directory('basebackups_directory', '%(backup_directory)s/base'),
    meta: `${home}/meta`,
    wals,
    incoming: directory('incoming_wals_directory', '%(backup_directory)s/incoming'),
    streaming: directory('streaming_wals_directory', '%(backup_directory)s/streaming'),
    streamingArchiver: /^(?:on|true|yes|1|t)$/i.test(setting('streaming_archiver') ?? ''),
    errors: directory('errors_directory', '%(backup_directory)s/errors'),
    retention: {
      policy: setting('retention_policy'),
      minimum: Number.parseInt(setting('minimum_redundancy') ?? '0', 10) || 0,
    },
    sshCommand: setting('ssh_command'),
    conninfoHosts: places.map(({ host }) => host),
    conninfoPorts: places.map(({ port }) => port),
    stagingPath: stagingPath(setting),
    localStagingPath: setting('local_staging_path'),
    staging: stagingPlace(setting),
    xlogDbs: [`${register}/xlog.db`, `${register}/${name}-xlog.db`],
  };
}

type Setting = (key: string) => string | undefined;

/** Since 3.15 it is said on which host it is, and that counts over what says a path alone. */
function stagingPath(setting: Setting): string | undefined {
  const { remote, path } = stagingPlace(setting);
  return remote ? path : setting('recovery_staging_path');
}

function stagingPlace(setting: Setting): StagingPlace {
  const remote = setting('staging_location') === 'remote';
  const older = setting(remote ? 'recovery_staging_path' : 'local_staging_path');
  return { remote, path: setting('staging_path') ?? older ?? DEFAULT_STAGING_PATH };
}

interface Place {
  readonly host: string;
  readonly port: number;
}

const DEFAULT_PORT = 5432;

/** `host=a,b port=5432` or a URL: only in the latter a port stands behind its host, and brackets around an IPv6 address. */
function placesOf(conninfo: string): readonly Place[] {
  const url = /^postgres(?:ql)?:\/\/(?:[^@/]*@)?([^/?]+)/.exec(conninfo)?.[1];
  if (url !== undefined) {
    return url.split(',').flatMap((one) => {
      const [, host = '', port] = /^\[?(.*?)\]?(?::(\d+))?$/.exec(one) ?? [];
      return host === '' ? [] : [{ host, port: Number(port ?? DEFAULT_PORT) }];
    });
  }
  const ports = optionOf(conninfo, 'port').split(',');
  return optionOf(conninfo, 'host')
    .split(',')
    .map((host, index) => ({ host, port: Number(ports[index] ?? ports[0]) || DEFAULT_PORT }))
    .filter(({ host }) => host !== '');
}

function optionOf(conninfo: string, key: string): string {
  const match = new RegExp(`(?:^|\\s)${key}\\s*=\\s*(?:'([^']*)'|(\\S+))`).exec(conninfo);
  return match?.[1] ?? match?.[2] ?? '';
}

function expand(value: string, values: Options, depth = 0): string {
  const text = unquoted(value).replace(/%\(([^)]+)\)s|%%/g, (whole, key: string | undefined) => {
    if (whole === '%%') return '%';
    // Ten levels are configparser's own limit for values that refer to each other.
    return depth > 10 ? '' : expand(values.get((key ?? '').toLowerCase()) ?? '', values, depth + 1);
  });
  return text.length > 1 ? text.replace(/\/+$/, '') : text;
}

function unquoted(value: string): string {
  return /^(["'])(.*)\1$/.exec(value)?.[2] ?? value;
}
