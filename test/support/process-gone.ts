import { readFile } from 'node:fs/promises';
import { deadlinePassed, until } from '../../lib/base/wait/until.ts';

/**
 * Waits until a process has ended. It may be nobody's child here: process 1 waits for it then, or nobody does, and what is
 * left of it has its number for as long as the machine runs.
 */
export async function processGone(pid: number): Promise<void> {
  await until(() => readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ''), {
    everyMs: 10,
    deadlineMs: 30_000,
    done: (stat) => stat === '' || /\) [ZX] /.test(stat),
    late: (stat, waitedMs) =>
      deadlinePassed({ what: 'the process to end', deadlineMs: waitedMs, lastSeen: stat }),
  });
}
