import { PitrError } from '../../base/errors/pitr-error.ts';
import type { WriteHost } from '../../contract/host.ts';
import type { WorkContext } from '../../contract/module.ts';
import { evidenceOf } from '../../transport/command-failed.ts';
import { watchSize } from '../barman/watch-size.ts';
import type { Member } from './cluster.ts';
import { patroniPython } from './config-file.ts';
import { CONNINFO } from './conninfo-python.ts';

/** Beside the data directory: what lies in the directory itself is whole. */
export function copyBeside(pgdata: string): string {
  return `${pgdata}.pitr-copy`;
}

// As Patroni's own base backup does it, with its login for replication and its options (basebackup).
const COPY = `${CONNINFO}
import subprocess
target, pg_basebackup, host, port = sys.argv[2:6]
postgresql = part("postgresql")
dsn, environment = conninfo(
    (postgresql.get("authentication") or {}).get("replication"),
    {"host": host, "port": port, "application_name": "pitr-copy"})
given = postgresql.get("basebackup") or []
pairs = []
for one in [given] if isinstance(given, dict) else given:
    pairs += list(one.items()) if isinstance(one, dict) else [(one, None)]
refused = ("pgdata", "format", "wal-method", "xlog-method", "gzip", "version", "compress", "dbname", "host", "port",
           "username", "password")
options = ["--%s" % key if value is None else "--%s=%s" % (key, value) for key, value in pairs if key not in refused]
if not any(key == "checkpoint" for key, _ in pairs):
    options.append("--checkpoint=fast")
sys.exit(subprocess.call([pg_basebackup, "--pgdata=" + target, "-X", "stream", "--no-password", "--dbname=" + dsn] + options, env=environment))
`;

// The control file of a copy says "in production", and Patroni answers that with crash recovery in single-user mode: a
// checkpoint of its own, on the leader's timeline, in a history that is the leader's no more (seen with 3.0.2). So the
// copy is started once as a standby that nobody reaches, with a configuration of its own, and shut down as one.
const RUN = `${patroniPython(COPY)}
# Where the options put the WAL of the copy elsewhere (waldir), the link in the copy says where: nobody else has linked it.
clear() {
  [ ! -L "$copy/pg_wal" ] || find "$copy/pg_wal/" -mindepth 1 -delete
  rm -rf -- "$copy" "$run"
}
fail() { echo "$2" >&2; cat "$run/log" >&2; clear; exit "$1"; }
config=$1; copy=$2; bin=$3; host=$4; port=$5; pgdata=$6; run=$copy.run
[ ! -e "$pgdata" ] || { echo "$pgdata is there already" >&2; exit 1; }
clear && mkdir -m 0700 -- "$run" && : > "$run/log" || exit
patroni_python "$config" "$copy" "$bin/pg_basebackup" "$host" "$port" || fail $? "pg_basebackup has failed"
: > "$copy/standby.signal" && : > "$run/conf" && echo "local all all reject" > "$run/hba" || fail 1 "no space?"
set -- "config_file=$run/conf" "hba_file=$run/hba" "unix_socket_directories=$run" listen_addresses= hot_standby=off
options=
for setting do options="$options -c '$setting'"; done
"$bin/pg_ctl" -D "$copy" -w -s -t 600 -l "$run/log" -o "$options" start &&
  "$bin/pg_ctl" -D "$copy" -w -s -t 600 -m fast stop || fail 1 "the copy could not be started and shut down as a standby"
case $(LC_ALL=C "$bin/pg_controldata" "$copy") in
*"shut down in recovery"*) ;;
*) fail 1 "the copy was not shut down as a standby" ;;
esac
rm -rf -- "$run" "$copy/postmaster.opts"
mv -T -n -- "$copy" "$pgdata" && [ ! -e "$copy" ]`;

export interface CopyOrder {
  readonly pgdata: string;
  readonly bin: string;
  readonly user: string;
  readonly config: string;
}

/**
 * Copies the leader's data into a directory that is not there yet, with pg_basebackup and Patroni's own login for
 * replication. What lies in the directory is a whole copy, or nothing. Throws kind `failed` (`copy-failed`).
 */
export async function copyFromLeader(
  host: WriteHost,
  { pgdata, bin, user, config }: CopyOrder,
  leader: Member,
  context: Pick<WorkContext, 'signal' | 'progress'>,
): Promise<void> {
  const beside = copyBeside(pgdata);
  const watched = watchSize(host, beside, user, (_bytes, grown) =>
    context.progress(`copied from ${leader.name}: ${grown}`),
  );
  const words = [config, beside, bin, leader.host ?? leader.name, String(leader.port ?? 5432), pgdata];
  const copied = await host
    .run(['sh', '-c', RUN, 'sh', ...words], { user, cwd: '/', signal: context.signal, ownChannel: true })
    .finally(() => watched.stop());
  if (copied.exitCode === 0) return;
  throw new PitrError({
    kind: 'failed',
    code: 'copy-failed',
    message: `the data of ${leader.name} could not be copied to ${pgdata}`,
    host: host.name,
    evidence: {
      ...evidenceOf(copied),
      command: `pg_basebackup --pgdata=${beside} -X stream --dbname='host=${leader.host ?? leader.name} port=${leader.port ?? 5432} ...'`,
    },
    state: `Nothing lies in ${pgdata}.`,
    next: [
      `The login is postgresql.authentication.replication of ${config}; ${leader.name} must let it in (pg_hba.conf).`,
    ],
  });
}
