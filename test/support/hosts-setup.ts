import { timedReport } from '../../lab/progress.ts';
import { engineForTests } from './engine-for-tests.ts';

/** What the suites on hosts of their own need: a Docker engine and the lab's image. */
export async function setup(): Promise<void> {
  process.env.TESTCONTAINERS_RYUK_DISABLED = 'true';
  await engineForTests(timedReport((line) => process.stderr.write(`${line}\n`)));
}
