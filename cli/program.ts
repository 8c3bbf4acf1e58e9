import { maskedIo } from './masked-io.ts';
import { runCommandLine, tellStray, tellStuck } from './run.ts';

/** The whole of pitr: runs a command line and ends the process. `ended` is called when all work is done. */
export async function program(words: readonly string[], ended: () => void = () => {}): Promise<never> {
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
    leaveNow: (code) => process.exit(code),
  });
  // A timer may throw again while its first error is being told.
  let told = false;
  for (const stray of ['unhandledRejection', 'uncaughtException'] as const) {
    process.on(stray, (thrown: unknown) => {
      if (told) return;
      told = true;
      void tellStray({ thrown, stray }, words, io).then(
        (code) => process.exit(code),
        (error: unknown) => {
          io.stderr.write(`${String(error)}\n`);
          process.exit(1);
        },
      );
    });
  }
  const stuck = (): void => {
    if (told) return;
    void tellStuck(words, io).then((code) => {
      if (code !== undefined) process.exit(code);
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
  process.exit(exitCode);
}
