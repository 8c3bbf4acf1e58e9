import { prefixFrom } from '../../lab/lab.ts';
import { timedReport } from '../../lab/progress.ts';
import { labUp } from '../../lab/up.ts';

/**
 * The lab that the end-to-end suites share: up before the first one, and left up after the last, so that a second
 * run starts at once and a failure can be looked at. `PITR_LAB` names another one.
 */
export async function setup(): Promise<void> {
  process.env.PITR_LAB ??= 'pitr-test';
  process.env.TESTCONTAINERS_RYUK_DISABLED = 'true';
  await labUp(
    prefixFrom(process.env),
    timedReport((line) => process.stderr.write(`${line}\n`)),
  );
}
