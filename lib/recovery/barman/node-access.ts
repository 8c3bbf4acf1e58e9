import { PitrError } from '../../base/errors/pitr-error.ts';
import type { ReadHost } from '../../contract/host.ts';
import { probeScript } from '../../contract/probe.ts';
import { reportOf } from '../../contract/script-report.ts';
import {
  type HostIdentity,
  identityIn,
  identityOf,
  isSameHost,
  TELL_IDENTITY,
} from '../../system/core/host-identity.ts';
import { evidenceOf } from '../../transport/command-failed.ts';
import type { WalMethod } from '../postgres/params.ts';
import {
  loginElsewhere,
  loginFailed,
  loginHostUnknown,
  rsyncMissing,
  walNotFetchable,
} from './access-refusals.ts';
import { shellWords, testedSsh } from './ssh-words.ts';

const LOOK_AROUND = `echo "@user $(id -un)"; ${TELL_IDENTITY}; echo "@rsync $(command -v rsync)"; echo @end`;
const LOGIN = probeScript('look=$1; shift; exec "$@" "$look"');

/** What a login from Barman's host to a node has found. */
export interface NodeLogin {
  readonly user: string | undefined;
  readonly host: HostIdentity;
  readonly rsync: string;
}

/**
 * Logs in from Barman's host to a node, as Barman would to restore onto it, and looks for rsync there. Throws kind
 * `refused` where that is not possible.
 */
export async function loginOf(host: ReadHost, remoteSsh: string, user: string): Promise<NodeLogin> {
  const words = testedSsh(wordsOf(remoteSsh));
  const result = await host.query(LOGIN([LOOK_AROUND, ...words], { user, timeoutMs: 30_000 }));
  const evidence = evidenceOf({ ...result, argv: words });
  if (result.exitCode !== 0) throw loginFailed(remoteSsh, user, host.name, evidence);
  // A login banner may stand before the answer.
  const answer = result.stdout.slice(Math.max(0, result.stdout.indexOf('@user ')));
  const parts = reportOf({ ...result, stdout: answer }, host.name, `where ${remoteSsh} leads to`);
  const facts = new Map(parts.map(({ kind, rest }) => [kind, rest]));
  const rsync = facts.get('rsync') ?? '';
  if (rsync === '') throw rsyncMissing(remoteSsh, host.name);
  return { user: facts.get('user'), host: identityIn(parts), rsync };
}

/**
 * Proves that this login from Barman's host leads to that node and to no other: a backup is copied wherever it leads.
 * Throws kind `refused` where it does not, and `failed` where that cannot be told.
 */
export async function loginToNode(
  host: ReadHost,
  remoteSsh: string,
  user: string,
  node: ReadHost,
): Promise<NodeLogin> {
  const login = await loginOf(host, remoteSsh, user);
  const own = await identityOf(node);
  const same = isSameHost(own, login.host);
  const about = { remoteSsh, user, host: host.name, node: node.name, own, reached: login.host };
  if (same === 'unknown') throw loginHostUnknown(about);
  if (same === 'no') throw loginElsewhere(about);
  return login;
}

function wordsOf(remoteSsh: string): readonly string[] {
  try {
    return shellWords(remoteSsh);
  } catch (cause) {
    throw new PitrError({
      kind: 'validation',
      // The text of remote_ssh is not a command: a quote is not closed, or it needs a shell.
      code: 'remote-ssh-unreadable',
      message: cause instanceof Error ? cause.message : String(cause),
      cause,
    });
  }
}

// Arguments: method, user and host of Barman, servers. All at once: each login takes a quarter of a second or more.
const FETCH = probeScript(`
method=$1 user=$2 at=$3; shift 3
for server do
  {
    if [ "$method" = barman-wal-restore ]; then
      out=$(barman-wal-restore --test -U "$user" "$at" "$server" 000000010000000000000001 unused 2>&1)
    else
      out=$(ssh -o BatchMode=yes -o ConnectTimeout=10 -o LogLevel=ERROR "$user@$at" barman get-wal --test "$server" 000000010000000000000001 2>&1)
    fi
    printf '%s\\t%s\\t%s\\n' "$?" "$server" "$(printf %s "$out" | tr '\\n\\t' '  ' | tail -c 500)"
  } &
done
wait`);

/** How a node asks Barman for WAL. */
export interface FetchWish {
  /** user@host */
  readonly ssh?: string | undefined;
  readonly servers?: readonly string[] | undefined;
  readonly wal_method: WalMethod;
  /** The OS user that PostgreSQL runs as. */
  readonly pg_user: string;
}

/**
 * Proves on a node that PostgreSQL's user can fetch WAL of every server, by the method's own test. Throws kind `refused`
 * naming the servers of which it cannot.
 */
export async function fetchable(host: ReadHost, wish: FetchWish): Promise<readonly string[]> {
  const { ssh, servers, wal_method: method, pg_user: user } = wish;
  if (method === 'local') return [];
  if (ssh === undefined || servers === undefined) {
    throw new PitrError({
      kind: 'validation',
      code: 'access-underspecified',
      message: 'barman.access needs remote_ssh (on the Barman host), or ssh and servers (on a database node)',
      next: ['Set the variables barman_ssh and barman_servers, or give the params.'],
    });
  }
  if (!servers.every((server) => /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/.test(server)))
    throw new PitrError({
      kind: 'validation',
      code: 'server-name-invalid',
      message: `not names of Barman servers: ${servers.join(', ')}`,
    });
  const [name = '', at = ''] = ssh.split('@');
  const result = await host.query(FETCH([method, name, at, ...servers], { user, timeoutMs: 60_000 }));
  const answers = result.stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.split('\t'));
  const silent = servers.filter((server) => !answers.some((answer) => answer[1] === server));
  const failed = answers.flatMap(([code = '?', server = '', text = '']) =>
    code === '0' ? [] : [{ server, code, text: text.trim() }],
  );
  // No answer in time is no refusal.
  if (silent.length > 0 && failed.length === 0) {
    throw new PitrError({
      kind: 'failed',
      // The test gave no answer in time, which is neither a yes nor a no.
      code: 'wal-fetch-unknown',
      message: `cannot tell whether PostgreSQL can fetch WAL from here: no answer for ${silent.join(', ')}`,
      host: host.name,
      evidence: {
        ...evidenceOf({ ...result, argv: ['sh', `(the test of ${method})`] }),
        timedOut: result.timedOut,
      },
      next: [`Try it on ${host.name} as ${user}: ssh -o BatchMode=yes ${ssh} true`],
    });
  }
  if (failed.length > 0) throw walNotFetchable(failed, { method, ssh, user, host: host.name });
  return servers;
}
