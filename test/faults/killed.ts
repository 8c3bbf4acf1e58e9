import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { checkoutRoot, labFiles } from '../../lab/checkout.ts';
import { prefixFrom } from '../../lab/lab.ts';
import type { PitrEvent } from '../../lib/events/events.ts';

/** When the controller is killed: at the nth beginning or end of a task, or in the middle of one. */
export type KillPoint = { readonly boundary: number } | { readonly during: string; readonly afterMs: number };

export interface Killed {
  readonly runId: string;
  /** The last thing that it said. */
  readonly at: string;
  /** False: it ended before the point was reached. */
  readonly killed: boolean;
}

export function describePoint(point: KillPoint): string {
  return 'boundary' in point ? `boundary ${point.boundary}` : `${point.afterMs} ms into "${point.during}"`;
}

/** Runs the built command line and kills it with SIGKILL at the point. */
export async function killedAt(point: KillPoint, args: readonly string[]): Promise<Killed> {
  const state = join(labFiles(prefixFrom(process.env)).folder, 'state');
  const child = spawn(
    process.execPath,
    [join(checkoutRoot, 'dist', 'cli', 'main.js'), ...args, '--output', 'json', '--yes'],
    {
      cwd: checkoutRoot,
      env: { ...process.env, PITR_STATE_DIR: state },
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  let [runId, at, killed, boundaries] = ['', 'nothing', false, 0];
  const kill = (): void => {
    killed = child.kill('SIGKILL') || killed;
  };
  const exited = once(child, 'close');
  for await (const line of createInterface({ input: child.stdout })) {
    if (!line.startsWith('{') || killed) continue;
    const event = JSON.parse(line) as PitrEvent;
    if (event.type === 'run.started') runId = event.runId;
    if (event.type !== 'task.started' && event.type !== 'task.finished') continue;
    at = `${event.type === 'task.started' ? 'before' : 'after'} "${event.task.name}"`;
    boundaries++;
    if ('boundary' in point) {
      if (boundaries === point.boundary) kill();
    } else if (event.type === 'task.started' && event.task.name === point.during) {
      at = `in "${event.task.name}"`;
      setTimeout(kill, point.afterMs);
    }
  }
  await exited;
  return { runId, at, killed };
}
