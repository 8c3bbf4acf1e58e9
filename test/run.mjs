// `npm test`: every check in order, cheapest first, and one closing line. `npm test -- unit` runs that step alone.
import { spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
} from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { keepLeft } from './support/keep-left.mjs';

const root = join(import.meta.dirname, '..');
const bin = (name) => join(root, 'node_modules', '.bin', name);
const scratch = mkdtempSync(join(tmpdir(), 'pitr-test-'));
chmodSync(scratch, 0o755);
const report = (project) => join(scratch, `${project}.json`);
const vitest = (name, ...projects) => [
  'run',
  ...projects.flatMap((project) => ['--project', project]),
  '--reporter=default',
  '--reporter=json',
  `--outputFile.json=${report(name)}`,
];
/** What tests make in the temporary folder they make here, so that what one of them leaves behind is seen. */
const temporary = join(scratch, 'tmp');
/** Journals, logs and reports of what failed. */
const evidence = join(root, '.lab', 'failed', new Date().toISOString().replace(/[:.]/g, '-'));

/** A full disk must not hide what failed. */
function keepWhatIsLeft() {
  try {
    keepLeft(temporary, join(evidence, 'temporary'));
  } catch (error) {
    process.stdout.write(`== what the failed tests have left could not be kept: ${error.message}\n`);
  }
}

/** The tests of a kind in parts of about the same length, the last of what no other has: each runs on a lab of its own. */
function parts(kind, ...chosen) {
  const files = readdirSync(join(root, 'test'), { recursive: true })
    .filter((file) => file.endsWith(`.${kind}.test.ts`) && !file.startsWith('metal'))
    .map((file) => join('test', file));
  const place = (file) => [...chosen, /^/].findIndex((part) => part.test(file));
  return [...chosen, /^/].map((_, index) => files.filter((file) => place(file) === index));
}
/**
 * Whether this machine starts programs so fast (100 in less than 200 ms) that two labs beside each other wait more than
 * they compute. Where it takes many times that, both would end later than one after the other.
 */
function startsFast() {
  const from = performance.now();
  const { status } = spawnSync('sh', [
    '-c',
    'for n in 0 1 2 3 4 5 6 7 8 9; do for m in 0 1 2 3 4 5 6 7 8 9; do /bin/true; done; done',
  ]);
  return status === 0 && performance.now() - from < 200;
}

const e2e = parts('e2e', /^test\/(faults\/(kill|writer)|recovery\/(recover|step-by-step|look-only))\./);

/** Whole recoveries, and the modules that they are made of, on a lab of another release of Debian. */
const onRelease = (release) => [
  'env',
  `PITR_LAB_RELEASE=${release}`,
  `PITR_LAB=pitr-${release}`,
  bin('vitest'),
  ...vitest(release, 'e2e'),
  ...['recovery/recover', 'recovery/step-by-step', 'recovery/look-only'].map((name) => `test/${name}.e2e`),
  ...['patroni', 'postgres', 'barman-looks', 'barman-changes', 'barman-moment'].map(
    (name) => `test/modules/${name}.e2e`,
  ),
];

/** The commands of a step; those of one step run side by side. */
const steps = {
  lint: [[bin('biome'), 'ci', '--error-on-warnings']],
  unused: [[bin('knip')]],
  types: [[bin('tsc'), '--noEmit', '-p', '.']],
  // Nothing else runs beside them: a worker for each core, and one for when another waits for something.
  unit: [[bin('vitest'), ...vitest('unit', 'unit'), `--maxWorkers=${availableParallelism() + 1}`]],
  // Each uses the time in which another one waits for something.
  e2e: [
    [bin('vitest'), ...vitest('e2e', 'e2e'), ...e2e[0]],
    [bin('vitest'), ...vitest('e2e-2', 'e2e'), ...e2e[1]],
    [bin('vitest'), ...vitest('hosts', 'hosts')],
  ],
  smoke: [[bin('vitest'), ...vitest('smoke', 'smoke')]],
  newest: [[process.execPath, join(root, 'test', 'newest-node.mjs'), ...vitest('newest', 'unit', 'smoke')]],
  long: [[bin('vitest'), ...vitest('long', 'long')]],
  metal: [[bin('vitest'), ...vitest('metal', 'metal')]],
  releases: [onRelease('trixie'), onRelease('forky')],
};
/** Run only when they are asked for: what installs packages (.ci/run asks), and what takes hours. */
const ONLY_WHEN_ASKED = ['smoke', 'newest', 'long', 'metal', 'releases'];

