import type { BaseBackup } from '../../lab/archive.ts';
import type { Lab } from '../../lab/lab.ts';
import {
  type DatabaseHost,
  dataDirectory,
  postgresBin,
  postgresHome,
  postgresPort,
} from '../../lab/topology.ts';

/** One of the stock tools, and what it moved. */
export interface Raw {
  readonly what: string;
  readonly seconds: number;
  readonly note: string;
}

/** The note of what moves the base backup, as pitr's restore does. */
export const BASE = 'base';

const DEADLINE_MS = 3_600_000;
const SIDE = `${postgresHome}/bench`;
const SEGMENTS = 16;

/** `sh`: what Patroni logs in with, as `user` and in the environment of the command that follows. */
function login(kind: 'replication' | 'superuser'): string {
  const print = `import yaml; a = yaml.safe_load(open("/etc/patroni/patroni.yml"))["postgresql"]["authentication"]["${kind}"]; print(a["username"], a["password"])`;
  return `user=$(python3 -c '${print}') && PGPASSWORD=\${user#* }`;
}

interface Job {
  readonly what: string;
  readonly note: string;
  readonly on: DatabaseHost | 'barman';
  readonly user: string;
  readonly script: string;
}

/**
 * Runs the stock tools on the same hosts and the same data, each alone, into a directory beside the data of `node` that
 * is removed again. `segment`: the first one of the WAL.
 */
export async function measureRaw(
  lab: Lab,
  node: DatabaseHost,
  leader: DatabaseHost,
  backup: BaseBackup,
): Promise<readonly Raw[]> {
  const data = `/var/lib/barman/${backup.server}/base/${backup.id}/data`;
  const wals = `/var/lib/barman/${backup.server}/wals`;
  // Newer versions of Barman keep the description of a backup beside all of them.
  const kept = `/var/lib/barman/${backup.server}`;
  const info = `cat ${kept}/base/${backup.id}/backup.info ${kept}/meta/${backup.id}-backup.info 2>/dev/null`;
  const first = (
    await lab.mustExec('barman', [
      'sh',
      '-c',
      `{ ${info}; :; } | sed -n 's/^begin_wal=//p' | head -n 1 | grep .`,
    ])
  ).trim();
  const names = `find ${wals} -type f -name '????????????????????????' | sort | awk -v f="${first}" '{ n = $0; sub(".*/", "", n) } n >= f' | head -n ${SEGMENTS}`;
  const list = (await lab.mustExec('barman', ['sh', '-c', names])).trim().split('\n');
  const segments = list.map((path) => path.replace(/^.*\//, ''));
  const some = `${segments.length} segments`;
  const side = `rm -rf ${SIDE} && mkdir -m 0700 ${SIDE}`;
  const jobs: readonly Job[] = [
    {
      what: 'barman recover --get-wal',
      note: BASE,
      on: 'barman',
      user: 'barman',
      script: `barman recover --get-wal --remote-ssh-command "ssh -q postgres@${node}" ${backup.server} ${backup.id} ${SIDE}`,
    },
    {
      what: 'rsync over ssh',
      note: BASE,
      on: 'barman',
      user: 'barman',
      script: `rsync -a -e 'ssh -q' ${data}/ postgres@${node}:${SIDE}/`,
    },
    {
      what: 'tar over ssh',
      note: BASE,
      on: 'barman',
      user: 'barman',
      script: `tar -C ${data} -cf - . | ssh -q postgres@${node} tar -C ${SIDE} -xf -`,
    },
    {
      what: 'barman-wal-restore, one after the other',
      note: some,
      on: node,
      user: 'postgres',
      script: segments
        .map(
          (name) =>
            `barman-wal-restore -U barman --spool-dir ${SIDE}/none barman ${backup.server} ${name} ${SIDE}/${name}`,
        )
        .join(' && '),
    },
    {
      what: 'one rsync of WAL',
      note: some,
      on: 'barman',
      user: 'barman',
      script: `rsync -e 'ssh -q' ${list.join(' ')} postgres@${node}:${SIDE}/`,
    },
    {
      what: 'pg_basebackup from the leader',
      note: 'whole data',
      on: node,
      user: 'postgres',
      script: `${login('replication')} ${postgresBin}/pg_basebackup -D ${SIDE} -X none -c fast -d "host=${leader} port=${postgresPort} user=\${user%% *}"`,
    },
  ];
  const measured: Raw[] = [];
  try {
    for (const { what, note, on, user, script } of jobs) {
      await lab.mustExec(node, ['sh', '-c', side], { user: 'postgres', deadlineMs: DEADLINE_MS });
      const begun = performance.now();
      await lab.mustExec(on, ['sh', '-c', script], { user, deadlineMs: DEADLINE_MS });
      measured.push({ what, note, seconds: (performance.now() - begun) / 1000 });
    }
  } finally {
    await lab.exec(node, ['rm', '-rf', SIDE]);
  }
  return measured;
}

/** After a recovery: pg_rewind of a copy of a member's kept data to the new leader; the kept data stays as it is. */
export async function measureRewind(lab: Lab, member: DatabaseHost, leader: DatabaseHost): Promise<Raw> {
  const script = `set -e
kept=$(ls -d ${dataDirectory(member)}.pre-pitr.* | grep -v '\\.json$' | tail -n 1)
rm -rf ${SIDE}; cp -a --reflink=auto "$kept" ${SIDE}
${login('superuser')} ${postgresBin}/pg_rewind -D ${SIDE} --source-server="host=${leader} port=${postgresPort} dbname=postgres user=\${user%% *}"
rm -rf ${SIDE}`;
  const begun = performance.now();
  const ended = await lab.exec(member, ['sh', '-c', script], { user: 'postgres', deadlineMs: DEADLINE_MS });
  await lab.exec(member, ['rm', '-rf', SIDE]);
  const seconds = (performance.now() - begun) / 1000;
  return ended.exitCode === 0
    ? { what: 'copy of the kept data, and pg_rewind', note: member, seconds }
    : {
        what: 'copy of the kept data, and pg_rewind',
        note: ended.stderr.trim().split('\n').at(-1) ?? 'failed',
        seconds,
      };
}
