import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ailments, currentLeader, sql } from '../../lab/cluster.ts';
import type { Lab } from '../../lab/lab.ts';
import { silent } from '../../lab/progress.ts';
import { labSeed } from '../../lab/seed.ts';
import { type DatabaseHost, databaseHosts, dataDirectory, postgresBin } from '../../lab/topology.ts';
import { waitFor } from '../../lab/wait.ts';
import { freeze, processes } from '../faults/inject-process.ts';
import { expectForeseen } from '../support/foreseen.ts';
import { chosenInventory, healthy, sharedLab } from '../support/lab.ts';
import { type PitrResult, pitr, runError, tasksThat } from '../support/pitr.ts';

const MOMENT = `select to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') || '+00'`;
const ROWS = `select string_agg(row, ' ' order by row) from tail`;
const SAVE = 'Save the WAL that only a node still has';
const KEY = '/var/lib/postgresql/.ssh/id_ed25519';

let lab: Lab;
let leader: DatabaseHost;
let target: DatabaseHost;

beforeAll(async () => {
  lab = await sharedLab();
  await labSeed(lab, silent);
});

afterAll(async () => {
  await startPatroni(databaseHosts);
  await resume(leader);
  await healthy(lab, 180_000);
});

async function cast(): Promise<void> {
  leader = await currentLeader(lab);
  target = databaseHosts.filter((host) => host !== leader).at(-1) ?? 'db2';
}

async function write(row: string): Promise<void> {
  await sql(lab, leader, `insert into tail values ('${row}')`, { database: 'shop' });
}

/** Gives its name: that of the one before where the server has just closed it by itself. */
async function closeSegment(): Promise<string> {
  return sql(lab, leader, 'select pg_walfile_name(pg_switch_wal() - 1)');
}

async function archived(segment: string): Promise<void> {
  await waitFor({
    what: `${segment} to be archived`,
    deadlineMs: 180_000,
    everyMs: 300,
    attempt: () => sql(lab, leader, 'select last_archived_wal from pg_stat_archiver'),
    done: (last) => last >= segment,
    describe: (last) => last,
  });
}

/** The leader's way to Barman is gone, until it is mended. */
async function breakArchiving(): Promise<() => Promise<void>> {
  const broken = leader;
  await lab.mustExec(broken, ['mv', KEY, `${KEY}.away`]);
  return async () => {
    await lab.mustExec(broken, ['mv', `${KEY}.away`, KEY]);
  };
}

const PATRONICTL = ['patronictl', '-c', '/etc/patroni/patroni.yml'];

/** Patroni ends on these hosts and leaves PostgreSQL running: nobody starts it again when it dies. */
async function leaveAlone(hosts: readonly DatabaseHost[]): Promise<void> {
  await lab.mustExec(leader, [...PATRONICTL, 'pause', '--wait']);
  await Promise.all(hosts.map((host) => lab.mustExec(host, ['supervisorctl', 'stop', 'patroni'])));
}

async function resume(host: DatabaseHost): Promise<void> {
  await lab.exec(host, [...PATRONICTL, 'resume']);
}

/** As when the power fails: no process of PostgreSQL can say a last word. */
async function killPostgres(host: DatabaseHost): Promise<void> {
  await lab.exec(host, ['kill', '-9', ...(await processes(lab, host, '(^|/)postgres[: ]|/postgres '))]);
}

async function stopPostgres(hosts: readonly DatabaseHost[]): Promise<void> {
  const stop = (host: DatabaseHost) => [
    `${postgresBin}/pg_ctl`,
    '-D',
    dataDirectory(host),
    '-m',
    'fast',
    'stop',
  ];
  await Promise.all(hosts.map((host) => lab.mustExec(host, stop(host), { user: 'postgres' })));
}

async function startPatroni(hosts: readonly DatabaseHost[]): Promise<void> {
  await Promise.all(hosts.map((host) => lab.exec(host, ['supervisorctl', 'start', 'patroni'])));
}

/** Who leads, by the word of the DCS, which believes a dead leader until its time is up. */
async function leaderChanged(done: (name: string) => boolean): Promise<string> {
  const list = [...PATRONICTL, 'list', '-f', 'json'];
  return waitFor({
    what: 'the cluster to notice that its leader is gone',
    deadlineMs: 300_000,
    everyMs: 1000,
    attempt: async () => {
      const members = JSON.parse(await lab.mustExec(target, list)) as { Member: string; Role: string }[];
      return members.find(({ Role }) => Role === 'Leader')?.Member ?? '';
    },
    done,
    describe: (name) => `${name || 'nobody'} leads`,
  });
}

/**
 * A member that is down stands in the way of rollback.yml; one that answers may go down again, for pg_rewind, before it
 * streams.
 */
async function othersStream(): Promise<void> {
  await waitFor({
    what: 'the other members to stream',
    deadlineMs: 300_000,
    everyMs: 1000,
    attempt: async () => (await ailments(lab)).filter((ailment) => !ailment.startsWith(`${target} `)),
    done: (found) => found.length === 0,
    describe: (found) => found.join('; '),
  });
}

