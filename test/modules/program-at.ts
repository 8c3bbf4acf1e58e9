import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A process of this name that works in a directory; its program lies in `dir`. */
export async function programAt(dir: string, name: string, cwd: string) {
  const program = join(dir, name);
  await copyFile('/bin/sleep', program);
  const child = spawn(program, ['60'], { cwd, stdio: 'ignore' });
  await once(child, 'spawn');
  const closed = once(child, 'close');
  const end = async () => {
    child.kill();
    await closed;
  };
  return { pid: child.pid, end, [Symbol.asyncDispose]: end };
}
