// Runs vitest, with the words given, on the newest Node.js that npm has (its package `node`).
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';

const place = mkdtempSync(join(tmpdir(), 'pitr-newest-node-'));
const run = (command, args, env = process.env) =>
  spawnSync(command, args, {
    cwd: join(import.meta.dirname, '..'),
    env,
    stdio: ['ignore', 'inherit', 'inherit'],
  }).status ?? 1;

let status = run('npm', [
  'install',
  '--prefix',
  place,
  '--no-audit',
  '--no-fund',
  '--loglevel=error',
  'node@latest',
]);
if (status === 0) {
  const node = join(place, 'node_modules', 'node', 'bin', 'node');
  process.stdout.write('Node.js ');
  run(node, ['--version']);
  const vitest = join(import.meta.dirname, '..', 'node_modules', 'vitest', 'vitest.mjs');
  const PATH = `${dirname(node)}${delimiter}${process.env.PATH ?? ''}`;
  status = run(node, [vitest, ...process.argv.slice(2)], { ...process.env, PATH });
}
rmSync(place, { recursive: true, force: true });
process.exit(status);
