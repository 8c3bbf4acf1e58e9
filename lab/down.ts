import { removeEverything } from './containers.ts';
import { answeringEngine } from './engine.ts';
import { forgetFiles } from './lab.ts';

/**
 * Removes every container, network and volume of the lab and its files under `.lab/<prefix>/`; the
 * image stays, for the next time. Returns how many things were removed. Without an engine nothing
 * can be up, so that is no error.
 */
export async function labDown(prefix: string): Promise<number> {
  const engine = await answeringEngine();
  const removed = engine ? await removeEverything(engine, prefix) : 0;
  await forgetFiles(prefix);
  return removed;
}
