import type { TestProject } from 'vitest/node';
import { type Lab, openLab, prefixFrom } from '../../lab/lab.ts';
import { type Report, timedReport } from '../../lab/progress.ts';
import { labUp } from '../../lab/up.ts';
import { forgetFailure } from './after-failure.ts';
import { giveBack, madeAnew, noteAsMade, take, userOf, whatIsSpoilt } from './clean-lab.ts';
import { engineForTests } from './engine-for-tests.ts';
import { keepEvidence } from './evidence.ts';

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
  await take(lab);
  return async () => {
    const failed = project.vitest.state.getCountOfFailedTests() > 0;
    if (failed) report(`journals and logs are kept in ${await keepEvidence(lab)}`);
    // What has failed leaves the lab as it is, to be looked at: the next run makes it anew.
    else await giveBack(lab);
  };
}

/** The lab of a prefix, up, and as it is when it has just been made. Throws where another run is at work on it. */
async function cleanLab(prefix: string, report: Report): Promise<Lab> {
  const user = await openLab(prefix).then(userOf, () => undefined);
  if (user?.alive === true)
    throw new Error(
      `the lab ${prefix} is in use by process ${user.pid} (${user.checkout}): wait until it has ended, or take another lab, PITR_LAB=${prefix}-2`,
    );
  if (user === undefined) {
    const up = await labUp(prefix, report);
    if (up.outcome === 'created') {
      await noteAsMade(up.lab);
      return up.lab;
    }
    const spoilt = await whatIsSpoilt(up.lab);
    if (spoilt.length === 0) return up.lab;
    report(`the lab is not clean (${spoilt.join('; ')}): making it anew`);
  } else {
    report(`the last run on the lab failed or was killed (${user.checkout}): making it anew`);
  }
  return madeAnew(prefix, report);
}
