import { execFile } from 'node:child_process';
import { access, readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/**
 * Makes a program of this machine available for tests: where it is missing, its package is installed by apt on Debian
 * and Ubuntu as root; elsewhere this throws and says what to install.
 */
export async function needProgram(path: string, packageName: string): Promise<string> {
  if (await exists(path)) return path;
  const release = await readFile('/etc/os-release', 'utf8').catch(() => '');
  if (process.getuid?.() !== 0 || !/^ID(_LIKE)?=.*\b(debian|ubuntu)\b/m.test(release)) {
    throw new Error(`these tests need ${path}: install the package ${packageName}`);
  }
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const patience = ['-qq', '-o', 'DPkg::Lock::Timeout=180'];
  const install = ['install', '-y', '--no-install-recommends', packageName];
  // A fresh machine has no package lists, an old one outdated ones; most have good ones.
  await execute('apt-get', [...patience, ...install], { env }).catch(async () => {
    await execute('apt-get', [...patience, 'update'], { env });
    await execute('apt-get', [...patience, ...install], { env });
  });
  if (!(await exists(path))) throw new Error(`the package ${packageName} did not bring ${path}`);
  return path;
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
