import { answeringEngine, ensureEngine } from '../../lab/engine.ts';
import { imageExists } from '../../lab/engine-images.ts';
import { ensureImage, imageName } from '../../lab/image.ts';
import type { Report } from '../../lab/progress.ts';
import { waitFor } from '../../lab/wait.ts';

/**
 * Sees to a Docker engine and the lab's image. Beside other suites (test/run.mjs says so by `PITR_BESIDE`) it is left to
 * them to install and to build, and is waited for.
 */
export async function engineForTests(report: Report): Promise<void> {
  if (process.env.PITR_BESIDE === undefined) {
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
