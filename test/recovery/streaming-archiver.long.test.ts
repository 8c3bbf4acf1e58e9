import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { archiveCurrentWal } from '../../lab/archive.ts';
import { currentLeader, readMembers, sql } from '../../lab/cluster.ts';
import type { Lab } from '../../lab/lab.ts';
import {
  clusterName,
  type DatabaseHost,
  databaseHosts,
  dataDirectory,
  postgresBin,
} from '../../lab/topology.ts';
import { waitFor } from '../../lab/wait.ts';
import { parseLsn } from '../../lib/recovery/wal/lsn.ts';
import { DEFAULT_SEGMENT_SIZE, nextSegment, segmentHolding } from '../../lib/recovery/wal/segment.ts';
import { timelineId } from '../../lib/recovery/wal/timeline.ts';
import { endAll, operate } from '../faults/operator.ts';
import { labPlayground } from '../modules/lab-playground.ts';
import { chosenInventory, healthy, sharedLab } from '../support/lab.ts';
import { putConfigurationBack, writeConfiguration } from '../support/member-files.ts';
import { tasksThat } from '../support/pitr.ts';

/** A Barman server of all nodes that gets WAL by its slot alone: no node archives anything itself. */
const SERVER = 'streamed';
const WALS = `/var/lib/barman/${SERVER}/wals`;
const STREAMING = `/var/lib/barman/${SERVER}/streaming`;
const PGPASS = '/var/lib/barman/.pgpass';
/** It streams as a role of its own. */
const ROLE = 'receiver';
const RULE = `host replication ${ROLE} all scram-sha-256`;
const THEN = 'receiver-of-then';
const TODAY = 'receiver-of-today';
const MOMENT = `select to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') || '+00'`;
const ROWS = `select string_agg(row, ' ' order by row) from streamed`;
const RECEIVE = 'Let Barman receive its WAL';

let lab: Lab;
let leader: DatabaseHost;
let target: DatabaseHost;
let inventory: string;

async function barman(script: string, user = 'barman'): Promise<string> {
  return lab.mustExec('barman', ['sh', '-c', script], { user, deadlineMs: 300_000 });
}

function serverFile(): string {
  const way = `host=${databaseHosts.join(',')} port=5431 dbname=postgres connect_timeout=5 target_session_attrs=read-write`;
  return [
    `[${SERVER}]`,
    'description = "All nodes, by streaming"',
    `conninfo = ${way} user=barman`,
    `streaming_conninfo = ${way} user=${ROLE}`,
    'backup_method = postgres',
    'immediate_checkpoint = true',
    'archiver = off',
    'streaming_archiver = on',
    `slot_name = ${SERVER}`,
    'create_slot = auto',
    `path_prefix = ${postgresBin}`,
    '',
  ].join('\n');
}

async function patronictl(...words: readonly string[]): Promise<void> {
  const host = await currentLeader(lab);
  await lab.mustExec(host, ['patronictl', '-c', '/etc/patroni/patroni.yml', ...words], {
    deadlineMs: 300_000,
  });
}

async function archiveCommand(wanted: (host: DatabaseHost) => string): Promise<void> {
  await patronictl('reload', clusterName, '--force');
  await waitFor({
    what: 'every node to know its archive_command',
    deadlineMs: 180_000,
    everyMs: 500,
    attempt: () => Promise.all(databaseHosts.map((host) => sql(lab, host, 'show archive_command'))),
    done: (commands) => commands.every((command, at) => command.includes(wanted(databaseHosts[at] ?? 'db1'))),
    describe: (commands) => commands.join(', '),
  });
}

/** The password that Barman streams with. */
async function streamsWith(password: string): Promise<void> {
  await barman(`sed -i '/:${ROLE}:/d' ${PGPASS}; echo '*:5431:*:${ROLE}:${password}' >> ${PGPASS}`);
}

/** Who receives from this node by the slot of the server. */
async function receives(node: DatabaseHost): Promise<void> {
  await waitFor({
    what: `Barman to receive WAL from ${node}`,
    deadlineMs: 180_000,
    attempt: () =>
      sql(lab, node, `select active from pg_replication_slots where slot_name = '${SERVER}'`).catch(String),
    done: (active) => active === 't',
    describe: (active) => active,
  });
}

async function closeSegment(): Promise<string> {
  const said = await barman(`barman switch-wal --force --archive --archive-timeout 120 ${SERVER}`);
  return /\b[0-9A-F]{24}\b/.exec(said)?.[0] ?? said;
}

