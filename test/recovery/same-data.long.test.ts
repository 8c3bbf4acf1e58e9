import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { currentLeader, sql } from '../../lab/cluster.ts';
import type { Lab } from '../../lab/lab.ts';
import { type DatabaseHost, databaseHosts, dataDirectory, postgresBin } from '../../lab/topology.ts';
import { waitFor } from '../../lab/wait.ts';
import { labPlayground, nodeParams } from '../modules/lab-playground.ts';
import type { Playground } from '../modules/playground.ts';
import { errorOf } from '../support/errors.ts';
import { healthy, sharedLab } from '../support/lab.ts';
import { putConfigurationBack, service, untilNode, writeConfiguration } from '../support/member-files.ts';

let lab: Lab;
let play: Playground;
let leader: DatabaseHost;
let first: DatabaseHost;
let second: DatabaseHost;

beforeAll(async () => {
  lab = await sharedLab();
  play = labPlayground(lab.prefix);
  leader = await currentLeader(lab);
  [first = 'db2', second = 'db3'] = databaseHosts.filter((host) => host !== leader);
});

afterAll(() => play.close());

const streaming = (host: DatabaseHost, stall = 15) =>
  play.run(
    'patroni.streaming',
    { ...nodeParams(host).patroni, ...nodeParams(host).postgres, stall, interval: 0.5 },
    host,
  );

const asPostgres = (host: DatabaseHost, script: string) =>
  lab.mustExec(
    host,
    ['sh', '-c', `set -e; cd ${dataDirectory(host)}; PATH=${postgresBin}:$PATH; ${script}`],
    {
      user: 'postgres',
      deadlineMs: 300_000,
    },
  );

const statement = (host: DatabaseHost, text: string) => sql(lab, host, text);

/** Of two replicas, that what the leader has written has been replayed. */
async function replayed(host: DatabaseHost): Promise<void> {
  const lsn = await statement(leader, 'select pg_current_wal_lsn()');
  await waitFor({
    what: `${host} at ${lsn}`,
    deadlineMs: 180_000,
    attempt: () => statement(host, `select pg_last_wal_replay_lsn() >= '${lsn}'`),
    done: (answer) => answer === 't',
    describe: (answer) => answer,
  });
}

/** Whatever a test has made of it: copied anew by Patroni. */
async function copiedAnew(host: DatabaseHost): Promise<void> {
  await service(lab, host, 'stop');
  await lab.mustExec(host, ['sh', '-c', `rm -rf ${dataDirectory(host)}`]);
  await service(lab, host, 'start');
  await healthy(lab, 180_000);
}

describe('a member that gets its WAL from another one (replicatefrom)', () => {
  afterAll(async () => {
    await putConfigurationBack(lab, second);
    await service(lab, second, 'restart');
    await healthy(lab);
  });

  it('is proved along the way that the WAL takes, and not any more when that ends before the leader', async () => {
    await writeConfiguration(lab, second, (text) => `${text}\ntags:\n  replicatefrom: ${first}\n`);
    await service(lab, second, 'restart');
    await waitFor({
      what: `${second} streams from ${first}`,
      deadlineMs: 180_000,
      attempt: () =>
        statement(
          first,
          `select string_agg(application_name, ',') from pg_stat_replication where state = 'streaming'`,
        ),
      done: (names) => names === second,
      describe: (names) => names,
    });
    expect((await streaming(second)).result).toMatchObject({ member: second, leader });

    // Its own upstream is cut off: what it sends on is what it had.
    await statement(leader, `alter role replicator nologin`);
    try {
      await statement(
        leader,
        `select pg_terminate_backend(pid) from pg_stat_replication where application_name = '${first}'`,
      );
      const error = await errorOf(streaming(second, 5));
      expect(error).toMatchObject({ code: 'not-streaming' });
      expect(error.message).toContain(`${first}, from which it streams, receives none of ${leader}`);
    } finally {
      await statement(leader, `alter role replicator login`);
    }
    expect((await streaming(second, 60)).result).toMatchObject({ member: second, leader });
  });
});

