import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { interrupted } from './interrupt.ts';

/** What one run of a program cost. */
export interface Cost {
  /** Wall time of the whole process, milliseconds. */
  readonly ms: number;
  /** Peak resident memory, MiB. */
  readonly mib: number;
}

/** A program that is measured beside others. */
export interface Contestant {
  readonly argv: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string | undefined;
  /** Brings what the program works on into the state that it starts from; not measured. */
  readonly prepare?: (() => Promise<unknown>) | undefined;
  /** How many rounds it takes part in, where that is fewer than the others: it takes minutes. */
  readonly rounds?: number | undefined;
}

/**
 * Runs programs in turns, one run each in a round, so that what else the machine does meets them alike. Gives the costs
 * of each in the order of the rounds. The one that begins changes with the round. Throws with a program's output when it
 * does not exit 0.
 */
export async function inTurns<K extends string>(
  contestants: Readonly<Partial<Record<K, Contestant>>>,
  rounds: number,
): Promise<Readonly<Partial<Record<K, readonly Cost[]>>>> {
  const names = (Object.keys(contestants) as K[]).filter((name) => contestants[name] !== undefined);
  const costs: Partial<Record<K, Cost[]>> = {};
  for (let round = 0; round < rounds; round++) {
    const first = round % names.length;
    for (const name of [...names.slice(first), ...names.slice(0, first)]) {
      const contestant = contestants[name];
      if (contestant === undefined || round >= (contestant.rounds ?? rounds)) continue;
      await contestant.prepare?.();
      costs[name] = [...(costs[name] ?? []), await once(contestant)];
    }
  }
  return costs;
}

/** Runs a program once. Throws with its output when it does not exit 0. */
export function once({ argv, env = {}, cwd }: Contestant): Promise<Cost> {
  const [program = '', ...args] = argv;
  const started = performance.now();
  const child = spawn(program, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    signal: interrupted,
    env: { ...process.env, ...env },
    ...(cwd === undefined ? {} : { cwd }),
  });
  const output: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => output.push(chunk));
  let mib = 0;
  const sampler = setInterval(() => {
    mib = Math.max(mib, peakMemory(child.pid));
  }, 10);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      clearInterval(sampler);
      const ms = performance.now() - started;
      if (code === 0) resolve({ ms, mib });
      else
        reject(
          new Error(
            `${argv.slice(0, 4).join(' ')} ... exited with ${code}:\n${Buffer.concat(output).toString().slice(-2000)}`,
          ),
        );
    });
  });
}

/** The kernel's own high-water mark of a process, MiB; 0 once it is gone. */
function peakMemory(pid: number | undefined): number {
  try {
    const kib = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return Number(kib ?? 0) / 1024;
  } catch {
    // The process has just ended; the samples before this one count.
    return 0;
  }
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
