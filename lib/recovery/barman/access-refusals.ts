import { type CommandEvidence, PitrError } from '../../base/errors/pitr-error.ts';

export function loginFailed(
  remoteSsh: string,
  user: string,
  host: string,
  evidence: CommandEvidence,
): PitrError {
  return new PitrError({
    kind: 'refused',
    code: 'barman-cannot-log-in',
    message: `Barman cannot log in to the database node: ${remoteSsh}`,
    details: ['Without that no backup can be copied there.'],
    host,
    evidence,
    next: [
      `Try it on ${host} as ${user}: ${remoteSsh.replace(/ -q\b/, '')} true`,
      "Barman's public key belongs into the node's authorized_keys, the node's host key into Barman's known_hosts.",
    ],
  });
}

export function rsyncMissing(remoteSsh: string, host: string): PitrError {
  return new PitrError({
    kind: 'refused',
    code: 'rsync-missing',
    message: `rsync is not installed on the database node that ${remoteSsh} leads to`,
    host,
    next: ['Install it there: apt-get install rsync'],
  });
}

export function walNotFetchable(
  failed: readonly { readonly server: string; readonly code: string; readonly text: string }[],
  facts: { readonly method: string; readonly ssh: string; readonly user: string; readonly host: string },
): PitrError {
  const { method, ssh, user, host } = facts;
  const missing = failed.every(({ code }) => code === '127');
  const [user0 = '', at = ''] = ssh.split('@');
  const [first] = failed;
  return new PitrError({
    kind: 'refused',
    code: missing ? 'wal-tool-missing' : 'wal-not-fetchable',
    message: missing
      ? `${method === 'barman-wal-restore' ? 'barman-wal-restore' : 'ssh'} is not installed on this host`
      : `PostgreSQL could not fetch WAL from here: ${failed.map(({ server }) => server).join(', ')}`,
    details: failed.map(
      ({ server, code, text }) => `${server}: exit code ${code}${text === '' ? '' : `, ${text}`}`,
    ),
    host,
    next: missing
      ? ['Install it: apt-get install barman-cli openssh-client']
      : [
          method === 'barman-wal-restore'
            ? `Try it on ${host} as ${user}: barman-wal-restore --test -U ${user0} ${at} ${first?.server} 000000010000000000000001 x`
            : `Try it on ${host} as ${user}: ssh ${ssh} barman get-wal --test ${first?.server} 000000010000000000000001`,
        ],
  });
}
