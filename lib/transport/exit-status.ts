/** How a command ended: exactly one of the two is there. */
export type ExitStatus = { readonly exitCode: number } | { readonly signal: string };

/**
 * A shell tells a signal as 128 plus its number. Only the signals that end programs in practice are read so: 129 and
 * above are also exit codes of some programs, but hardly these.
 */
const SIGNALS: Readonly<Record<number, string>> = {
  129: 'SIGHUP',
  130: 'SIGINT',
  131: 'SIGQUIT',
  132: 'SIGILL',
  133: 'SIGTRAP',
  134: 'SIGABRT',
  135: 'SIGBUS',
  136: 'SIGFPE',
  137: 'SIGKILL',
  138: 'SIGUSR1',
  139: 'SIGSEGV',
  140: 'SIGUSR2',
  141: 'SIGPIPE',
  142: 'SIGALRM',
  143: 'SIGTERM',
};

const NUMBERS = new Map(Object.entries(SIGNALS).map(([status, name]) => [name, Number(status)]));

/** A signal of which only the name is known, and no number: a shell that tells of one tells more than this. */
const SOME_SIGNAL = 128;

/** The exit code that a shell gives a command, also one that a signal has ended. */
export function shellStatus({
  exitCode,
  signal,
}: {
  readonly exitCode?: number | undefined;
  readonly signal?: string | undefined;
}): number {
  return exitCode ?? NUMBERS.get(signal ?? '') ?? SOME_SIGNAL;
}

/** What `$?` of a shell says about the command. */
export function exitStatusOf(shellStatus: number): ExitStatus {
  const signal = SIGNALS[shellStatus];
  return signal === undefined ? { exitCode: shellStatus } : { signal };
}
