import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { currentLeader, sql } from '../../lab/cluster.ts';
import type { Lab } from '../../lab/lab.ts';
import { proveRecovery } from '../../lab/proof.ts';
import { rowCounts } from '../../lab/seed.ts';
import {
  type DatabaseHost,
  databaseHosts,
  dataDirectory,
  hostNames,
  postgresBin,
  postgresPort,
} from '../../lab/topology.ts';
import { accidentOn, chosenInventory, healthy, type Scene, sharedLab } from '../support/lab.ts';
import { type PitrResult, pitr, runError } from '../support/pitr.ts';

/**
 * One recovery that is looked at from all sides while it stands isolated and is then taken back, and one that the whole
 * cluster follows. Each test is one look.
 */

let lab: Lab;
let scene: Scene;
let pgdata: string;

const DECOY = 'postgres: patroni1 pretender';
const DECOY_PID = '/run/pretender.pid';
const LONGER_BEHIND_BYTES = 8 * 1024 * 1024;

beforeAll(async () => {
  lab = await sharedLab();
  // A setting that only ALTER SYSTEM has made: it is in the backup, and nowhere in Patroni's files.
  await sql(lab, await currentLeader(lab), "alter system set work_mem = '7654kB'");
  scene = await accidentOn(lab);
  pgdata = dataDirectory(scene.target);
});

afterAll(async () => {
  await sql(lab, await currentLeader(lab), 'alter system reset work_mem');
});

async function play(playbook: string, vars: Readonly<Record<string, unknown>> = {}): Promise<PitrResult> {
  const extra = JSON.stringify({ target: scene.target, ...vars });
  return pitr(['play', playbook, '-i', chosenInventory(lab), '--output', 'json', '--yes', '-e', extra]);
}

const aim = () => ({ backup: scene.accident.backup.id, target_time: scene.accident.before });

async function onTarget(script: string, host: DatabaseHost = scene.target): Promise<string> {
  return (await lab.mustExec(host, ['sh', '-c', script])).trim();
}

/** Asks the isolated instance, by its private socket. */
async function isolated(statement: string): Promise<string> {
  const words = [`${postgresBin}/psql`, '-XAtq', '-h', `${pgdata}.pitr-run`, '-p', String(postgresPort)];
  return (
    await lab.mustExec(scene.target, [...words, '-d', 'postgres', '-c', statement], { user: 'postgres' })
  ).trim();
}

/** What a recovery has no business with: temporary places, and everybody's keys and logins. */
async function surroundings(): Promise<readonly string[]> {
  const script = `
    find /tmp /var/tmp -mindepth 1 -maxdepth 1 ! -name '.s.PGSQL*' ! -name 'systemd-private*' 2>/dev/null | LC_ALL=C sort
    for home in /root /var/lib/postgresql /var/lib/barman; do
      find "$home/.ssh" "$home"/.pgpass* -type f -exec sha256sum {} + 2>/dev/null | LC_ALL=C sort
    done; exit 0`;
  const lines = await Promise.all(
    hostNames.map(async (host) => `${host}:\n${await lab.mustExec(host, ['sh', '-c', script])}`),
  );
  return lines.flatMap((text) => text.split('\n'));
}

