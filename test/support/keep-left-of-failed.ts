import { appendFileSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach } from 'vitest';
import { keepLeft } from './keep-left.mjs';

/** Absent where a person has started vitest: the temporary folder is everybody's then. */
const evidence = process.env.PITR_EVIDENCE;
const temporary = tmpdir();

// Before a test's own clean-up (`onTestFinished`, `afterAll`): test/run.mjs would find nothing any more. What other
// workers have there at that time is kept with it.
afterEach(({ task }) => {
  if (evidence === undefined || task.result?.state !== 'fail') return;
  const there = readdirSync(temporary).filter((entry) => entry.startsWith('pitr-'));
  if (there.length === 0) return;
  const to = join(evidence, 'temporary');
  keepLeft(temporary, to);
  appendFileSync(join(to, 'failed.txt'), `${task.file.name}: ${task.name}: ${there.join(' ')}\n`);
});
