import { sql } from './cluster.ts';
import { LabError } from './error.ts';
import type { Lab } from './lab.ts';
import type { DatabaseHost } from './topology.ts';
import { waitFor } from './wait.ts';

/** A base backup of a Barman server. */
export interface BaseBackup {
  readonly id: string;
  readonly server: string;
  readonly endedAt: Date;
}

const asBarman = { user: 'barman' } as const;

/**
 * Closes the leader's current WAL segment and waits until Barman has it in its archive; returns the
 * segment's name. Throws a LabError when it does not arrive within three minutes.
 */
export async function archiveCurrentWal(lab: Lab, leader: DatabaseHost): Promise<string> {
  const server = lab.shape.barmanServer(leader);
  // A statement of its own: together with others the switch would come before their commit.
  const segment = await sql(lab, leader, 'select pg_walfile_name(pg_switch_wal() - 1)');
  // What has arrived is moved into wals/ now, instead of at the next `barman cron`. Barman moves the
  // file first and writes xlog.db last (by the server's name since 3.13), and looks into xlog.db before it agrees to a backup.
  const script = `cd "/var/lib/barman/$1" || exit
    if test -e "incoming/$2" || test -e "streaming/$2"; then barman -q archive-wal "$1"; fi
    grep -qs "^$2" wals/xlog.db "wals/$1-xlog.db"`;
  await waitFor({
    what: `Barman to archive ${segment} of ${leader}`,
    // After three failures PostgreSQL lets a minute pass before it tries again.
    deadlineMs: 180_000,
    everyMs: 200,
    attempt: async () =>
      (await lab.exec('barman', ['sh', '-c', script, 'sh', server, segment], asBarman)).exitCode,
    done: (exitCode) => exitCode === 0,
    describe: () => 'it is not in the archive yet',
  });
  return segment;
}

/** Makes a base backup of the leader and waits until it is DONE. Throws a LabError with Barman's words. */
export async function takeBackup(lab: Lab, leader: DatabaseHost): Promise<BaseBackup> {
  const server = lab.shape.barmanServer(leader);
  await lab.mustExec('barman', ['barman', 'backup', '--wait', '--wait-timeout', '120', server], {
    ...asBarman,
    deadlineMs: 300_000,
  });
  const backup = (await finishedBackups(lab)).filter((made) => made.server === server).at(-1);
  if (!backup) throw new LabError(`Barman made a backup of ${leader} but lists none that is DONE`);
  return backup;
}

/** All backups that are DONE, on any server, oldest first. */
export async function finishedBackups(lab: Lab): Promise<BaseBackup[]> {
  return parseBackups(await lab.mustExec('barman', ['barman', '-f', 'json', 'list-backup', 'all'], asBarman));
}

interface BackupDocument {
  readonly backup_id: string;
  readonly status: string;
  readonly end_time_timestamp?: string;
}

/** Reads `barman -f json list-backup`. */
export function parseBackups(json: string): BaseBackup[] {
  const document = JSON.parse(json) as Record<string, BackupDocument[] | undefined>;
  return Object.entries(document)
    .flatMap(([server, backups = []]) =>
      backups
        .filter(({ status }) => status === 'DONE')
        .map((backup) => ({
          id: backup.backup_id,
          server,
          endedAt: new Date(Number(backup.end_time_timestamp ?? 0) * 1000),
        })),
    )
    .sort((a, b) => a.endedAt.getTime() - b.endedAt.getTime());
}

/** `barman check` of every server: the names of the checks that failed. */
export async function failedChecks(lab: Lab): Promise<Record<string, string[]>> {
  // Exit code 1 only says that some check failed: a replica's server always has one.
  const { stdout } = await lab.exec('barman', ['barman', '-f', 'json', 'check', 'all'], asBarman);
  return parseChecks(stdout);
}

/** Reads `barman -f json check`. */
export function parseChecks(json: string): Record<string, string[]> {
  const document = JSON.parse(json) as Record<string, Record<string, { status: string }>>;
  return Object.fromEntries(
    Object.entries(document).map(([server, checks]) => [
      server,
      Object.entries(checks)
        .filter(([, { status }]) => status !== 'OK')
        .map(([check]) => check),
    ]),
  );
}
