import { spawn } from 'node:child_process';
import { LabError } from './error.ts';

export interface LocalResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs a command of this machine without a shell and collects its output. A command that is not
 * there has exit code 127. Never throws.
 */
export function runLocally(
  argv: readonly [string, ...string[]],
  environment: Readonly<Record<string, string>> = {},
): Promise<LocalResult> {
  const [command, ...args] = argv;
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...environment },
    });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
    child.on('error', (error) => resolve({ exitCode: 127, stdout: '', stderr: error.message }));
    child.on('close', (code) =>
      resolve({
        exitCode: code ?? 128,
        stdout: Buffer.concat(stdout).toString(),
        stderr: Buffer.concat(stderr).toString(),
      }),
    );
  });
}

/** As runLocally, but throws a LabError with the end of the output when the command fails. */
export async function mustRunLocally(
  purpose: string,
  argv: readonly [string, ...string[]],
  environment: Readonly<Record<string, string>> = {},
): Promise<string> {
  const result = await runLocally(argv, environment);
  if (result.exitCode !== 0) {
    const tail = `${result.stdout}\n${result.stderr}`.trim().split('\n').slice(-12).join('\n  ');
    throw new LabError(
      `${purpose} failed: \`${argv.join(' ')}\` ended with exit code ${result.exitCode}\n  ${tail}`,
    );
  }
  return result.stdout;
}
