import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** What one program cost: medians over its runs. */
export interface Cost {
  /** Wall time of the whole process, milliseconds. */
  readonly ms: number;
  /** Peak resident memory, MiB. */
  readonly mib: number;
}

export interface MeasureOptions {
  readonly runs: number;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** Runs a program several times and gives the medians. Throws with its output when it does not exit 0. */
export async function measure(
  argv: readonly string[],
  { runs, env = {}, cwd }: MeasureOptions,
): Promise<Cost> {
  const costs: Cost[] = [];
  for (let run = 0; run < runs; run++) costs.push(await once(argv, env, cwd));
  return { ms: median(costs.map(({ ms }) => ms)), mib: median(costs.map(({ mib }) => mib)) };
}

function once(
  argv: readonly string[],
  env: Readonly<Record<string, string>>,
  cwd: string | undefined,
): Promise<Cost> {
  const [program = '', ...args] = argv;
  const started = performance.now();
  const child = spawn(program, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
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

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
