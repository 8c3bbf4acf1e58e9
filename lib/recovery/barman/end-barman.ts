import type { WriteHost } from '../../contract/host.ts';
import { endProcesses } from '../../system/core/end-processes.ts';
import { commandLineProbe } from './command-lines.ts';

// By how `barman recover` begins and ends: $1 and $2.
const LEFT = commandLineProbe('barman | python*', '*"/barman $1 "*"$2 "');

/**
 * Ends a `barman recover` that a dead controller left at work on Barman's host: it would start its rsync again. It is
 * told by its command line: the same way to log in, the same backup, the same destination. Throws like `endProcesses`.
 */
export async function endBarmanRecover(
  host: WriteHost,
  argv: readonly string[],
  user: string,
): Promise<void> {
  const way = argv.includes('--remote-ssh-command') ? 4 : 2;
  const args = [argv.slice(1, way).join(' '), argv.slice(-3).join(' ')];
  await endProcesses(host, { words: 'barman recover', find: LEFT, args, user, patience: 0 });
}
