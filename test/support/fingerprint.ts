import type { Lab } from '../../lab/lab.ts';
import { databaseHosts, dataDirectory, type HostName, hostNames } from '../../lab/topology.ts';

/**
 * What a tool that says it only looks must leave as it was, on every host: files, processes, DCS keys and Barman's
 * catalogue, as lines that can be compared. Left out is only what a healthy cluster changes by itself every second:
 * table files, WAL, statistics, positions in the DCS, Barman's cron.
 */
export async function fingerprint(lab: Lab): Promise<readonly string[]> {
  const parts = await Promise.all([...hostNames.map((host) => hostLines(lab, host)), dcsLines(lab)]);
  return parts.flat();
}

const FILES = `
set -u
{ find /etc /root /home /tmp /var/tmp /usr/local /var/lib/barman /var/lib/postgresql -xdev \\
    \\( -path '*/wals' -o -path '*/streaming' -o -path '*/incoming' -o -path "$1/*/*" \\) -prune -o \\
    \\( -type f -o -type l -o -type d \\) -printf '%p %y %m %u %g %l\\n'
} 2>/dev/null | grep -v -e '/\\.lock' -e '/\\.cron' -e '\\.lock ' -e '/postmaster\\.\\(pid\\|opts\\)' -e '/current_logfiles' -e '/\\.barman' | LC_ALL=C sort
for f in "$1"/*.conf "$1"/*.signal "$1"/PG_VERSION "$1"/*.json "$1"/backup_label* /etc/patroni/*; do [ -f "$f" ] && sha256sum "$f"; done
exit 0`;

/**
 * Servers by pid, so that a restart shows; not their sessions and helpers. What was forked a moment ago (a session, or a
 * program that Patroni starts) still has the command line of its server, whose child it is.
 */
const PROCESSES = `ps -eo ppid,pid,user,args --no-headers | sed 's/\\[listener\\].*/[listener]/' | grep -E 'bin/postgres -D|patroni( |$)|/etcd|sshd: /|supervisord' |
awk '!/grep/ { parent = $1; pid = $2; user = $3; $1 = $2 = $3 = ""; line[pid] = pid " " user $0; args[pid] = $0; of[pid] = parent; server[pid] = /bin\\/postgres -D|sshd: / }
END { for (pid in line) if (!(server[pid] && server[of[pid]]) && args[pid] != args[of[pid]]) print line[pid] }' | LC_ALL=C sort`;

const CATALOGUE = `for d in /var/lib/barman/*/base/*/backup.info /var/lib/barman/*/meta/*-backup.info; do [ -f "$d" ] && sha256sum "$d"; done; exit 0`;

async function hostLines(lab: Lab, host: HostName): Promise<readonly string[]> {
  const database = databaseHosts.find((name) => name === host);
  const data = database === undefined ? '/nowhere' : dataDirectory(database);
  const scripts = [FILES, PROCESSES, ...(host === 'barman' ? [CATALOGUE] : [])];
  const outputs: string[] = [];
  for (const script of scripts) outputs.push(await lab.mustExec(host, ['sh', '-c', script, 'sh', data]));
  return outputs
    .join('\n')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => `${host}: ${line}`);
}

/** What the DCS says of the cluster, without positions that move by themselves. */
async function dcsLines(lab: Lab): Promise<readonly string[]> {
  const text = await lab.mustExec('etcd', ['etcdctl', 'get', '--prefix', '/service/', '-w', 'json']);
  const { kvs = [] } = JSON.parse(text) as { kvs?: { key: string; value: string }[] };
  return kvs
    .map(({ key, value }) => ({ key: decode(key), value: decode(value) }))
    .filter(({ key }) => !key.endsWith('/status') && !key.endsWith('/optime/leader'))
    .map(({ key, value }) => `dcs: ${key} ${key.includes('/members/') ? member(value) : value}`);
}

function member(value: string): string {
  const { role, state, timeline } = JSON.parse(value) as { role: string; state: string; timeline?: number };
  return `${role} ${state} ${timeline}`;
}

function decode(base64: string): string {
  return Buffer.from(base64, 'base64').toString();
}