async function play(playbook: string, vars: Record<string, string>, ...more: string[]): Promise<PitrResult> {
  const extra = Object.entries(vars).flatMap(([name, value]) => ['-e', `${name}=${value}`]);
  const inventory = chosenInventory(lab);
  return pitr(['play', playbook, '-i', inventory, '--output', 'json', '--yes', ...extra, ...more]);
}

async function well(playbook: string, vars: Record<string, string>, ...more: string[]): Promise<PitrResult> {
  const run = await play(playbook, vars, ...more);
  expect(runError(run.events)).toBeUndefined();
  expect(run.exitCode).toBe(0);
  return run;
}

/** What the plan of a recovery says. */
function planOf({ events }: PitrResult): string {
  return events
    .flatMap((event) =>
      event.type === 'host.result' && event.task.name === 'The plan' ? [event.message ?? ''] : [],
    )
    .join('\n');
}

/** The files that a run has sent to the archive: a task of its own, or one in a loop over nodes. */
function savedBy({ events }: PitrResult): readonly string[] {
  return events.flatMap((event) => {
    if (event.type !== 'host.result' || event.status !== 'changed') return [];
    const { results = [], ...own } = (event.result ?? {}) as { readonly results?: readonly object[] };
    return [own, ...results].flatMap((one) => {
      const { files } = one as { readonly files?: unknown };
      return Array.isArray(files) ? files.map(String) : [];
    });
  });
}

async function rowsThere(): Promise<string> {
  const psql = [`${postgresBin}/psql`, '-XAtq', '-h', `${dataDirectory(target)}.pitr-run`, '-p', '5431'];
  return (await lab.mustExec(target, [...psql, '-d', 'shop', '-c', ROWS], { user: 'postgres' })).trim();
}

