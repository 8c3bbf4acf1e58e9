import { z } from 'zod';
import { PitrError } from '../../base/errors/pitr-error.ts';
import type { ReadHost } from '../../contract/host.ts';
import { defineLook } from '../../contract/module.ts';
import { probeScript } from '../../contract/probe.ts';
import { parseReport } from '../../contract/script-report.ts';
import { loginFailed, rsyncMissing, walNotFetchable } from '../../recovery/barman/access-refusals.ts';
import { remoteSshParam, userParam } from '../../recovery/barman/params.ts';
import { shellWords, testedSsh } from '../../recovery/barman/ssh-words.ts';
import { login } from '../../recovery/postgres/params.ts';
import { evidenceOf } from '../../transport/command-failed.ts';

const params = z.strictObject({
  remote_ssh: remoteSshParam
    .optional()
    .describe('on the Barman host: how it logs in to the database node, "ssh -q postgres@db2"'),
  user: userParam,
  ssh: login
    .optional()
    .describe('on a database node: how it logs in to Barman, user@host')
    .meta({ variable: 'barman_ssh' }),
  servers: z
    .array(z.string())
    .min(1)
    .optional()
    .describe('on a database node: the Barman servers whose WAL it must be able to fetch')
    .meta({ variable: 'barman_servers' }),
  wal_method: z
    .enum(['barman-wal-restore', 'barman-get-wal', 'local'])
    .default('barman-wal-restore')
    .describe('on a database node: how WAL is fetched; nothing is to be proved for local')
    .meta({ variable: 'wal_method' }),
  pg_user: z
    .string()
    .default('postgres')
    .describe('on a database node: the OS user that PostgreSQL runs as')
    .meta({ variable: 'pg_user' }),
});

type Params = z.output<typeof params>;

export const module = defineLook({
  summary: 'Proves that Barman and a database node can log in to each other, or refuses.',
  description: `With \`remote_ssh\`, on the Barman host: that Barman's user can log in to the node and finds rsync there.
Without it, on a database node: that PostgreSQL's user can fetch WAL of every server by the chosen method. The methods'
own tests are used, so that keys which allow nothing else pass too.`,
  examples: `- barman.access: { remote_ssh: "{{ restore_ssh }}" }
  delegate_to: "{{ barman_host }}"

- barman.access: { ssh: barman@barman, servers: [db1, db2] }`,
  params,
  returns: {
    login: 'with remote_ssh: user and host that were reached, rsync there',
    servers: 'on a database node: the servers whose WAL can be fetched',
  },
  read: async (host, wish) =>
    wish.remote_ssh === undefined
      ? { servers: await fetchable(host, wish) }
      : { login: await loginOf(host, wish.remote_ssh, wish.user) },
});

const LOOK_AROUND = `echo "@user $(id -un)"; echo "@host $(uname -n)"; echo "@rsync $(command -v rsync)"; echo @end`;
const LOGIN = probeScript('look=$1; shift; exec "$@" "$look"');

async function loginOf(host: ReadHost, remoteSsh: string, user: string) {
  const words = testedSsh(wordsOf(remoteSsh));
  const result = await host.query(LOGIN([LOOK_AROUND, ...words], { user, timeoutMs: 30_000 }));
  const evidence = evidenceOf({ ...result, argv: words });
  if (result.exitCode !== 0) throw loginFailed(remoteSsh, user, host.name, evidence);
  // A login banner may stand before the answer.
  const answer = result.stdout.slice(Math.max(0, result.stdout.indexOf('@user ')));
  const facts = new Map(parseReport(answer).map(({ kind, rest }) => [kind, rest]));
  const rsync = facts.get('rsync') ?? '';
  if (rsync === '') throw rsyncMissing(remoteSsh, host.name);
  return { user: facts.get('user'), host: facts.get('host'), rsync };
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

async function fetchable(host: ReadHost, wish: Params): Promise<readonly string[]> {
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
  const failed = servers.flatMap((server) => {
    const [code, , text = ''] = answers.find((answer) => answer[1] === server) ?? ['?'];
    return code === '0' ? [] : [{ server, code: code ?? '?', text: text.trim() }];
  });
  if (failed.length > 0) throw walNotFetchable(failed, { method, ssh, user, host: host.name });
  return servers;
}
