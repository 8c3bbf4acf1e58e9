import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { checkoutRoot, labFiles } from '../../lab/checkout.ts';
import { prefixFrom } from '../../lab/lab.ts';
import type { PitrErrorJson } from '../../lib/base/errors/pitr-error.ts';
import type { PitrEvent } from '../../lib/engine/events/events.ts';
import { runError } from '../support/pitr.ts';

/** The command line at work. */
export interface Controller {
  readonly pid: number;
  signal(name: NodeJS.Signals): void;
}

/** What happens when a task of this name starts for the first time. */
export type During = Readonly<Record<string, (controller: Controller) => Promise<unknown> | unknown>>;

export interface Ended {
  readonly exitCode: number | null;
  readonly runId: string;
  readonly error: PitrErrorJson | undefined;
  readonly events: readonly PitrEvent[];
  /** All that was told of the error, for a reader. */
  readonly words: string;
  readonly stderr: string;
}

const atWork = new Map<Controller, Promise<unknown>>();
const begun = new Set<string>();

/** Ends, as Ctrl-C does, what a test that failed has left running; returns the ids of all runs of this process. */
export async function endAll(): Promise<readonly string[]> {
  for (const controller of atWork.keys()) controller.signal('SIGINT');
  await Promise.all(atWork.values());
  const runs = [...begun];
  begun.clear();
  return runs;
}

/** Runs the built command line in `--output json`, and does to it, or to the hosts, what `during` says. */
export async function operate(args: readonly string[], during: During = {}): Promise<Ended> {
  const state = join(labFiles(prefixFrom(process.env)).folder, 'state');
  const child = spawn(
    process.execPath,
    [join(checkoutRoot, 'dist', 'cli', 'main.js'), ...args, '--output', 'json'],
    {
      cwd: checkoutRoot,
      env: { ...process.env, PITR_STATE_DIR: state, NO_COLOR: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  const closed = once(child, 'close');
  const stderr: Buffer[] = [];
  child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
  const controller: Controller = { pid: child.pid ?? 0, signal: (name) => void child.kill(name) };
  atWork.set(controller, closed);
  const events: PitrEvent[] = [];
  const injected: Promise<unknown>[] = [];
  const waiting = new Map(Object.entries(during));
  for await (const line of createInterface({ input: child.stdout })) {
    if (!line.startsWith('{')) continue;
    const event = JSON.parse(line) as PitrEvent;
    events.push(event);
    if (event.type === 'run.started') begun.add(event.runId);
    if (event.type !== 'task.started') continue;
    const inject = waiting.get(event.task.name);
    if (inject === undefined) continue;
    waiting.delete(event.task.name);
    const work = Promise.resolve(inject(controller));
    work.catch(() => {});
    injected.push(work);
  }
  const [exitCode] = (await closed) as [number | null];
  atWork.delete(controller);
  const error = runError(events) ?? undoError(events);
  await Promise.all(injected);
  if (waiting.size > 0 && error === undefined)
    throw new Error(`never reached: ${[...waiting.keys()].join(', ')}`);
  const started = events.find((event) => event.type === 'run.started');
  return {
    exitCode,
    runId: started?.type === 'run.started' ? started.runId : '',
    error,
    events,
    words: error === undefined ? '' : wordsOf(error),
    stderr: Buffer.concat(stderr).toString(),
  };
}

/** `pitr undo` has events of its own. */
function undoError(events: readonly { readonly type: string }[]): PitrErrorJson | undefined {
  const last = events.find(({ type }) => type === 'undo.finished') as { error?: PitrErrorJson } | undefined;
  return last?.error;
}

function wordsOf(error: PitrErrorJson): string {
  const { message, details = [], evidence, state, next = [] } = error;
  return [message, ...details, evidence?.command, evidence?.stderr, state, ...next]
    .filter((line) => line !== undefined)
    .join('\n');
}
