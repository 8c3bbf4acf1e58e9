import { type CommandEvidence, PitrError } from '../errors/pitr-error.ts';

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
    next: ['Check owner and mode of the directory, and that barman_user is the user that Barman runs as.'],
  });
}
