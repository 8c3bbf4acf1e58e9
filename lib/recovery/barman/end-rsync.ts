import type { WriteHost } from '../../contract/host.ts';
import { endProcesses } from '../../system/core/end-processes.ts';
import { commandLineProbe, namesPlace } from './command-lines.ts';

const LEFT = commandLineProbe('rsync', namesPlace('*" --server "*'));

/** Receivers that were left alone end when they notice that nobody sends any more; that takes a moment, in seconds. */
const PATIENCE = 5;

/**
 * After a copy was stopped: waits until no rsync writes to the places of the copy on the receiving host any more, and
 * ends those that do not end by themselves within five seconds. Throws like `endProcesses`.
 */
export async function endReceivingRsync(
  host: WriteHost,
  places: readonly string[],
  user: string,
): Promise<void> {
  for (const place of places) {
    const words = `an rsync that writes to ${place}`;
    await endProcesses(host, { words, find: LEFT, args: [place], user, patience: PATIENCE });
  }
}