/** The segments of a timeline from where it begins (the last line of its history) to this one. */
function segmentsOf(timeline: number, history: string, last: string): readonly string[] {
  const lsn = parseLsn(history.split(/\s+/)[1] ?? '');
  if (lsn === undefined) throw new Error(`no position: ${history}`);
  const names = [segmentHolding(timelineId(timeline), lsn, DEFAULT_SEGMENT_SIZE)];
  for (let name = names[0]; name !== undefined && name < last; names.push(name))
    name = nextSegment(name, DEFAULT_SEGMENT_SIZE);
  return names;
}

async function inventoryOfTheServer(): Promise<string> {
  const ordinary = chosenInventory(lab);
  const text = (await readFile(ordinary, 'utf8'))
    .replace(/barman_server: db\d/g, `barman_server: ${SERVER}`)
    .replace(/barman_servers: \[.*\]/, `barman_servers: [${SERVER}]`);
  const path = join(ordinary, '..', 'streaming-archiver.yml');
  await writeFile(path, text);
  return path;
}

beforeAll(async () => {
  lab = await sharedLab();
  await healthy(lab);
  leader = await currentLeader(lab);
  target = databaseHosts.find((host) => host !== leader) ?? 'db2';
  inventory = await inventoryOfTheServer();
  for (const host of databaseHosts) {
    await lab.mustExec(host, ['sh', '-c', `echo '${RULE}' >> ${dataDirectory(host)}/pg_hba.conf`]);
    await writeConfiguration(lab, host, (text) =>
      text.replace(/archive_command: .*/, 'archive_command: "/bin/true"'),
    );
  }
  // Patroni drops slots that it does not know.
  await patronictl('edit-config', '--force', '--quiet', '--set', `ignore_slots=[{"name": "${SERVER}"}]`);
  await archiveCommand(() => '/bin/true');
  await sql(lab, leader, `create role ${ROLE} login replication password '${THEN}'`);
  await streamsWith(THEN);
  await lab.mustExec('barman', ['sh', '-c', 'cat >"$1"', 'sh', `/etc/barman.d/${SERVER}.conf`], {
    stdin: serverFile(),
  });
  await barman('barman -q cron');
  await receives(leader);
  await sql(lab, leader, 'drop table if exists streamed; create table streamed (row text)');
  await closeSegment();
});

afterAll(async () => {
  await endAll();
  // Refused where none is under way, as it should be.
  await operate(['play', 'rollback.yml', '-i', inventory, '--yes', '-e', `target=${target}`]);
  leader = await currentLeader(lab);
  for (const host of databaseHosts) {
    await lab.mustExec(host, [
      'sed',
      '-i',
      `/^host replication ${ROLE} /d`,
      `${dataDirectory(host)}/pg_hba.conf`,
    ]);
    await putConfigurationBack(lab, host);
  }
  await archiveCommand((host) => `barman-wal-archive -U barman barman ${host} `);
  await barman(
    `barman receive-wal --stop ${SERVER}; cp -n ${WALS}/*.history /var/lib/barman/${leader}/wals/ 2>/dev/null; ` +
      `rm -rf /var/lib/barman/${SERVER}; sed -i '/:${ROLE}:/d' ${PGPASS}`,
  );
  await barman(`rm -f /etc/barman.d/${SERVER}.conf`, 'root');
  await patronictl('edit-config', '--force', '--quiet', '--set', 'ignore_slots=null');
  await sql(
    lab,
    leader,
    `select pg_drop_replication_slot(slot_name) from pg_replication_slots where slot_name = '${SERVER}'; ` +
      `drop role if exists ${ROLE}; drop table if exists streamed`,
  );
  await archiveCurrentWal(lab, leader);
  await healthy(lab, 180_000);
});

