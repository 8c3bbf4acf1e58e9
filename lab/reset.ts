import type { Report } from './progress.ts';
import { labSeed, type Seed } from './seed.ts';
import { type LabUp, recreateLab } from './up.ts';

/**
 * Brings a lab back to fresh and seeded, whatever was done to it: its containers are made anew.
 * The controller's key stays, host keys and ports may change.
 */
export async function resetLab(prefix: string, report: Report): Promise<LabUp & { readonly seed: Seed }> {
  const { result: seed, ...up } = await recreateLab(prefix, report, (lab) => labSeed(lab, report));
  return { ...up, seed };
}
