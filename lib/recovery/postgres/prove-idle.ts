import type { ReadHost } from '../../contract/host.ts';
import { probeScript } from '../../contract/probe.ts';
import { refuseAtWork } from './at-work.ts';
import { AT_WORK } from './at-work-script.ts';

const LOOK_BELOW = probeScript(`${AT_WORK}
[ ! -d "$1" ] || postgres_at_work "$1" below`);

/**
 * Throws kind `refused` where PostgreSQL works in a directory or below it (`postgres-at-work`), or where nobody can tell
 * (`postgres-at-work-unknown`). What is no directory is idle. `left`: what is not done then, in a few words.
 */
export async function proveIdle(host: ReadHost, path: string, left: string): Promise<void> {
  refuseAtWork(await host.query(LOOK_BELOW([path])), path, left);
}
