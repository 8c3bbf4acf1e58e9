import { PassThrough } from 'node:stream';
import type { Engine } from './engine.ts';
import { LabError } from './error.ts';
import { seconds } from './progress.ts';

export interface ExecOptions {
  /** User inside the container; root when left out. */
  readonly user?: string;
  /** Text for the command's standard input; it is closed in any case. */
  readonly stdin?: string;
  /** Default: two minutes. */
  readonly deadlineMs?: number;
}

export interface ExecResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs a command in a container and waits for it. A failing command is a result, not an error.
 * Throws when the container is not there or not running, and a LabError at the deadline (the
 * command then lives on in the container).
 */
export async function execIn(
  engine: Engine,
  container: string,
  argv: readonly string[],
  options: ExecOptions = {},
): Promise<ExecResult> {
  const exec = await engine.getContainer(container).exec({
    Cmd: [...argv],
    AttachStdin: true,
    AttachStdout: true,
    AttachStderr: true,
    ...(options.user === undefined ? {} : { User: options.user }),
  });
  // Only a hijacked connection passes on the end of standard input.
  const stream = await exec.start({ hijack: true, stdin: true });
  const output = { stdout: collector(), stderr: collector() };
  engine.modem.demuxStream(stream, output.stdout.sink, output.stderr.sink);
  const deadlineMs = options.deadlineMs ?? 120_000;
  await new Promise<void>((resolve, reject) => {
    const deadline = setTimeout(() => {
      stream.destroy();
      reject(new LabError(`${container}: \`${argv.join(' ')}\` did not end within ${seconds(deadlineMs)}`));
    }, deadlineMs);
    const settle = (settled: () => void) => () => {
      clearTimeout(deadline);
      settled();
    };
    stream.on('end', settle(resolve));
    stream.on('close', settle(resolve));
    stream.on('error', (error: Error) => settle(() => reject(error))());
    stream.end(options.stdin ?? '');
  });
  const { ExitCode } = await exec.inspect();
  return { exitCode: ExitCode ?? -1, stdout: output.stdout.text(), stderr: output.stderr.text() };
}

function collector(): { sink: PassThrough; text: () => string } {
  const sink = new PassThrough();
  const chunks: Buffer[] = [];
  sink.on('data', (chunk: Buffer) => chunks.push(chunk));
  return {
    sink,
    text: () => {
      for (let rest = sink.read() as Buffer | null; rest !== null; rest = sink.read() as Buffer | null) {
        chunks.push(rest);
      }
      return Buffer.concat(chunks).toString();
    },
  };
}
