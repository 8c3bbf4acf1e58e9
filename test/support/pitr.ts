import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { checkoutRoot, labFiles } from '../../lab/checkout.ts';
import { prefixFrom } from '../../lab/lab.ts';
import type { PitrErrorJson } from '../../lib/base/errors/pitr-error.ts';
import type { PitrEvent, TaskStatus } from '../../lib/engine/events/events.ts';
import { commandLineFile } from './command-line.ts';

export interface PitrResult {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** The events of `--output json`, in order; empty for other outputs. */
  readonly events: readonly PitrEvent[];
}

/** Runs the built command line as an operator would; its runs are kept with the lab's files and go with the lab. */
export async function pitr(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<PitrResult> {
  const stateDirectory = join(labFiles(prefixFrom(process.env)).folder, 'state');
  const child = spawn(process.execPath, [commandLineFile(), ...args], {
    cwd: checkoutRoot,
    env: { ...process.env, PITR_STATE_DIR: stateDirectory, NO_COLOR: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
  const exitCode = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  const stdout = Buffer.concat(out).toString();
  const json = args.includes('json');
  return {
    exitCode,
    stdout,
    stderr: Buffer.concat(err).toString(),
    events: json
      ? stdout.split('\n').flatMap((line) => (line.startsWith('{') ? [JSON.parse(line) as PitrEvent] : []))
      : [],
  };
}

/**
 * What a command said, without the words that a host does not answer yet: `undo` and `commit` say so on stderr wherever a
 * host takes its time, and that is no fault of theirs.
 */
export function withoutWaits<T extends { readonly stderr: string }>(ended: T): T {
  const lines = ended.stderr.split('\n').filter((line) => !/ does not answer yet \(/.test(line));
  return { ...ended, stderr: lines.join('\n') };
}

/** `host: task` of every result with this status, in order. */
export function tasksThat(status: TaskStatus, events: readonly PitrEvent[]): readonly string[] {
  return events.flatMap((event) =>
    event.type === 'host.result' && event.status === status ? [`${event.host}: ${event.task.name}`] : [],
  );
}

/** The error that ended the run, or that kept it from starting. */
export function runError(
  events: readonly (PitrEvent | { readonly type: 'error'; readonly error: PitrErrorJson })[],
): PitrErrorJson | undefined {
  for (const event of events) {
    if ((event.type === 'run.finished' || event.type === 'error') && event.error !== undefined)
      return event.error;
  }
  return undefined;
}
