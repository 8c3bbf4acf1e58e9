import { type CommandEvidence, PitrError } from '../../base/errors/pitr-error.ts';
import type { IdleLine } from './config.ts';

/** What Barman itself makes impossible: it is not there, does not answer, or cannot be read. */

export function barmanNotFound(host: string, searched: string): PitrError {
  return new PitrError({
    kind: 'failed',
    code: 'barman-command-missing',
    message: 'the command barman is not installed on this host, or not on the PATH of its user',
    details: searched === '' ? [] : [searched],
    host,
    next: [
      'Check that barman_host in the inventory names the Barman host.',
      'Install it there: apt-get install barman',
    ],
  });
}

export function barmanNotAnswering(host: string, evidence: CommandEvidence, cause?: unknown): PitrError {
  return new PitrError({
    kind: 'failed',
    code: 'barman-not-answering',
    message: 'Barman could not be asked for its backups (this does not mean that there are none)',
    details: cause instanceof Error ? [cause.message] : [],
    host,
    evidence,
    next: [`Log in to ${host} as Barman's user and try: barman list-servers`],
  });
}

export function configBroken(
  host: string,
  files: readonly string[],
  evidence: CommandEvidence | undefined,
  unread: readonly string[] = [],
): PitrError {
  const where = files.length === 0 ? 'No configuration file was found.' : `Read: ${files.join(', ')}`;
  return new PitrError({
    kind: 'failed',
    code: 'barman-config-broken',
    message: "Barman's configuration cannot be used",
    details: [
      where,
      ...unread.map((name) => `Barman knows the server "${name}", which is in none of these files.`),
    ],
    host,
    evidence,
    next: [`Repair it on ${host} until this works as Barman's user: barman list-servers`],
  });
}

export function archiveUnreadable(host: string, server: string, text: string): PitrError {
  return new PitrError({
    kind: 'failed',
    code: 'barman-archive-unreadable',
    message: `the archive of Barman server "${server}" cannot be read, so nothing can be said about what is in it`,
    details: text.split('\n').slice(0, 5),
    host,
    next: [
      'Check owner and mode of the directory, and that barman_user is the user that Barman runs as.',
      ofAnotherCluster(server),
    ],
  });
}

function ofAnotherCluster(server: string): string {
  return `If ${server} is of another cluster, name the servers of yours, and not this one: barman_servers in the inventory, or -e '{"barman_servers": ["NAME"]}'`;
}

/** Since Barman 3.18: what lies there is in no directory of Barman's host. */
export function archiveInCloud(host: string, server: string, place: string): PitrError {
  return new PitrError({
    kind: 'refused',
    code: 'barman-archive-in-cloud',
    message: `Barman server "${server}" keeps backups or WAL in ${place}, which pitr does not read: nothing can be said about what is in it`,
    host,
    next: [
      ofAnotherCluster(server),
      'If it is of this cluster, recover it with Barman itself: barman restore --help',
    ],
  });
}

/** What an idle server means, by kind. */
export const IDLE_WORDS: Readonly<Record<IdleLine['kind'], string>> = {
  inactive: 'it is switched off',
  passive: 'it is a copy of a server of another Barman, and has no archiver of its own',
};

/** How an idle server is made to work, a line each. */
export function idleMends(idle: readonly IdleLine[]): readonly string[] {
  return idle.map(({ kind, line, file }) => {
    const where = file === undefined ? "in Barman's configuration" : `in ${file}`;
    return kind === 'inactive' ? `Put active = true for "${line}" ${where}.` : `Remove "${line}" ${where}.`;
  });
}

/** What an idle server is good for all the same; nothing where it is switched off, for then Barman gives nothing of it either. */
export function idleStill(idle: readonly IdleLine[]): string | undefined {
  return idle.some(({ kind }) => kind === 'inactive')
    ? undefined
    : 'What it holds can be recovered from all the same.';
}

/** Refuses where Barman passes over a server: it would end with success, and have done nothing. */
export function refuseIdle(
  { name, idle }: { readonly name: string; readonly idle: readonly IdleLine[] },
  host: string,
): void {
  if (idle.length === 0) return;
  const still = idleStill(idle);
  throw new PitrError({
    kind: 'refused',
    code: 'barman-server-idle',
    message: `Barman archives nothing for server "${name}" and takes no backup of it: ${idle.map(({ kind }) => IDLE_WORDS[kind]).join(', and ')}`,
    details: [
      'Barman passes over such a server and ends with success.',
      ...(still === undefined ? [] : [still]),
    ],
    host,
    next: [
      ...idleMends(idle),
      'Or name another server of this node: barman_server in the inventory. Its archive_command must lead there.',
    ],
  });
}

/** A command of Barman that ended badly for a reason that only its own words tell. */
export function barmanCommandFailed(
  host: string,
  exitCode: number | undefined,
  evidence: CommandEvidence,
): PitrError {
  if (exitCode === 127) return barmanNotFound(host, '');
  return new PitrError({
    kind: 'failed',
    code: 'barman-command-failed',
    message: `Barman failed: ${evidence.command}`,
    host,
    evidence,
    next: [`Barman's own log tells more: on ${host}, tail -n 50 /var/log/barman/barman.log`],
  });
}

export function walNotSwitched(server: string, host: string, evidence: CommandEvidence): PitrError {
  return new PitrError({
    kind: 'failed',
    code: 'wal-not-switched',
    message: `no WAL segment of server ${server} was closed, so archiving could not be tested`,
    details: ['Only a leader can close a segment: the server of a standby is of no use here.'],
    host,
    evidence,
    next: ["Name the leader's Barman server (pitr status shows the leader)."],
  });
}

export function walNotArchived(
  wal: string,
  server: string,
  seconds: number,
  host: string,
  evidence: CommandEvidence,
): PitrError {
  return new PitrError({
    kind: 'failed',
    code: 'wal-not-archived',
    message: `WAL is not archived: ${wal} of server ${server} did not arrive within ${seconds} s`,
    host,
    evidence,
    next: [
      'On the leader: select last_failed_wal, last_failed_time from pg_stat_archiver; and its log tells why.',
      `On ${host}: barman check ${server}`,
    ],
  });
}

export function backupFailed(
  server: string,
  made: { readonly id: string; readonly status: string; readonly error?: string | undefined } | undefined,
  host: string,
  evidence: CommandEvidence,
): PitrError {
  const waiting = made?.status === 'WAITING_FOR_WALS';
  return new PitrError({
    kind: 'failed',
    code: waiting ? 'backup-waits-for-wal' : 'backup-failed',
    message: waiting
      ? `backup ${made.id} of ${server} is copied, but the WAL that it needs did not arrive: it is not DONE`
      : `the backup of ${server} failed`,
    details:
      made === undefined
        ? []
        : [`${made.id}: ${made.status}${made.error === undefined ? '' : `, ${made.error}`}`],
    host,
    evidence,
    next: waiting
      ? ['See whether the leader archives (pg_stat_archiver), then on the Barman host: barman cron']
      : [`Barman's own log tells more: on ${host}, tail -n 50 /var/log/barman/barman.log`],
  });
}

export function backupOfStandby(server: string, host: string): PitrError {
  return new PitrError({
    kind: 'refused',
    code: 'backup-of-standby',
    message: `${server} is the Barman server of a standby, whose WAL is not archived: a backup of it would never be DONE`,
    host,
    next: [
      "Name the leader's Barman server (pitr status shows the leader).",
      'Where standbys archive too (archive_mode=always): standby: true',
    ],
  });
}
