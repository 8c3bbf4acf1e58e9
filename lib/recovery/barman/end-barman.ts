import type { WriteHost } from '../../contract/host.ts';
import { endProcesses } from '../../system/core/end-processes.ts';
import { commandLineProbe, namesPlace } from './command-lines.ts';

// By how `barman recover` begins and ends: $1 and $2.
const LEFT = commandLineProbe('barman | python*', '*"/barman $1 "*"$2 "');
// $1: a place, $2: the login to the receiving host; another cluster's copy may go to the same path on another host, and that
// host may be called alike. Barman gives rsync the login in quotes and the place behind a colon.
const SENDERS = commandLineProbe('rsync | ssh', namesPlace('*[!A-Za-z0-9._@-]"$2"[!A-Za-z0-9._-]*', ' :'));
const SENDERS_HERE = commandLineProbe('rsync', namesPlace('*'));

/**
 * Ends a `barman recover` that a dead controller left at work on Barman's host, and then what that has begun there: an
 * rsync outlives it, and one that is still logging in is not to be seen yet on the receiving host. Barman is told by its command
 * line: the same way to log in, the same backup, the same destination; the others by login and destination. Throws like
 * `endProcesses`.
 */
export async function endBarmanRecover(
  host: WriteHost,
  argv: readonly string[],
  user: string,
): Promise<void> {
  const way = argv.includes('--remote-ssh-command') ? 4 : 2;
  const args = [argv.slice(1, way).join(' '), argv.slice(-3).join(' ')];
  await endProcesses(host, { words: 'barman recover', find: LEFT, args, user, patience: 0 });
  const login = loginIn(argv);
  for (const place of placesIn(argv)) {
    await endProcesses(host, {
      words: `an rsync to ${place}`,
      find: login === '' ? SENDERS_HERE : SENDERS,
      args: [place, login],
      user,
      patience: 0,
    });
  }
}

/** Where a `barman recover` copies to: the destination, and each tablespace's place. */
function placesIn(argv: readonly string[]): readonly string[] {
  const tablespaces = argv.flatMap((word, index) =>
    argv[index - 1] === '--tablespace' ? [word.slice(word.indexOf(':') + 1)] : [],
  );
  return [...argv.slice(-1), ...tablespaces];
}

/** `postgres@db2`; nothing where Barman's host itself receives. */
function loginIn(argv: readonly string[]): string {
  const words = (argv[argv.indexOf('--remote-ssh-command') + 1] ?? '').split(/\s+/);
  return argv.includes('--remote-ssh-command')
    ? (words.find((word) => word.includes('@')) ?? words.at(-1) ?? '')
    : '';
}
