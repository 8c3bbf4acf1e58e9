import type { ReadHost } from '../../contract/host.ts';
import { probeScript } from '../../contract/probe.ts';
import type { InstanceState } from './instance.ts';

// proc_pid_stat(5), fields 14 and 15.
const TICKS = probeScript(`
for pid do
  { tr '\\0' ' ' <"/proc/$pid/cmdline" | grep -qa '^postgres: \\(.*: \\)\\{0,1\\}startup' && read -r stat <"/proc/$pid/stat"; } 2>/dev/null || continue
  set -- \${stat##*) }
  echo "$((\${12} + \${13}))"
  exit 0
done
exit 0`);

/**
 * The CPU time that the startup process of an instance has had. It grows while that works, also where it logs nothing:
 * PostgreSQL 12 to 14 say no word while they sync each file of restored data. Empty where there is none, or it is not to be seen.
 */
export async function startupWork(
  host: ReadHost,
  user: string,
  { processes = [] }: Pick<InstanceState, 'processes'>,
): Promise<string> {
  return (await host.query(TICKS(processes.map(String), { user }))).stdout.trim();
}
