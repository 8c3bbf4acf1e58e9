import type { PitrErrorJson } from '../../lib/base/errors/pitr-error.ts';
import { type PitrResult, pitr, runError } from './pitr.ts';

export interface Played extends PitrResult {
  readonly error: PitrErrorJson | undefined;
  readonly runId: string;
}

/** Plays a playbook on a lab, with consent to everything, and says how it ended. */
export async function play(
  inventory: string,
  playbook: string,
  vars: Readonly<Record<string, string>>,
  ...more: readonly string[]
): Promise<Played> {
  const extra = Object.entries(vars).flatMap(([name, value]) => ['-e', `${name}=${value}`]);
  return told(['play', playbook, '-i', inventory, '--output', 'json', '--yes', ...extra, ...more]);
}

/** Any other command of pitr, with consent to everything. */
export async function told(words: readonly string[]): Promise<Played> {
  const run = await pitr(words);
  return {
    ...run,
    error: runError(run.events),
    runId: run.events.find((event) => event.type === 'run.started')?.runId ?? '',
  };
}