const [only, ...rest] = process.argv.slice(2);
if (only !== undefined && !Object.hasOwn(steps, only)) {
  process.stderr.write(`There is no step "${only}"; the steps are: ${Object.keys(steps).join(', ')}.\n`);
  process.exit(64);
}
// Files that are named may be of either kind, and are looked at one after the other.
if (rest.length > 0) {
  steps.e2e = [[bin('vitest'), ...vitest('e2e', 'e2e', 'hosts')]];
} else if (only === 'long' && startsFast()) {
  steps.long = parts(
    'long',
    /^test\/(faults\/(kill-in-a-row|writer.*)|cli\/(prompts|recover)|lock\/lock|recovery\/(broken-off|in-force))\./,
    /^test\/faults\/(kill|crawler)\./,
  ).map((files, place) => [bin('vitest'), ...vitest(`long-${place + 1}`, 'long'), ...files]);
}

const failedSteps = [];
/** The tests that failed, as "file: name", for the end of the output: often nobody has the rest of it any more. */
const failedTests = [];
const totals = { passed: 0, failed: 0, skipped: 0 };
for (const [name, commands] of Object.entries(steps)) {
  if (only === undefined ? ONLY_WHEN_ASKED.includes(name) : name !== only) continue;
  const started = Date.now();
  process.stdout.write(`\n== ${name}\n`);
  mkdirSync(temporary);
  // As /tmp is: some tests work there as another user.
  chmodSync(temporary, 0o1777);
  const codes = await Promise.all(commands.map((command, place) => run(command, place, place === 0)));
  const left = readdirSync(temporary).filter((entry) => entry.startsWith('pitr-'));
  const ok = codes.every((code) => code === 0) && left.length === 0;
  if (!ok) keepWhatIsLeft();
  rmSync(temporary, { recursive: true, force: true });
  if (left.length > 0) {
    process.stdout.write(`== tests have left behind in the temporary folder: ${left.join(', ')}\n`);
    totals.failed += 1;
  }
  process.stdout.write(
    `== ${name}: ${ok ? 'ok' : 'FAILED'} (${((Date.now() - started) / 1000).toFixed(1)} s)\n`,
  );
  if (!ok) failedSteps.push(name);
  for (const command of commands) count(command, ok);
  // What does not lint or compile would only fail again, slower.
  if (failedSteps.length > 0 && name === 'types') break;
}

/**
 * Gives the exit code. What one command `prints` as it runs, another that runs beside it prints at its end. One that is not
 * in the first `place` leaves it to the first to install and to build, and has a lab of its own.
 */
function run([command, ...args], place, prints) {
  return new Promise((resolve) => {
    const child = spawn(command, [...args, ...rest], {
      cwd: root,
      stdio: ['ignore', prints ? 'inherit' : 'pipe', prints ? 'inherit' : 'pipe'],
      env: {
        ...process.env,
        TMPDIR: temporary,
        PITR_EVIDENCE: evidence,
        ...(place === 0
          ? {}
          : { PITR_BESIDE: '1', PITR_LAB: `${process.env.PITR_LAB ?? 'pitr-test'}-${place + 1}` }),
      },
    });
    const printed = [];
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => printed.push(chunk));
    child.once('error', (error) => {
      process.stderr.write(`${command}: ${error.message}\n`);
      resolve(1);
    });
    child.once('close', (code) => {
      process.stdout.write(Buffer.concat(printed));
      resolve(code ?? 1);
    });
  });
}

/** Adds the figures of a suite; a suite that broke before it could report counts as one failure. */
function count(command, ok) {
  const file = command.find((word) => word.startsWith('--outputFile.json='))?.split('=')[1];
  if (file === undefined) return;
  try {
    const { numPassedTests, numFailedTests, numPendingTests, numFailedTestSuites, testResults } = JSON.parse(
      readFileSync(file, 'utf8'),
    );
    for (const suite of testResults.filter((result) => result.status === 'failed')) {
      const tests = suite.assertionResults.filter((test) => test.status === 'failed');
      const where = relative(root, suite.name);
      if (tests.length === 0) failedTests.push(`${where}: ${suite.message}`);
      for (const test of tests)
        failedTests.push(`${where}: ${test.fullName}\n${test.failureMessages.join('\n')}`);
    }
    totals.passed += numPassedTests;
    totals.failed += Math.max(numFailedTests, numFailedTestSuites > 0 ? 1 : 0);
    totals.skipped += numPendingTests;
    if (!ok) cpSync(file, join(evidence, file.slice(scratch.length)));
  } catch {
    totals.failed += 1;
  }
}

rmSync(scratch, { recursive: true, force: true });
const failed =
  totals.failed + failedSteps.filter((name) => ['lint', 'unused', 'types'].includes(name)).length;
for (const test of failedTests) process.stdout.write(`\n${test}\n`);
if (failedSteps.length > 0) process.stdout.write(`\nfailed: ${failedSteps.join(', ')}\n`);
process.stdout.write(
  `\n${totals.passed} passed, ${failed} failed${totals.skipped > 0 ? `, ${totals.skipped} skipped` : ''}\n`,
);
// A script reads the line above; a person goes on from this one.
if (existsSync(evidence)) process.stdout.write(`Journals, logs and reports of what failed: ${evidence}\n`);
process.exit(failedSteps.length > 0 ? 1 : 0);
