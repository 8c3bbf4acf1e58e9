// `npm test`: every check in order, cheapest first, and one closing line. `npm test -- unit` runs that step alone.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const bin = (name) => join(root, 'node_modules', '.bin', name);
const scratch = mkdtempSync(join(tmpdir(), 'pitr-test-'));
const report = (project) => join(scratch, `${project}.json`);
const vitest = (project, ...more) => [
  bin('vitest'),
  'run',
  '--project',
  project,
  '--reporter=default',
  '--reporter=json',
  `--outputFile.json=${report(project)}`,
  ...more,
];

const steps = {
  lint: [bin('biome'), 'ci', '--error-on-warnings'],
  unused: [bin('knip')],
  types: [bin('tsc'), '--noEmit', '-p', '.'],
  unit: vitest('unit'),
  e2e: vitest('e2e'),
  long: vitest('long'),
  metal: vitest('metal'),
};
/** Take hours, so they run only when they are asked for: `npm run test:faults`, `npm run test:metal`. */
const ONLY_WHEN_ASKED = ['long', 'metal'];

const [only, ...rest] = process.argv.slice(2);
if (only !== undefined && !Object.hasOwn(steps, only)) {
  process.stderr.write(`There is no step "${only}"; the steps are: ${Object.keys(steps).join(', ')}.\n`);
  process.exit(64);
}

const failedSteps = [];
const totals = { passed: 0, failed: 0, skipped: 0 };
for (const [name, [command, ...args]] of Object.entries(steps)) {
  if (only === undefined ? ONLY_WHEN_ASKED.includes(name) : name !== only) continue;
  const started = Date.now();
  process.stdout.write(`\n== ${name}\n`);
  const { status } = spawnSync(command, [...args, ...rest], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  process.stdout.write(
    `== ${name}: ${status === 0 ? 'ok' : 'FAILED'} (${((Date.now() - started) / 1000).toFixed(1)} s)\n`,
  );
  if (status !== 0) failedSteps.push(name);
  if (command.endsWith('vitest')) count(report(name));
  // What does not lint or compile would only fail again, slower.
  if (failedSteps.length > 0 && name === 'types') break;
}

/** Adds the figures of one suite; a suite that broke before it could report counts as one failure. */
function count(file) {
  try {
    const { numPassedTests, numFailedTests, numPendingTests, numFailedTestSuites } = JSON.parse(
      readFileSync(file, 'utf8'),
    );
    totals.passed += numPassedTests;
    totals.failed += Math.max(numFailedTests, numFailedTestSuites > 0 ? 1 : 0);
    totals.skipped += numPendingTests;
  } catch {
    totals.failed += 1;
  }
}

rmSync(scratch, { recursive: true, force: true });
const failed =
  totals.failed + failedSteps.filter((name) => !['unit', 'e2e', 'long', 'metal'].includes(name)).length;
if (failedSteps.length > 0) process.stdout.write(`\nfailed: ${failedSteps.join(', ')}\n`);
process.stdout.write(
  `\n${totals.passed} passed, ${failed} failed${totals.skipped > 0 ? `, ${totals.skipped} skipped` : ''}\n`,
);
process.exit(failedSteps.length > 0 ? 1 : 0);
