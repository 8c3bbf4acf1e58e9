/**
 * A command that is declared to look and never to write. `read` can run nothing else, so what is declared here is
 * all that check mode can ever execute: review this file and the `probeScript` calls, and check mode is reviewed.
 */
export interface Probe {
  readonly argv: readonly string[];
  readonly user?: string | undefined;
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly timeoutMs?: number | undefined;
  readonly maxOutputBytes?: number | undefined;
  /** See `Command` of the transport. */
  readonly inShell?: boolean | undefined;
  /** It is a command of the playbook's author. */
  readonly authors?: true;
  readonly declaredReadOnly: typeof DECLARED;
}

const DECLARED: unique symbol = Symbol.for('pitr.read-only');

/** Whether it was declared here: what types do not keep apart in a module that nobody has compiled. */
export function isProbe(value: Probe): boolean {
  return value.declaredReadOnly === DECLARED;
}

type Rule = (args: readonly string[]) => boolean;

const anyArguments: Rule = () => true;
const first =
  (...allowed: readonly string[]): Rule =>
  (args) =>
    allowed.includes(args.find((arg) => !arg.startsWith('-')) ?? '');

const BARMAN_LOOKS = [
  'list-backups',
  'list-backup',
  'show-backup',
  'list-files',
  'list-servers',
  'list-server',
  'show-servers',
  'show-server',
  'status',
  'check',
  'check-backup',
  'get-wal',
  'replication-status',
  'diagnose',
];

/** `barman -f json show-backup ...`: the first word that is neither an option nor an option's value. */
const barman: Rule = (args) => {
  const rest = [...args];
  while (rest[0]?.startsWith('-'))
    rest.splice(0, ['-f', '--format', '-c', '--config'].includes(rest[0]) ? 2 : 1);
  return BARMAN_LOOKS.includes(rest[0] ?? '') || args.includes('--version');
};

const PROGRAMS: Readonly<Record<string, Rule>> = {
  true: anyArguments,
  test: anyArguments,
  stat: anyArguments,
  cat: anyArguments,
  head: anyArguments,
  tail: anyArguments,
  ls: anyArguments,
  df: anyArguments,
  du: anyArguments,
  id: anyArguments,
  uname: anyArguments,
  hostname: (args) => args.every((arg) => arg.startsWith('-')),
  readlink: anyArguments,
  realpath: anyArguments,
  sha256sum: anyArguments,
  getent: anyArguments,
  pgrep: anyArguments,
  date: (args) => !args.some((arg) => arg === '-s' || arg.startsWith('--set')),
  find: (args) => !args.some((arg) => /^-(delete|exec|execdir|ok|okdir|fprint|fprintf|fls)/.test(arg)),
  pg_controldata: anyArguments,
  pg_isready: anyArguments,
  pg_waldump: anyArguments,
  barman,
  supervisorctl: first('status', 'pid', 'avail'),
  systemctl: (args) =>
    args.join(' ') === '--version' ||
    first('show', 'is-active', 'is-enabled', 'status', 'cat', 'list-units')(args),
  patronictl: (args) => args.includes('list') || args.includes('show-config') || args.includes('history'),
  curl: (args) =>
    !args.some((arg) => /^(-X|--request|-d|--data|-T|--upload-file|-F|--form|-o|--output|-O)/.test(arg)),
  psql: anyArguments,
};

const READ_ONLY_SESSION = '-c default_transaction_read_only=on';

export interface ProbeOptions {
  readonly user?: string | undefined;
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly timeoutMs?: number | undefined;
  /** Of what it prints; default 16 MiB. Longer answers are refused. */
  readonly maxOutputBytes?: number | undefined;
}

/**
 * Declares a command as read-only. Throws (a bug of the module) when the program, or what it is asked to do, is not
 * known to be harmless. `psql` always gets a session in which writing transactions are refused by the server.
 */
export function probe(argv: readonly string[], options: ProbeOptions = {}): Probe {
  const program = (argv[0] ?? '').replace(/^.*\//, '');
  const rule = PROGRAMS[program];
  if (rule === undefined || !rule(argv.slice(1))) {
    throw new Error(
      `"${argv.slice(0, 4).join(' ')}" is not known to be read-only; see lib/contract/probe.ts`,
    );
  }
  const env =
    program === 'psql'
      ? { ...options.env, PGOPTIONS: `${options.env?.PGOPTIONS ?? ''} ${READ_ONLY_SESSION}`.trim() }
      : options.env;
  return { ...options, argv, env, declaredReadOnly: DECLARED };
}

/**
 * Declares a fixed `sh` text as read-only; values go in as `$1`, `$2`, ... and are never part of the text. With `inShell`
 * the shell that is there runs it, which is cheaper where many are asked.
 */
export function probeScript(
  text: string,
  { inShell }: Pick<Probe, 'inShell'> = {},
): (args: readonly string[], options?: ProbeOptions) => Probe {
  return (args, options = {}) => ({
    argv: ['sh', '-c', text, 'sh', ...args],
    user: options.user,
    env: options.env,
    timeoutMs: options.timeoutMs,
    maxOutputBytes: options.maxOutputBytes,
    inShell,
    declaredReadOnly: DECLARED,
  });
}

/** A command that the playbook's author declared read-only (`check:` of core.command). */
export function authorsProbe(argv: readonly string[], options: ProbeOptions = {}): Probe {
  return {
    argv,
    user: options.user,
    env: options.env,
    timeoutMs: options.timeoutMs,
    authors: true,
    declaredReadOnly: DECLARED,
  };
}
