import { PitrError } from '../../base/errors/pitr-error.ts';
import type { ReadHost } from '../../contract/host.ts';
import { probeScript } from '../../contract/probe.ts';
import { evidenceOf } from '../../transport/command-failed.ts';
import { patroniPython } from './config-file.ts';

// realpath: a link to the data directory is the data directory.
const ASK = probeScript(`
${patroniPython(`
there = part("postgresql").get("data_dir")
if not there:
    sys.exit("postgresql.data_dir is not set there")
print("same" if os.path.realpath(there) == os.path.realpath(sys.argv[2]) else "other")
`)}
patroni_python "$1" "$2"`);

/**
 * Whether a node's Patroni is configured to keep its data in a directory (absolute path). Throws kind `refused`
 * (`data-directory-unknown`) where its configuration does not tell.
 */
export async function keepsDataAt(host: ReadHost, config: string, pgdata: string): Promise<boolean> {
  const asked = await host.query(ASK([config, pgdata], { timeoutMs: 20_000 }));
  const said = asked.stdout.trim();
  if (asked.exitCode === 0 && (said === 'same' || said === 'other')) return said === 'same';
  throw new PitrError({
    kind: 'refused',
    code: 'data-directory-unknown',
    message: `Patroni runs and is silent, and no PostgreSQL works in ${pgdata}: cannot tell whether its data lies there`,
    host: host.name,
    evidence: { ...evidenceOf(asked), command: `(a look into ${config})` },
    next: [
      `See what Patroni says: curl -s http://127.0.0.1:8008/patroni (at its own port), and postgresql.data_dir in ${config}.`,
      'Set patroni_config in the inventory, and let the task read it as root or as the owner of that file.',
    ],
  });
}
