import { type CommandEvidence, PitrError } from '../../base/errors/pitr-error.ts';
import { type HostIdentity, identityWords } from '../../system/core/host-identity.ts';

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

interface ReachedHost {
  readonly remoteSsh: string;
  /** Barman's user, and its host. */
  readonly user: string;
  readonly host: string;
  readonly node: string;
  readonly own: HostIdentity;
  readonly reached: HostIdentity;
}

export function loginElsewhere({ remoteSsh, user, host, node, own, reached }: ReachedHost): PitrError {
  return new PitrError({
    kind: 'refused',
    // The way from Barman's host to the node ends on another host, onto which the backup would be copied.
    code: 'login-elsewhere',
    message: `restore_ssh of ${node} leads to another host: ${reached.name ?? 'one that does not tell its name'}`,
    details: [
      `${node} says that it is ${identityWords(own)}.`,
      `${remoteSsh} leads to ${identityWords(reached)}.`,
      'A backup for the one would be copied onto the other.',
    ],
    host,
    next: [
      `Let restore_ssh of ${node} in the inventory lead to ${node}; an alias may stand in ~/.ssh/config of ${user} on ${host}.`,
      `See where it leads, on ${host} as ${user}: ${remoteSsh} uname -n`,
    ],
  });
}

export function loginHostUnknown({ remoteSsh, user, host, node, own, reached }: ReachedHost): PitrError {
  return new PitrError({
    kind: 'failed',
    // Either the node or the host that Barman's login leads to does not tell its name.
    code: 'login-host-unknown',
    message: `cannot tell whether restore_ssh of ${node} leads there`,
    details: [
      `${node} says that it is ${identityWords(own)}.`,
      `${remoteSsh} leads to ${identityWords(reached)}.`,
    ],
    host,
    next: [
      `Both must tell their name: pitr exec ${node} -- uname -n; and on ${host} as ${user}: ${remoteSsh} uname -n`,
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
