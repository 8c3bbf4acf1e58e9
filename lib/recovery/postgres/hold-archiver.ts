import type { WriteHost } from '../../contract/host.ts';

/**
 * Since its first version the archiver begins no command after a SIGTERM (pgarch.c, "Do not initiate any more archive
 * commands after receiving SIGTERM"); one that it has begun goes on. Where no shutdown follows, it ends itself after a
 * minute, and the postmaster starts another one.
 */
const HOLD = `
read -r postmaster <"$1/postmaster.pid" || exit 3
set -f
for status in $(set +f; grep -sl "^PPid:[[:space:]]*$postmaster$" /proc/[0-9]*/status); do
  of=\${status%/status}
  set -- $(tr '\\0' ' ' <"$of/cmdline")
  # Its title ends with what it did last; a client may be called archiver, too.
  case "$*" in
  'postgres: '*archiver|'postgres: '*'archiver last was '*|'postgres: '*'archiver archiving '*|'postgres: '*'archiver failed on '*)
    kill -TERM "\${of#/proc/}" && exit 0 ;;
  esac
done
exit 3`;

/**
 * Lets a PostgreSQL that is about to be stopped archive nothing more: it would wait for its last segment while nobody can
 * write. What it leaves lies in pg_wal. Where it has no archiver, nothing is done.
 */
export async function holdArchiver(
  host: WriteHost,
  { pgdata, user }: { readonly pgdata: string; readonly user: string },
  signal: AbortSignal,
): Promise<void> {
  await host.run(['sh', '-c', HOLD, 'sh', pgdata], { user, signal, timeoutMs: PATIENCE_MS });
}

/** It only saves time. */
const PATIENCE_MS = 5000;
