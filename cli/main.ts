#!/usr/bin/env node
import { productVersion } from './product.ts';

const words = process.argv.slice(2);

// Answered before anything heavy is loaded.
if (words[0] === '--version' || words[0] === '-V') {
  process.stdout.write(`${productVersion()}\n`);
} else {
  // A reader that has gone (`pitr ... | head`, a closed terminal) must never stop a recovery.
  process.stdout.on('error', () => {});
  process.stderr.on('error', () => {});
  const { runCommandLine, tellStray } = await import('./run.ts');
  const { maskedIo } = await import('./masked-io.ts');
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
  process.exit(exitCode);
}
