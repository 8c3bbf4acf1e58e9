import type { TestProject } from 'vitest/node';
import { labFiles } from '../../lab/checkout.ts';
import { openLab, prefixFrom } from '../../lab/lab.ts';
import { timedReport } from '../../lab/progress.ts';
import { forgetFailure, handBack } from '../support/after-failure.ts';

/** Around the suites on labs with systemd, of which each makes a lab of the kind that it wants (see metal-lab.ts). */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  process.env.PITR_LAB ??= 'pitr-metal-test';
  process.env.TESTCONTAINERS_RYUK_DISABLED = 'true';
  // All suites are one run, which has the lab to itself.
  process.env.PITR_SUITES_PID ??= String(process.pid);
  const prefix = prefixFrom(process.env);
  await forgetFailure({ files: labFiles(prefix) });
  return async () => {
    const lab = await openLab(prefix).catch(() => undefined);
    if (lab === undefined) return;
    const report = timedReport((line) => process.stderr.write(`${line}\n`));
    await handBack(lab, project, report);
  };
}
