// Makes a fresh checkout ready to run: dependencies installed as locked, sources compiled. Plain Node, because nothing
// else is there yet. Does nothing when nothing is to do.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  process.stderr.write(`pitr needs Node.js 20.19 or newer; this is ${process.versions.node}.\n`);
  process.exit(1);
}

/** The newest change below some paths, in epoch milliseconds. */
function newest(...paths) {
  let latest = 0;
  for (const path of paths) {
    const at = join(root, path);
    if (!existsSync(at)) continue;
    const entry = statSync(at);
    latest = Math.max(latest, entry.mtimeMs);
    if (!entry.isDirectory()) continue;
    for (const name of readdirSync(at)) latest = Math.max(latest, newest(join(path, name)));
  }
  return latest;
}

function run(what, command, ...args) {
  process.stdout.write(`${what}\n`);
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
  if (error !== undefined) process.stderr.write(`${command}: ${error.message}\n`);
  if (status !== 0) process.exit(status ?? 1);
}

const installed = join(root, 'node_modules', '.package-lock.json');
if (!existsSync(installed) || statSync(installed).mtimeMs < newest('package-lock.json')) {
  // No package needs its install script: the native parts of ssh2 are optional and do not make it faster. Not `npm ci`:
  // it refuses a lock file without the packages of other platforms, which not every registry offers.
  run(
    'Installing dependencies ...',
    'npm',
    'install',
    '--ignore-scripts',
    '--no-save',
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
  );
}

const built = join(root, 'dist', '.built');
const sources = newest('cli', 'lib', 'lab', 'bench', 'tsconfig.json', 'tsconfig.build.json');
if (!existsSync(built) || statSync(built).mtimeMs < sources) {
  run(
    'Compiling ...',
    process.execPath,
    join(root, 'node_modules', 'typescript', 'bin', 'tsc'),
    '-p',
    'tsconfig.build.json',
  );
  const { bundle } = await import('./bundle.mjs');
  await bundle(join(root, 'dist'));
  writeFileSync(built, '');
}