// `PITR_TRANSPORT=ssh` chooses the transport.
describe('the tail of WAL that only a node still has', () => {
  it('is none while a leader lives and archives: nothing is saved, and nothing would be', async () => {
    await cast();
    const check = await well('recover.yml', { target }, '--check');
    expect(tasksThat('skipped', check.events)).toContain(`${target}: ${SAVE}`);
    expect(tasksThat('changed', check.events).filter((task) => task.endsWith(SAVE))).toEqual([]);
    const saved = await well('save-wal.yml', { node: leader });
    expect(tasksThat('changed', saved.events)).toEqual([]);
  });

  it('is archived first where nobody leads any more, and `latest` has its last commit', async () => {
    await cast();
    await sql(lab, leader, 'drop table if exists tail; create table tail (row text)', { database: 'shop' });
    const mend = await breakArchiving();
    await write('a');
    await closeSegment();
    await write('b');
    await closeSegment();
    await leaveAlone(databaseHosts);
    await stopPostgres(databaseHosts.filter((host) => host !== leader));
    await write('c, which no replica has');
    await killPostgres(leader);
    await leaderChanged((name) => name === '');

    const failed = await play('save-wal.yml', { node: leader });
    expect(runError(failed.events)?.code).toBe('archive-command-failed');
    await mend();

    const check = await well('recover.yml', { target }, '--check');
    const run = await well('recover.yml', { target });
    expectForeseen(check.events, run.events);
    expect(tasksThat('changed', run.events)).toContain(`${target}: ${SAVE}`);
    expect(savedBy(run)).toContainEqual(expect.stringMatching(/\.partial$/));
    expect(await rowsThere()).toBe('a b c, which no replica has');

    // What Barman itself has deleted with a first backup it may be sent once more.
    const again = savedBy(await well('save-wal.yml', { node: leader }));
    expect(again.filter((name) => savedBy(run).includes(name))).toEqual([]);

    await startPatroni(databaseHosts.filter((host) => host !== target));
    await resume(leader);
    await leaderChanged((name) => name !== '');
    await othersStream();
    await well('rollback.yml', { target });
    await healthy(lab, 180_000);
  });

  it('is archived first where it alone ends the recovery, behind a segment that was closed after the moment', async () => {
    await cast();
    await sql(lab, leader, 'drop table if exists tail; create table tail (row text)', { database: 'shop' });
    await write('a');
    // The times of files are coarser than those of commits: the segment must surely be closed later.
    const told = await sql(
      lab,
      leader,
      `select (${MOMENT}) || '|' || coalesce(pg_sleep(0.1)::text, '') || pg_walfile_name(pg_switch_wal() - 1)`,
    );
    const [moment = '', closed = ''] = told.split('|');
    await archived(closed);
    const mend = await breakArchiving();
    await write('b');
    await leaveAlone(databaseHosts);
    await stopPostgres(databaseHosts.filter((host) => host !== leader));
    await killPostgres(leader);
    await leaderChanged((name) => name === '');
    await mend();

    const check = await well('recover.yml', { target, target_time: moment }, '--check');
    const run = await well('recover.yml', { target, target_time: moment });
    expectForeseen(check.events, run.events);
    expect(savedBy(run)).not.toEqual([]);
    expect(await rowsThere()).toBe('a');

    await startPatroni(databaseHosts.filter((host) => host !== target));
    await resume(leader);
    await leaderChanged((name) => name !== '');
    await othersStream();
    await well('rollback.yml', { target });
    await healthy(lab, 180_000);
  });

  it('of a dead leader that cannot be looked at refuses a recovery to latest, and no moment that archived WAL leads to', async () => {
    await cast();
    await sql(lab, leader, 'drop table if exists tail; create table tail (row text)', { database: 'shop' });
    await write('a');
    const moment = await sql(lab, leader, MOMENT);
    await write('b');
    const segment = await closeSegment();
    await archived(segment);
    await leaveAlone(databaseHosts);
    await stopPostgres(databaseHosts.filter((host) => host !== leader));
    await write('c, which no replica has');
    await killPostgres(leader);
    await leaderChanged((name) => name === '');
    const hidden = `${dataDirectory(leader)}/pg_wal`;
    await lab.mustExec(leader, ['chown', 'root', hidden]);
    try {
      const refused = await play('recover.yml', { target });
      expect(runError(refused.events)).toMatchObject({
        kind: 'refused',
        code: 'wal-unseen',
        details: expect.arrayContaining([expect.stringContaining(`${leader}: cannot look into ${hidden}`)]),
        next: expect.arrayContaining([expect.stringContaining('-e accept_unseen_wal=true')]),
      });
      expect(tasksThat('changed', refused.events)).toEqual([]);

      const left = await play('recover.yml', { target }, '--limit', `all:!${leader}`);
      expect(runError(left.events)).toMatchObject({ code: 'wal-unseen' });

      const fixed = await well('recover.yml', { target, target_time: moment }, '--check');
      expect(planOf(fixed)).toContain(`pg_wal was not looked at on: ${leader} (cannot look into ${hidden})`);
      const accepted = await well('recover.yml', { target, accept_unseen_wal: 'true' }, '--check');
      expect(planOf(accepted)).toContain('Commits that are there and nowhere else are not recovered.');
    } finally {
      await lab.mustExec(leader, ['chown', 'postgres', hidden]);
    }
    const seen = await well('recover.yml', { target }, '--check');
    expect(planOf(seen)).not.toContain('was not looked at');
    await startPatroni(databaseHosts);
    await resume(leader);
    await leaderChanged((name) => name !== '');
    await healthy(lab, 180_000);
  });

  it('is none of a new leader, whose last commit `latest` has, though nothing of its timeline is archived', async () => {
    await cast();
    const old = leader;
    await sql(lab, old, 'drop table if exists tail; create table tail (row text)', { database: 'shop' });
    await write('a');
    const next = databaseHosts.find((host) => host !== old && host !== target) ?? 'db3';
    await lab.mustExec(old, [...PATRONICTL, 'failover', '--candidate', next, '--force']);
    await leaderChanged((name) => name === next);
    leader = await currentLeader(lab);
    await write('b, on the new timeline');
    const writes = `select ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int`;
    const timeline = await sql(lab, leader, writes);

    const check = await well('recover.yml', { target }, '--check');
    expect(planOf(check)).toContain(`on timeline ${timeline};`);
    await well('recover.yml', { target });
    expect(await rowsThere()).toBe('a b, on the new timeline');
    await othersStream();
    await well('rollback.yml', { target });
    await healthy(lab, 180_000);
  });

  it('of a dead leader leads to a moment that the new leader never had', async () => {
    await cast();
    const old = leader;
    const writes = `select ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int`;
    const timeline = await sql(lab, leader, writes);
    await sql(lab, leader, 'drop table if exists tail; create table tail (row text)', { database: 'shop' });
    const mend = await breakArchiving();
    await write('a');
    await closeSegment();
    await write('b');
    await waitFor({
      what: 'the replicas to have all of it',
      deadlineMs: 180_000,
      everyMs: 300,
      attempt: () =>
        sql(lab, old, 'select count(*) from pg_stat_replication where flush_lsn = pg_current_wal_lsn()'),
      done: (count) => count === '3',
      describe: (count) => `${count} of 3`,
    });
    const replicas = databaseHosts.filter((host) => host !== old);
    await leaveAlone([old]);
    await resume(old);
    const thaw = await Promise.all(replicas.map((host) => freeze(lab, host, 'postgres:.* walreceiver')));
    await write('c, which no replica has');
    const moment = await sql(lab, leader, MOMENT);
    await write('d');
    await killPostgres(old);
    await Promise.all(thaw.map((mendIt) => mendIt()));
    await leaderChanged((name) => name !== '' && name !== old);
    await mend();
    leader = await currentLeader(lab);
    target = replicas.filter((host) => host !== leader).at(-1) ?? 'db2';

    await well('recover.yml', { target, target_time: moment, timeline });
    expect(await rowsThere()).toBe('a b c, which no replica has');
    await well('rollback.yml', { target, members_down: old });
  });
});