describe('a member whose timeline Patroni does not know', () => {
  afterAll(async () => {
    await asPostgres(first, 'mv pg_hba.conf.of-the-lab pg_hba.conf; pg_ctl -D . reload');
    await service(lab, first, 'restart');
    await healthy(lab);
  });

  it('is proved by its receiver', async () => {
    await asPostgres(
      first,
      `cp -p pg_hba.conf pg_hba.conf.of-the-lab
       { echo 'host replication all 127.0.0.1/32 reject'; echo 'host replication all ::1/128 reject'; echo 'local replication all reject'; cat pg_hba.conf.of-the-lab; } > pg_hba.conf
       pg_ctl -D . reload`,
    );
    await service(lab, first, 'restart');
    await untilNode(
      lab,
      first,
      'its timeline is null',
      ({ state, timeline }) => state === 'running' && timeline === null,
    );
    expect((await streaming(first)).result).toMatchObject({ member: first, leader });
  });
});

describe('a member with the right timeline, that streams and has no lag', () => {
  afterEach(() => copiedAnew(second));

  it('is found out when it lacks rows: its replay began too late', async () => {
    await service(lab, second, 'stop');
    await statement(leader, 'create table if not exists acknowledged (row int)');
    await statement(leader, 'insert into acknowledged select generate_series(1, 10)');
    await statement(leader, 'checkpoint');
    await replayed(first);
    await statement(first, 'checkpoint');
    // As it is when a server writes the control file of a directory that was put in the place of its own.
    const control = await asPostgres(first, 'base64 -w 0 global/pg_control');
    await asPostgres(second, `printf '%s' '${control}' | base64 -d > global/pg_control`);
    await service(lab, second, 'start');
    await untilNode(lab, second, 'runs', ({ state }) => state === 'running');
    await statement(leader, 'create table if not exists noise (row int); insert into noise values (1)');
    await replayed(second);

    const error = await errorOf(streaming(second, 60));
    expect(error).toMatchObject({ code: 'other-data' });
    expect(error.details.join('\n')).toContain('transactions have another outcome than on the leader');
    await statement(leader, 'drop table acknowledged, noise');
  });

  it('is found out when it has followed another branch with the same number', async () => {
    await service(lab, second, 'stop');
    await asPostgres(
      second,
      `pg_ctl -D . -w -s -l /tmp/branch.log -o "-c listen_addresses='' -c archive_command='' -c primary_conninfo='' -c unix_socket_directories=/tmp" start
       psql -h /tmp -p 5431 -qAtc 'select pg_promote(true, 60)' -c 'create table of_the_branch (row int)' -c checkpoint postgres
       pg_ctl -D . -w -s -m fast stop`,
    );
    // The cluster takes the same number, for a history of its own.
    await lab.mustExec(
      leader,
      [
        'patronictl',
        '-c',
        '/etc/patroni/patroni.yml',
        'switchover',
        '--master',
        leader,
        '--candidate',
        first,
        '--force',
        'patroni1',
      ],
      { deadlineMs: 300_000 },
    );
    await waitFor({
      what: `${first} leads`,
      deadlineMs: 180_000,
      attempt: () => currentLeader(lab).catch(String),
      done: (name) => name === first,
      describe: (name) => name,
    });
    [leader, first] = [first, leader];
    await statement(leader, 'create table further as select generate_series(1, 10000)');
    await asPostgres(second, 'touch standby.signal');
    await service(lab, second, 'start');
    const error = await errorOf(streaming(second, 20));
    expect(error).toMatchObject({ code: 'other-data' });
    expect(error.details.join('\n')).toContain('its data goes back to a checkpoint at');
    await statement(leader, 'drop table further');
  });
});
