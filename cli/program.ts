import { Console } from 'node:console';
import { EXIT_CODES } from '../lib/base/errors/pitr-error.ts';
import type { Io } from './io.ts';
import { maskedIo } from './masked-io.ts';
import { runCommandLine, tellStray, tellStuck } from './run.ts';

/** The whole of pitr: runs a command line and ends the process. `ended` is called when all work is done. */
export async function program(words: readonly string[], ended: () => void = () => {}): Promise<never> {
  const exit: (code: number) => never = process.exit.bind(process);
  // A user's module shares the process. It must not end a run in its middle, and with success at that.
  process.exit = function refused() {
    const error = new Error('process.exit is not for a module: it would end the run in its middle');
    Error.captureStackTrace(error, refused);
    throw error;
  };
  // Neither a reader that has gone (`pitr ... | head`, a closed terminal) nor a full disk must ever stop a recovery.
  let unwritten: Error | undefined;
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (!READER_GONE.has(error.code ?? '')) unwritten ??= error;
  });
  process.stderr.on('error', () => {});
  const io = maskedIo({
    stdout: process.stdout,
    stderr: process.stderr,
    stdin: process.stdin,
    env: process.env,
    cwd: process.cwd(),
    signals: process,
    leaveNow: (code) => exit(code),
  });
  // What a user's module prints is masked as all else is, and never lies between the JSON on stdout.
  globalThis.console = new Console(io.stderr as NodeJS.WriteStream);
  // A timer may throw again while its first error is being told.
  let told = false;
  for (const stray of ['unhandledRejection', 'uncaughtException'] as const) {
    process.on(stray, (thrown: unknown) => {
      if (told) return;
      told = true;
      void tellStray({ thrown, stray }, words, io).then(
        (code) => exit(code),
        (error: unknown) => {
          io.stderr.write(`${String(error)}\n`);
          exit(1);
        },
      );
    });
  }
  const stuck = (): void => {
    if (told) return;
    void tellStuck(words, io).then((code) => {
      if (code !== undefined) exit(code);
    });
  };
  process.on('beforeExit', stuck);
  const exitCode = await runCommandLine(words, io);
  process.off('beforeExit', stuck);
  // all that was written is on its way before the process ends
  for (const stream of [process.stdout, process.stderr]) {
    await new Promise<void>((resolve) => stream.write('', () => resolve()));
  }
  ended();
  exit(unwritten === undefined ? exitCode : tellUnwritten(unwritten, exitCode, io));
}

/** Of these nobody complains who has closed what he was reading from. */
const READER_GONE: ReadonlySet<string> = new Set(['EPIPE', 'EIO', 'ERR_STREAM_DESTROYED']);

/** Whoever keeps the output takes what is there for the whole of it. Gives the exit code. */
function tellUnwritten(why: Error, exitCode: number, io: Pick<Io, 'stderr'>): number {
  const lines = [
    `Error: what pitr prints could not be written whole: ${why.message}`,
    '  state    What was done on hosts is done, and is in the journal: pitr runs',
  ];
  io.stderr.write(`${lines.join('\n')}\n`);
  return exitCode === 0 ? EXIT_CODES.failed : exitCode;
}
