import { parseAtWork } from './at-work.ts';
import { type ControlData, type InstanceRole, parseControlData, roleOf } from './control-data.ts';
import type { SignalKind } from './recovery-settings.ts';

/**
 * How an instance may be reached.
 *
 * - `isolated`: no address, a private socket directory, archives nothing
 * - `closed`: its own settings, but only the host itself gets in: the rules of `pg_hba.conf` are kept aside
 * - `open`: as it is configured
 */
export type AccessMode = 'isolated' | 'closed' | 'open';

/** A PostgreSQL instance by its data directory. Predictions hold the first four alone. */
export interface InstanceState {
  readonly data: 'present' | 'absent';
  readonly running: boolean;
  /** Of a stopped instance: how a plain start would open it. */
  readonly mode: AccessMode;
  /** Absent when there is no data, or its control file cannot be read. */
  readonly role?: InstanceRole | undefined;
  /** Of the postmaster. Absent when only other processes of the instance are left. */
  readonly pid?: number | undefined;
  readonly port?: number | undefined;
  readonly socketDirectory?: string | undefined;
  /** What the postmaster says of itself. */
  readonly status?: 'starting' | 'stopping' | 'ready' | 'standby' | undefined;
  /** Major version. */
  readonly version?: number | undefined;
  /** Where the programs lie that belong to this version. */
  readonly programs?: string | undefined;
  readonly control?: ControlData | undefined;
  readonly signal?: SignalKind | undefined;
  /** A restored backup that has never been started. */
  readonly backupLabel?: boolean | undefined;
  /** Its files were prepared by `postgres.recovery`, or it has been started isolated before. */
  readonly prepared?: boolean | undefined;
  /** Isolated, it has paused at WAL that asks for higher settings than it has: it goes on only when started again. */
  readonly pausedBySettings?: boolean | undefined;
  /** It was started isolated, and since then by something else: it is a standby without its recovery settings. */
  readonly opened?: boolean | undefined;
  /** Of a running instance: the settings on its command line. */
  readonly startedWith?: readonly (readonly [name: string, value: string])[] | undefined;
  /** Of a stopped one: the settings on the command line of its last start. */
  readonly lastStartedWith?: readonly (readonly [name: string, value: string])[] | undefined;
  /** The postgres processes that work in the data directory. */
  readonly processes?: readonly number[] | undefined;
  /** The processes that copy another server into it; that alone is no running instance. */
  readonly copies?: readonly number[] | undefined;
}

/** What a data directory without data, or none at all, looks like. */
export const NO_INSTANCE: InstanceState = { data: 'absent', running: false, mode: 'open' };

/** The postmaster is gone, killed; what it has left ends by itself only when it comes to see that. */
export function isOrphaned({ running, pid, processes = [] }: InstanceState): boolean {
  return running && pid === undefined && processes.length > 0;
}

/** It is stopped, was isolated when it ran last, and nobody has made anything else of it since. */
export function wasIsolated({
  running,
  prepared,
  opened,
  signal,
  lastStartedWith = [],
}: InstanceState): boolean {
  const listens = lastStartedWith.find(([name]) => name === 'listen_addresses')?.[1];
  return !running && prepared === true && opened !== true && signal !== undefined && listens === '';
}

/** Where the rules of a closed instance are kept, in the data directory. */
export const KEPT_HBA_FILE = 'pg_hba.conf.pitr-open';

