import { EventEmitter } from 'node:events';
import { PassThrough } from 'node:stream';
import { runCommandLine } from '../../cli/run.ts';

export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The command line in this process, in a directory and without a terminal. */
export async function runHere(cwd: string, ...words: string[]): Promise<Ended> {
  let stdout = '';
  let stderr = '';
  const before = process.cwd();
  process.chdir(cwd);
  const code = await runCommandLine(words, {
    stdout: { write: (text: string) => (stdout += text) },
    stderr: { write: (text: string) => (stderr += text) },
    stdin: new PassThrough(),
    env: { NO_COLOR: '1' },
    cwd,
    signals: new EventEmitter(),
    leaveNow: () => {},
  }).finally(() => process.chdir(before));
  return { code, stdout, stderr };
}
