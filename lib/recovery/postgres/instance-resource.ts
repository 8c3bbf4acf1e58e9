import { PitrError } from '../../base/errors/pitr-error.ts';
import type { ReadHost, Resource } from '../../contract/host.ts';
import { type Probe, probeScript } from '../../contract/probe.ts';
import { isBrokenOff, lookBrokenOff } from '../../contract/script-report.ts';
import { PRESENCE } from '../../system/fs/presence.ts';
import { evidenceOf } from '../../transport/command-failed.ts';
import { quote } from '../../transport/quote.ts';
import type { RunResult } from '../../transport/types.ts';
import { blindRefusal, parseAtWork } from './at-work.ts';
import { AT_WORK } from './at-work-script.ts';
import { type InstanceState, KEPT_HBA_FILE, NO_INSTANCE, parseInstance } from './instance.ts';

// What proves that an instance runs is a process that works in its directory, not a file that a crash leaves behind.
// Its small files are read by the shell itself: many looks are made, and each program that is started costs more than they.
const LOOK = probeScript(`${PRESENCE}${AT_WORK}
lines() { while IFS= read -r line || [ -n "$line" ]; do printf '%s\\n' "$line"; done <"$1"; }
d=$1
presence "$d"; case $? in 1) echo @absent; exit 0 ;; 2) exit 3 ;; esac
cd -- "$d" 2>/dev/null || { echo "cannot enter $d: $(ls -ld -- "$d" 2>&1)" >&2; exit 3; }
postgres_at_work "$d"
presence PG_VERSION; case $? in 1) exit 0 ;; 2) exit 3 ;; esac
# A crash may leave it empty; but what the shell could not read looks the same.
version=$(lines PG_VERSION) && { [ -n "$version" ] || cat PG_VERSION >/dev/null; } || { echo "cannot read $d/PG_VERSION" >&2; exit 3; }
echo "@version $version"
echo @files
for file in backup_label standby.signal recovery.signal ${KEPT_HBA_FILE}; do [ -e "$file" ] && echo "$file"; done
grep -q '^restore_command.*pitr: absent' postgresql.auto.conf 2>/dev/null && echo pitr-recovery
[ -e "$d.pitr-run/pg_hba.conf" ] && echo pitr-run
[ -e "$d.pitr-run/postgresql.log" ] && grep -aqs 'because of insufficient parameter settings' "$d.pitr-run/postgresql.log" && echo pitr-paused-by-settings
program=
if [ -f postmaster.opts ]; then echo @opts; lines postmaster.opts; read -r program rest < postmaster.opts; fi
if [ -f postmaster.pid ]; then echo @pidfile; lines postmaster.pid; fi
for programs in "\${program%/*}" "/usr/lib/postgresql/$version/bin" "/usr/pgsql-$version/bin"; do
  if [ -x "$programs/pg_controldata" ]; then
    echo "@programs $programs"; echo @control; LC_ALL=C "$programs/pg_controldata" . ; break
  fi
done
exit 0`);

/**
 * A PostgreSQL instance by its data directory (absolute path). One round trip. Throws kind `failed`
 * (`data-directory-unreadable`) where the login user may not look into it, or (`look-broken-off`) where the look did not come to
 * its end; kind `refused` (`postgres-at-work-unknown`)
 * where nobody can tell whether it runs.
 */
export const postgresResource: Resource<InstanceState> = {
  kind: 'postgres',
  scope: 'host',
  tree: { absent: NO_INSTANCE },
  read: readInstance,
};

/** The look itself, for who asks for more in the same round trip. */
export function instanceProbe(directory: string): Probe {
  return LOOK([directory], { timeoutMs: 30_000 });
}

async function readInstance(host: ReadHost, directory: string): Promise<InstanceState> {
  return instanceOf(await host.query(instanceProbe(directory)), host.name, directory);
}

/** What the probe has answered. Throws like `postgresResource`. */
export function instanceOf(answer: RunResult, host: string, directory: string): InstanceState {
  if (answer.exitCode === 0) {
    const work = answer.stdout.startsWith('@absent') ? undefined : parseAtWork(answer.stdout);
    if (work?.answer === 'unknown') throw blindRefusal(directory, work.why).with({ host });
    return parseInstance(answer.stdout);
  }
  if (isBrokenOff(answer)) throw lookBrokenOff(answer, host, `the PostgreSQL on ${directory}`);
  throw new PitrError({
    kind: 'failed',
    code: 'data-directory-unreadable',
    message: `cannot look into the data directory ${directory}`,
    host,
    evidence: evidenceOf(answer),
    next: [
      'Let the task become root or the owner of the data directory (become: true).',
      `Or, where it belongs to the wrong user, give it to that of PostgreSQL, on ${host}: chown -R <user>: ${quote(directory)}`,
    ],
  });
}
