import type { TestProject } from 'vitest/node';
import { prefixFrom } from '../../lab/lab.ts';
import { timedReport } from '../../lab/progress.ts';
import { forgetFailure, handBack } from './after-failure.ts';
import { cleanLab } from './clean-lab.ts';
import { engineForTests } from './engine-for-tests.ts';

/**
 * The lab that the end-to-end suites share: up and proved clean before the first one, made anew where it is not, and left
 * up after the last, so that a second run starts at once and a failure can be looked at. `PITR_LAB` names another one.
 */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  process.env.PITR_LAB ??= 'pitr-test';
  process.env.TESTCONTAINERS_RYUK_DISABLED = 'true';
  const report = timedReport((line) => process.stderr.write(`${line}\n`));
  await engineForTests(report);
  const lab = await cleanLab(prefixFrom(process.env), report);
  await forgetFailure(lab);
  return () => handBack(lab, project, report);
}
