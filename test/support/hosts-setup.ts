import { answeringEngine, ensureEngine } from '../../lab/engine.ts';
import { imageExists } from '../../lab/engine-images.ts';
import { ensureImage, imageName } from '../../lab/image.ts';
import { timedReport } from '../../lab/progress.ts';
import { waitFor } from '../../lab/wait.ts';

/**
 * What the suites on hosts of their own need: a Docker engine and the lab's image. Beside the suites on the lab
 * (test/run.mjs says so by `PITR_BESIDE`) it is left to them to install and to build.
 */
export async function setup(): Promise<void> {
  process.env.TESTCONTAINERS_RYUK_DISABLED = 'true';
  if (process.env.PITR_BESIDE === undefined) {
    const report = timedReport((line) => process.stderr.write(`${line}\n`));
    await ensureImage(await ensureEngine(report), report);
    return;
  }
  const image = await imageName();
  await waitFor({
    what: `the Docker engine and ${image}`,
    deadlineMs: 15 * 60_000,
    everyMs: 1000,
    attempt: async () => {
      const engine = await answeringEngine();
      return engine !== undefined && (await imageExists(engine, image));
    },
    done: (there) => there,
    describe: () => 'it is not there yet',
  });
}
