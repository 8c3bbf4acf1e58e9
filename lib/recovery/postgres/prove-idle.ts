import type { ReadHost } from '../../contract/host.ts';
import { probeScript } from '../../contract/probe.ts';
import { PRESENCE } from '../../system/fs/presence.ts';
import { refuseUnlessIdle } from './at-work.ts';
import { AT_WORK } from './at-work-script.ts';

const LOOK_BELOW = probeScript(`${PRESENCE}${AT_WORK}
if [ -d "$1" ]; then postgres_at_work "$1" below; exit; fi
presence "$1"; case $? in 2) exit 3 ;; esac
echo '@working no'`);

/**
 * Throws kind `refused` where PostgreSQL works in a directory or below it (`postgres-at-work`), or where nobody can tell
 * (`postgres-at-work-unknown`). What is no directory is idle. `left`: what is not done then, in a few words.
 */
export async function proveIdle(host: ReadHost, path: string, left: string): Promise<void> {
  refuseUnlessIdle(await host.query(LOOK_BELOW([path])), path, left);
}