describe('a Barman server that receives WAL by streaming alone, as a role of its own', () => {
  it('is let in with the password of today, and receives the new timeline, of which it had received more before', async () => {
    await barman(`barman backup --wait --wait-timeout 120 ${SERVER}`);
    await sql(lab, leader, `insert into streamed values ('a'), ('b')`);
    const moment = await sql(lab, leader, MOMENT);
    await sql(lab, leader, 'delete from streamed');
    // What the recovered cluster will not have: the position of the receiver is behind its history.
    for (let more = 0; more < 3; more++) await closeSegment();
    await sql(lab, leader, `alter role ${ROLE} password '${TODAY}'`);
    await streamsWith(TODAY);
    await closeSegment();

    const words = ['play', 'recover.yml', '-i', inventory, '--yes'];
    const vars = { target, target_time: moment, auto_start: 'true' };
    words.push(...Object.entries(vars).flatMap(([name, value]) => ['-e', `${name}=${value}`]));
    const check = await operate([...words, '--check']);
    expect(check.error).toBeUndefined();
    // Whether it will be needed is seen when the new timeline is there.
    expect(tasksThat('unknown', check.events)).toContain(`${target}: ${RECEIVE}`);

    const refused = await operate(words);
    expect(refused.error).toMatchObject({ kind: 'refused', code: 'logins-refused', host: target });
    expect(refused.words).toContain(`${ROLE} from barman (Barman's streaming_conninfo)`);
    expect(refused.words).toContain(`${ROLE}: its password has been set since that moment.`);
    expect(await currentLeader(lab)).toBe(leader);
    await receives(leader);

    // What is proved beforehand may be otherwise when it is needed.
    const sync = /pitr resume \S+ -e sync_logins=true/.exec(refused.words)?.[0] ?? '';
    const stuck = await operate([...sync.split(' ').slice(1), '--yes'], {
      'Hand the recovered node to Patroni': () => streamsWith('wrong'),
    });
    expect(stuck.error).toMatchObject({ kind: 'failed', code: 'wal-not-received', host: 'barman' });
    expect(stuck.error?.task).toBe(RECEIVE);
    expect(stuck.words).toContain('failed opening the PostgreSQL streaming connection');
    expect(await currentLeader(lab)).toBe(target);
    const unfinished = await barman(`cd ${STREAMING} && sha256sum *.partial`);
    const [sum = '', partial = ''] = unfinished.split(/\s+/);

    await streamsWith(TODAY);
    const goOn = /pitr resume \S+$/m.exec((stuck.error?.next ?? []).join('\n'))?.[0] ?? '';
    const done = await operate([...goOn.split(' ').slice(1), '--yes']);
    expect([done.exitCode, done.words]).toEqual([0, '']);
    const warnings = done.events.flatMap((event) => (event.type === 'warning' ? [event.text] : []));
    expect(warnings).toContainEqual(
      expect.stringContaining(`the position from which ${SERVER} receives WAL was reset`),
    );

    await healthy(lab);
    for (const host of databaseHosts) expect([host, await sql(lab, host, ROWS)]).toEqual([host, 'a b']);
    await receives(target);
    const timeline = (await readMembers(lab)).find(({ name }) => name === target)?.timeline ?? 0;
    const closed = await closeSegment();
    expect(Number.parseInt(closed.slice(0, 8), 16)).toBe(timeline);
    // All that the timeline has, from the segment on in which it begins.
    const log = closed.slice(0, 16);
    const archived = await barman(`cd ${WALS}/${log} && ls | grep -xE '[0-9A-F]{24}'`);
    const begins = await lab.mustExec(target, [
      ...['grep', `^${timeline - 1}\t`, `${dataDirectory(target)}/pg_wal/${log.slice(0, 8)}.history`],
    ]);
    expect(archived.trim().split('\n')).toEqual(segmentsOf(timeline, begins, closed));
    // The last that was received of the timeline that was left, the one copy of it beside the kept data.
    expect(await barman(`sha256sum ${WALS}/${partial.slice(0, 16)}/${partial}`)).toContain(sum);
    expect(await barman(`ls /var/lib/barman/${SERVER}/errors`)).toBe('');

    // Where Barman's cron has begun by itself nothing is reset.
    await using play = labPlayground(lab.prefix);
    const receive = (history: string) =>
      play.run('barman.receive_wal', { server: SERVER, timeline, history, timeout: 10 }, 'barman');
    expect(await receive(begins)).toMatchObject({ status: 'changed', result: { reset: false } });
    expect(play.warnings).toEqual([]);
    await receives(target);

    // A leader that has the first WAL of its timeline no more: Barman begins with what it writes now.
    const behind = `${(timeline - 1).toString(16).toUpperCase().padStart(8, '0')}00000000000000FF`;
    await barman(
      `barman receive-wal --stop ${SERVER}; cd ${STREAMING} && rm -f * && truncate -s 16M ${behind}.partial`,
    );
    expect(await receive('1 0/1000028')).toMatchObject({ result: { reset: true } });
    expect(play.warnings.join()).toContain('take a new base backup');
    await receives(target);
    // Of the segment that the leader had no more nothing has come, and nothing is archived in its name.
    const first = segmentsOf(timeline, '1 0/1000028', '')[0] ?? '';
    expect(await barman(`ls ${WALS}/${first.slice(0, 16)} 2>/dev/null | grep ${first} || :`)).toBe('');

    // As a run that failed there has left it: the one that goes on gets past it, too.
    const at = `${STREAMING}/${first}.partial`;
    await barman(`barman receive-wal --stop ${SERVER}; cd ${STREAMING} && rm -f * && truncate -s 16M ${at}`);
    expect(await receive('1 0/1000028')).toMatchObject({ result: { reset: true } });
    await receives(target);
  });
});
