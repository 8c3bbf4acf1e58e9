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

/** What `$?` of a shell says about the command. */
export function exitStatusOf(shellStatus: number): ExitStatus {
  const signal = SIGNALS[shellStatus];
  return signal === undefined ? { exitCode: shellStatus } : { signal };
}
