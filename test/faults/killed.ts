import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { checkoutRoot, labFiles } from '../../lab/checkout.ts';
import { prefixFrom } from '../../lab/lab.ts';
import type { PitrEvent } from '../../lib/engine/events/events.ts';
import { runError } from '../support/pitr.ts';

/** When the controller is killed: at the nth beginning or end of a task, or in the middle of one. */
export type KillPoint =
  | { readonly boundary: number }
  | {
      readonly during: string;
      readonly afterMs: number;
      /** More words of the command line, with which it lasts that long. */
      readonly with?: readonly string[];
    };

export interface Killed {
  readonly runId: string;
  /** The last thing that it said. */
  readonly at: string;
  /** False: it ended before the point was reached. */
  readonly killed: boolean;
  /** What it said until then. */
  readonly events: readonly PitrEvent[];
  /** Why it ended badly by itself. */
  readonly error: string | undefined;
}

export function describePoint(point: KillPoint): string {
  return 'boundary' in point ? `boundary ${point.boundary}` : `${point.afterMs} ms into "${point.during}"`;
}

/** Runs the built command line and kills it with SIGKILL at the point. */
export async function killedAt(point: KillPoint, args: readonly string[]): Promise<Killed> {
  let boundaries = 0;
  return killedWhen(args, (event) => {
    if (event.type !== 'task.started' && event.type !== 'task.finished') return undefined;
    boundaries++;
    if ('boundary' in point) return boundaries === point.boundary ? 0 : undefined;
    return event.type === 'task.started' && event.task.name === point.during ? point.afterMs : undefined;
  });
}

/** Runs the built command line; kills it with SIGKILL so many milliseconds after an event as `when` says of it. */
export async function killedWhen(
  args: readonly string[],
  when: (event: PitrEvent) => number | undefined,
): Promise<Killed> {
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
  let [runId, at, killed] = ['', 'nothing', false];
  const events: PitrEvent[] = [];
  const kill = (): void => {
    killed = child.kill('SIGKILL') || killed;
  };
  const exited = once(child, 'close');
  for await (const line of createInterface({ input: child.stdout })) {
    if (!line.startsWith('{') || killed) continue;
    const event = JSON.parse(line) as PitrEvent;
    events.push(event);
    if (event.type === 'run.started') runId = event.runId;
    if (event.type === 'task.started') at = `before "${event.task.name}"`;
    if (event.type === 'task.finished') at = `after "${event.task.name}"`;
    const afterMs = when(event);
    if (afterMs === undefined) continue;
    if (afterMs === 0) kill();
    else {
      if (event.type === 'task.started') at = `in "${event.task.name}"`;
      setTimeout(kill, afterMs);
    }
  }
  await exited;
  return { runId, at, killed, events, error: runError(events)?.message };
}
