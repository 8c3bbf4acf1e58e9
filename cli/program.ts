import { Console } from 'node:console';
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
  // A reader that has gone (`pitr ... | head`, a closed terminal) must never stop a recovery.
  process.stdout.on('error', () => {});
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
  exit(exitCode);
}
