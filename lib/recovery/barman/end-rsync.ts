import type { WriteHost } from '../../contract/host.ts';
import { endProcesses } from '../../system/core/end-processes.ts';
import { commandLineProbe } from './command-lines.ts';

const LEFT = commandLineProbe('rsync', '*" --server "*"$1"*');

/** Receivers that were left alone end when they notice that nobody sends any more; that takes a moment, in seconds. */
const PATIENCE = 5;

/**
 * After a copy was stopped: waits until no rsync writes to the destination on the receiving host any more, and ends
 * those that do not end by themselves within five seconds. Throws like `endProcesses`.
 */
export async function endReceivingRsync(host: WriteHost, destination: string, user: string): Promise<void> {
  const words = `an rsync that writes to ${destination}`;
  await endProcesses(host, { words, find: LEFT, args: [destination], user, patience: PATIENCE });
}
