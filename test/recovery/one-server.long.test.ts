import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { archiveCurrentWal, failedChecks, finishedBackups } from '../../lab/archive.ts';
import { currentLeader, readMembers, sql } from '../../lab/cluster.ts';
import type { Lab } from '../../lab/lab.ts';
import { clusterName, type DatabaseHost, databaseHosts, postgresBin } from '../../lab/topology.ts';
import { waitFor } from '../../lab/wait.ts';
import { expectForeseen } from '../support/foreseen.ts';
import { chosenInventory, healthy, sharedLab } from '../support/lab.ts';
import { pitr, runError, tasksThat } from '../support/pitr.ts';

/** The one Barman server that every node archives to. */
const SERVER = 'whole';
const MOMENT = `select to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') || '+00'`;
const ROWS = `select string_agg(row, ' ' order by row) from one_server`;

let lab: Lab;
let leader: DatabaseHost;
let target: DatabaseHost;
let inventory: string;

async function barman(script: string, user = 'barman'): Promise<string> {
  return lab.mustExec('barman', ['sh', '-c', script], { user, deadlineMs: 300_000 });
}

/** Barman asks whoever can be written to. The target comes first: the hardest order, since it is asked in the cut-over. */
function serverFile(): string {
  const hosts = [target, ...databaseHosts.filter((host) => host !== target)].join(',');
  const login = `host=${hosts} port=5431 user=barman dbname=postgres connect_timeout=5 target_session_attrs=read-write`;
  return [
    `[${SERVER}]`,
    'description = "All nodes"',
    `conninfo = ${login}`,
    `streaming_conninfo = ${login}`,
    'backup_method = postgres',
    'immediate_checkpoint = true',
    'archiver = on',
    `path_prefix = ${postgresBin}`,
    '',
  ].join('\n');
}

/** Every node archives to this server of Barman from now on. */
async function archiveTo(server: (host: DatabaseHost) => string): Promise<void> {
  for (const host of databaseHosts) {
    const edit = `s/barman-wal-archive -U barman barman [a-z0-9]* %p/barman-wal-archive -U barman barman ${server(host)} %p/`;
    await lab.mustExec(host, ['sed', '-i', edit, '/etc/patroni/patroni.yml']);
  }
  leader = await currentLeader(lab);
  await lab.mustExec(leader, [
    'patronictl',
    '-c',
    '/etc/patroni/patroni.yml',
    'reload',
    clusterName,
    '--force',
  ]);
  await waitFor({
    what: 'every node to know where it archives to',
    deadlineMs: 180_000,
    everyMs: 500,
    attempt: () => Promise.all(databaseHosts.map((host) => sql(lab, host, 'show archive_command'))),
    done: (commands) =>
      commands.every((command, at) => command.includes(` ${server(databaseHosts[at] ?? 'db1')} `)),
    describe: (commands) => commands.join(', '),
  });
}

async function closeSegment(): Promise<string> {
  return barman(`barman switch-wal --force --archive --archive-timeout 60 ${SERVER}`);
}

async function inventoryOfOneServer(): Promise<string> {
  const ordinary = chosenInventory(lab);
  const text = (await readFile(ordinary, 'utf8'))
    .replace(/barman_server: db\d/g, `barman_server: ${SERVER}`)
    .replace(/barman_servers: \[.*\]/, `barman_servers: [${SERVER}]`);
  const path = join(ordinary, '..', 'one-server.yml');
  await writeFile(path, text);
  return path;
}

beforeAll(async () => {
  lab = await sharedLab();
  const old = await currentLeader(lab);
  // The Barman server is to be newer than the timeline: it never saw the history file of that.
  const candidate = databaseHosts.find((host) => host !== old) ?? 'db2';
  const change = ['switchover', clusterName, '--master', old, '--candidate', candidate, '--force'];
  await lab.mustExec(old, ['patronictl', '-c', '/etc/patroni/patroni.yml', ...change]);
  await healthy(lab);
  leader = await currentLeader(lab);
  target = databaseHosts.find((host) => host !== leader) ?? 'db2';
  inventory = await inventoryOfOneServer();
  await lab.mustExec('barman', ['sh', '-c', 'cat >"$1"', 'sh', `/etc/barman.d/${SERVER}.conf`], {
    stdin: serverFile(),
  });
  // Makes its directories.
  await barman('barman -q cron');
  await archiveTo(() => SERVER);
  await sql(lab, leader, 'drop table if exists one_server; create table one_server (row text)');
  await closeSegment();
});

/** The history files move over: what has become of the numbers of timelines stays known. */
afterAll(async () => {
  // Refused where none is under way, as it should be.
  await pitr(['play', 'rollback.yml', '-i', inventory, '--yes', '-e', `target=${target}`]);
  await archiveTo((host) => host);
  await barman(
    `cp -n /var/lib/barman/${SERVER}/wals/*.history /var/lib/barman/${leader}/wals/ 2>/dev/null; ` +
      `rm -rf /var/lib/barman/${SERVER}`,
  );
  await barman(`rm -f /etc/barman.d/${SERVER}.conf`, 'root');
  await archiveCurrentWal(lab, leader);
  await healthy(lab, 180_000);
});

describe('one Barman server that receives the WAL of all nodes, and is newer than their timeline', () => {
  it('leads to a moment, takes the WAL of the recovered cluster as well, and a new backup', async () => {
    await barman(`barman backup --wait --wait-timeout 120 ${SERVER}`);
    await sql(lab, leader, `insert into one_server values ('a')`);
    await sql(lab, leader, `insert into one_server values ('b')`);
    const moment = await sql(lab, leader, MOMENT);
    await sql(lab, leader, 'delete from one_server');
    await closeSegment();
    const before = (await readMembers(lab)).find(({ name }) => name === leader)?.timeline ?? 0;

    const arguments_ = ['play', 'recover.yml', '-i', inventory, '--output', 'json', '--yes'];
    const vars = { target, target_time: moment, auto_start: 'true' };
    arguments_.push(...Object.entries(vars).flatMap(([name, value]) => ['-e', `${name}=${value}`]));
    const check = await pitr([...arguments_, '--check']);
    const run = await pitr(arguments_);
    expect(runError(run.events)).toBeUndefined();
    expectForeseen(check.events, run.events);
    expect(tasksThat('changed', run.events)).toContain(`${target}: Prove that its WAL is archived`);

    await healthy(lab);
    expect(await currentLeader(lab)).toBe(target);
    const timeline = (await readMembers(lab)).find(({ name }) => name === target)?.timeline ?? 0;
    expect(timeline).toBeGreaterThan(before);
    for (const host of databaseHosts) expect([host, await sql(lab, host, ROWS)]).toEqual([host, 'a b']);

    const backups = (await finishedBackups(lab)).filter(({ server }) => server === SERVER);
    expect(backups).toHaveLength(2);
    expect((await closeSegment()).match(/\b[0-9A-F]{24}\b/)?.[0]?.slice(0, 8)).toBe(
      timeline.toString(16).toUpperCase().padStart(8, '0'),
    );
    // Nothing came twice under one name.
    expect(await barman(`ls /var/lib/barman/${SERVER}/errors`)).toBe('');
    expect((await failedChecks(lab))[SERVER]).toEqual([]);
  });
});
