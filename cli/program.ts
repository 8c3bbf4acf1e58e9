import { maskedIo } from './masked-io.ts';
import { runCommandLine, tellStray } from './run.ts';

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
  process.on('unhandledRejection', (thrown) => {
    // Nobody knows what state things are in now but the journal.
    void tellStray(thrown, words, io).then((code) => process.exit(code));
  });
  const exitCode = await runCommandLine(words, io);
  // all that was written is on its way before the process ends
  for (const stream of [process.stdout, process.stderr]) {
    await new Promise<void>((resolve) => stream.write('', () => resolve()));
  }
  ended();
  process.exit(exitCode);
}
