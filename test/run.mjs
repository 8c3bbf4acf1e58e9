// `npm test`: every check in order, cheapest first, and one closing line. `npm test -- unit` runs that step alone.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const bin = (name) => join(root, 'node_modules', '.bin', name);
const scratch = mkdtempSync(join(tmpdir(), 'pitr-test-'));
const report = (step) => join(scratch, `${step}.json`);
const vitest = (step, ...projects) => [
  'run',
  ...projects.flatMap((project) => ['--project', project]),
  '--reporter=default',
  '--reporter=json',
  `--outputFile.json=${report(step)}`,
];
/** What tests make in the temporary folder they make here, so that what one of them leaves behind is seen. */
const temporary = join(scratch, 'tmp');
mkdirSync(temporary);
/** Journals, logs and reports of what failed. */
const evidence = join(root, '.lab', 'failed', new Date().toISOString().replace(/[:.]/g, '-'));

const steps = {
  lint: [bin('biome'), 'ci', '--error-on-warnings'],
  unused: [bin('knip')],
  types: [bin('tsc'), '--noEmit', '-p', '.'],
  unit: [bin('vitest'), ...vitest('unit', 'unit')],
  e2e: [bin('vitest'), ...vitest('e2e', 'e2e')],
  smoke: [bin('vitest'), ...vitest('smoke', 'smoke')],
  newest: [process.execPath, join(root, 'test', 'newest-node.mjs'), ...vitest('newest', 'unit', 'smoke')],
  long: [bin('vitest'), ...vitest('long', 'long')],
  metal: [bin('vitest'), ...vitest('metal', 'metal')],
};
/** Run only when they are asked for: what installs packages (.ci/run asks), and what takes hours. */
const ONLY_WHEN_ASKED = ['smoke', 'newest', 'long', 'metal'];

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
    env: { ...process.env, TMPDIR: temporary, PITR_EVIDENCE: evidence },
  });
  const left = readdirSync(temporary).filter((name) => name.startsWith('pitr-'));
  if (left.length > 0) {
    process.stdout.write(`== ${name}: tests have left behind in the temporary folder: ${left.join(', ')}\n`);
    totals.failed += status === 0 ? 1 : 0;
  }
  rmSync(temporary, { recursive: true, force: true });
  mkdirSync(temporary);
  const ok = status === 0 && left.length === 0;
  process.stdout.write(
    `== ${name}: ${ok ? 'ok' : 'FAILED'} (${((Date.now() - started) / 1000).toFixed(1)} s)\n`,
  );
  if (!ok) failedSteps.push(name);
  if (args.includes('--reporter=json')) count(report(name));
  if (!ok && existsSync(report(name))) cpSync(report(name), join(evidence, `${name}.json`));
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
  totals.failed + failedSteps.filter((name) => ['lint', 'unused', 'types'].includes(name)).length;
if (failedSteps.length > 0) process.stdout.write(`\nfailed: ${failedSteps.join(', ')}\n`);
process.stdout.write(
  `\n${totals.passed} passed, ${failed} failed${totals.skipped > 0 ? `, ${totals.skipped} skipped` : ''}\n`,
);
// A script reads the line above; a person goes on from this one.
if (existsSync(evidence)) process.stdout.write(`Journals, logs and reports of what failed: ${evidence}\n`);
process.exit(failedSteps.length > 0 ? 1 : 0);
