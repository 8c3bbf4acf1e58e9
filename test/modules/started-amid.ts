import { copyFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fakePrograms } from '../support/fake-programs.ts';
import { processGone } from '../support/process-gone.ts';

/** Until it is disposed of, the first `mv` is followed by the start of a `postgres` that works in a directory. */
export async function startedAmidMoves(dir: string, cwd: string) {
  const program = join(dir, 'postgres');
  const pidFile = join(dir, 'postgres.started');
  await copyFile('/bin/sleep', program);
  const programs = await fakePrograms({
    mv: `/bin/mv "$@" || exit
[ ! -e ${pidFile} ] || exit 0
cd ${cwd} && { setsid ${program} 60 </dev/null >/dev/null 2>&1 & echo $! >${pidFile}; }
while [ "$(readlink /proc/$!/exe)" != "${program}" ]; do sleep 0.01; done`,
  });
  return {
    [Symbol.asyncDispose]: async () => {
      await programs[Symbol.asyncDispose]();
      const pid = Number(await readFile(pidFile, 'utf8').catch(() => ''));
      if (pid === 0) return;
      process.kill(pid);
      await processGone(pid);
    },
  };
}