/** Reads the answer of the look in lib/recovery/postgres/instance-resource.ts: `@name value` lines with text below them. */
export function parseInstance(answer: string): InstanceState {
  const told = sections(answer);
  const work = parseAtWork(answer);
  const pids = work.answer === 'yes' ? work.processes : [];
  const copies = work.answer === 'yes' ? work.copies : [];
  const running = work.answer === 'yes' && (pids.length > 0 || copies.length === 0);
  const copied = copies.length > 0 ? { copies } : {};
  const file = parsePidFile(told.get('pidfile')?.lines ?? []);
  const alive = file !== undefined && pids.includes(file.pid);
  const version = Number(told.get('version')?.value ?? Number.NaN);
  if (Number.isNaN(version))
    return { ...NO_INSTANCE, running, ...(running ? { processes: pids } : {}), ...copied };

  const names = new Set(told.get('files')?.lines ?? []);
  const control = told.get('control')?.lines.join('\n').trim() ?? '';
  const parsed = control === '' ? undefined : parseControlData(control);
  // The control file of data that was shut down says so until recovery has really begun.
  const recovers = running && (names.has('standby.signal') || names.has('recovery.signal'));
  const programs = told.get('programs')?.value ?? '';
  const settings = commandLineSettings(told.get('opts')?.lines[0] ?? '');
  return {
    data: 'present',
    running,
    mode: accessMode(running, told.get('opts')?.lines[0] ?? '', names),
    version,
    backupLabel: names.has('backup_label'),
    prepared: names.has('pitr-recovery') || names.has('pitr-run'),
    opened: names.has('pitr-run') && names.has('standby.signal') && !names.has('pitr-recovery'),
    processes: pids,
    ...copied,
    ...(parsed === undefined
      ? {}
      : { control: parsed, role: recovers ? 'recovering' : roleOf(parsed.state) }),
    ...(programs === '' ? {} : { programs }),
    ...(names.has('recovery.signal') ? { signal: 'recovery' } : {}),
    ...(names.has('standby.signal') ? { signal: 'standby' } : {}),
    ...(running && names.has('pitr-paused-by-settings') ? { pausedBySettings: true } : {}),
    ...(alive ? { ...file, startedWith: settings } : {}),
    ...(running || settings.length === 0 ? {} : { lastStartedWith: settings }),
  };
}

function accessMode(running: boolean, options: string, files: ReadonlySet<string>): AccessMode {
  if (running && parseOptions(options).includes('listen_addresses=')) return 'isolated';
  return files.has(KEPT_HBA_FILE) ? 'closed' : 'open';
}

/** The words of `postmaster.opts`: the program, then options in double quotes. */
export function parseOptions(text: string): readonly string[] {
  return [...text.matchAll(/"([^"]*)"|(\S+)/g)].map((match) => match[1] ?? match[2] ?? '');
}

/** The `-c name=value` pairs of `postmaster.opts`. */
function commandLineSettings(text: string): readonly (readonly [name: string, value: string])[] {
  const words = parseOptions(text);
  return words.flatMap((word, i) => {
    const equals = word.indexOf('=');
    return words[i - 1] === '-c' && equals > 0
      ? [[word.slice(0, equals), word.slice(equals + 1)] as const]
      : [];
  });
}

type PidFile = Pick<InstanceState, 'port' | 'socketDirectory' | 'status'> & { readonly pid: number };

const STATUSES = ['starting', 'stopping', 'ready', 'standby'] as const;

/** `postmaster.pid`: pid, directory, start time, port, socket directory, address, shared memory key, status. */
export function parsePidFile(lines: readonly string[]): PidFile | undefined {
  const [pid, , , port, socketDirectory, , , status] = lines.map((line) => line.trim());
  if (pid === undefined || !/^-?\d+$/.test(pid)) return undefined;
  const known = STATUSES.find((word) => word === status);
  return {
    pid: Math.abs(Number(pid)),
    ...(port === undefined || port === '' ? {} : { port: Number(port) }),
    ...(socketDirectory === undefined || socketDirectory === '' ? {} : { socketDirectory }),
    ...(known === undefined ? {} : { status: known }),
  };
}

interface Section {
  readonly value: string;
  readonly lines: string[];
}

function sections(answer: string): ReadonlyMap<string, Section> {
  const found = new Map<string, Section>();
  let current: Section | undefined;
  for (const line of answer.split('\n')) {
    const head = /^@([a-z]+) ?(.*)$/.exec(line);
    if (head !== null) {
      current = { value: head[2] ?? '', lines: [] };
      found.set(head[1] ?? '', current);
    } else current?.lines.push(line);
  }
  return found;
}
