import type { Resource } from '../../contract/host.ts';
import { probe } from '../../contract/probe.ts';
import { commandFailed } from '../../transport/command-failed.ts';

/** The processes of one program. */
export interface ProcessState {
  /** Empty where none runs. */
  readonly pids: readonly number[];
}

/** The processes by the name of their program, as `ps -o comm` shows it (at most 15 characters). */
export const processResource: Resource<ProcessState> = {
  kind: 'process',
  scope: 'host',
  read: async (host, name) => {
    const answer = await host.query(probe(['pgrep', '-x', '--', name]));
    // 1 says that there is none; everything else says that it cannot be told.
    if (answer.exitCode !== 0 && answer.exitCode !== 1) throw commandFailed(answer, host.name);
    return { pids: answer.stdout.split('\n').filter(Boolean).map(Number) };
  },
};