describe('a recovery whose data is not what was expected', () => {
  let run: PitrResult;
  let before: readonly string[];
  let owner: string;

  beforeAll(async () => {
    before = await surroundings();
    owner = await onTarget(`stat -c '%i %a %U:%G' ${pgdata}`);
    const decoy = `echo $$ >${DECOY_PID}; exec -a "${DECOY}" sleep 3000`;
    await onTarget(`setsid -f bash -c '${decoy}' >/dev/null 2>&1 </dev/null`);
    const verify = [
      { name: 'no orders at all', database: 'shop', sql: 'select count(*) from orders', expect: 0 },
    ];
    run = await play('recover.yml', { ...aim(), auto_start: true, verify });
  });

  it('ends in failure with both values, and nobody but the target was touched', async () => {
    expect(run.exitCode).toBe(2);
    expect(JSON.stringify(runError(run.events))).toContain('expected');
    expect(await currentLeader(lab)).toBe(scene.leader);
    expect((await rowCounts(lab, scene.leader)).payments).toBe(scene.accident.tables.payments.rowsNow);
    const changed = run.events.flatMap((event) =>
      event.type === 'host.result' && event.status === 'changed' ? [event.host] : [],
    );
    expect(new Set(changed)).toEqual(new Set([scene.target]));
    const words = run.events.flatMap((event) => (event.type === 'host.result' ? (event.message ?? []) : []));
    expect(words.join('\n')).not.toContain(`${scene.target} leads`);
  });

  it('leaves PostgreSQL in recovery, paused, out of reach of any client, archiving nothing', async () => {
    expect(await isolated('select pg_is_in_recovery(), pg_get_wal_replay_pause_state()')).toBe('t|paused');
    const settings = await isolated(
      "select string_agg(setting, '|' order by name) from pg_settings where name in ('archive_command', 'archive_mode', 'listen_addresses')",
    );
    expect(settings).toBe('|on|');
    const knock = `${postgresBin}/pg_isready -h ${scene.target} -p ${postgresPort} -t 3`;
    expect(await onTarget(`${knock} || true`, scene.leader)).toContain('no response');
  });

  it('keeps the settings that ALTER SYSTEM had made', async () => {
    expect(await isolated('show work_mem')).toBe('7654kB');
  });

  it('is private to its user, old data, note and all', async () => {
    const listing = await onTarget(`stat -c '%a' ${pgdata} ${pgdata}.pre-pitr.* ${pgdata}.pitr.json`);
    expect(new Set(listing.split('\n'))).toEqual(new Set(['600', '700']));
    // The directory keeps others out; what PostgreSQL itself keeps private is private file by file, too.
    const loose = `cd ${pgdata} && find . ! -user postgres -print -o -path './base/*' -type f -perm /077 -print`;
    expect(await onTarget(`${loose}; find ${pgdata}/postgresql.auto.conf -perm /077`)).toBe('');
  });

  it('leaves nothing in temporary places, and no key or login changed', async () => {
    expect(await surroundings()).toEqual(before);
  });

  it('leaves a process alone that only looks like one of the cluster', async () => {
    expect(await onTarget(`tr '\\0' ' ' <"/proc/$(cat ${DECOY_PID})/cmdline"`)).toContain(DECOY);
    await onTarget(`kill "$(cat ${DECOY_PID})"; rm ${DECOY_PID}`);
  });

  it('is taken back: the very same directory with its owner and mode, and the node streams again', async () => {
    const back = await play('rollback.yml');
    expect(runError(back.events)).toBeUndefined();
    expect(await onTarget(`stat -c '%i %a %U:%G' ${pgdata}`)).toBe(owner);
    await healthy(lab);
  });

  it('is refused where Patroni keeps its data somewhere else than the inventory says', async () => {
    const other = await onTarget(`ls -d ${pgdata}.recovered.*[0-9a-f] | grep -v json | head -n 1`);
    const elsewhere = await play('recover.yml', { ...aim(), pgdata: other });
    expect([elsewhere.exitCode, runError(elsewhere.events)?.code]).toEqual([5, 'other-data-directory']);
    await healthy(lab);
  });
});

describe('a recovery that the cluster follows, far behind the old leader', () => {
  beforeAll(async () => {
    // More than maximum_lag_on_failover (1 MiB): Patroni by itself would let nobody lead who is that far behind.
    const rows = Math.ceil(LONGER_BEHIND_BYTES / 1000);
    await sql(
      lab,
      scene.leader,
      `create table far_behind as select repeat('x', 1000) from generate_series(1, ${rows})`,
    );
    const run = await play('recover.yml', { ...aim(), auto_start: true });
    expect(runError(run.events)).toBeUndefined();
    expect(run.exitCode).toBe(0);
  });

  it('is led by the recovered node, with the rows of the moment on every member, and is archived', async () => {
    const evidence = await proveRecovery(lab, scene.accident, scene.target, scene.timeline);
    expect(evidence.filter(({ holds }) => !holds)).toEqual([]);
  });

  it('has no setting, signal or marker of the recovery left on any member', async () => {
    const leftovers = `
      ls ${'$1'}/*.signal ${'$1'}/.barman-recover.info ${'$1'}/*.origin ${'$1'}/.pitr-* ${'$1'}/pg_hba.conf.pitr-* 2>/dev/null
      ls -d ${'$1'}/barman_wal 2>/dev/null
      grep -hE "^(restore_command|recovery_target[a-z_]*|recovery_end_command) *= *'.+'" ${'$1'}/postgresql.auto.conf
      exit 0`;
    for (const host of databaseHosts) {
      const found = await lab.mustExec(host, ['sh', '-c', leftovers, 'sh', dataDirectory(host)]);
      const own = found.split('\n').filter((line) => line !== '' && !line.endsWith('/standby.signal'));
      expect([host, own]).toEqual([host, []]);
    }
    const target =
      "select count(*) from pg_settings where name like 'recovery_target%' and name <> 'recovery_target_inclusive' and name <> 'recovery_target_action' and name <> 'recovery_target_timeline' and setting <> ''";
    expect(await sql(lab, scene.target, target)).toBe('0');
  });

  it("has the recovered node's own paths and archive, and its own ALTER SYSTEM settings", async () => {
    expect(await sql(lab, scene.target, 'show hba_file')).toBe(`${pgdata}/pg_hba.conf`);
    expect(await sql(lab, scene.target, 'show archive_command')).toContain(` ${scene.target} `);
    expect(await sql(lab, scene.target, 'show work_mem')).toBe('7654kB');
  });

  it('keeps the old data of every member', async () => {
    for (const host of databaseHosts) {
      const kept = await onTarget(`cat ${dataDirectory(host)}.pre-pitr.*/PG_VERSION | sort -u`, host);
      expect([host, kept]).toEqual([host, '15']);
    }
  });
});
