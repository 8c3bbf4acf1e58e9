import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { currentLeader } from '../../lab/cluster.ts';
import type { Lab } from '../../lab/lab.ts';
import { type DatabaseHost, databaseHosts, postgresBin } from '../../lab/topology.ts';
import { keepsDataAt } from '../../lib/recovery/patroni/data-directory.ts';
import { errorOf } from '../support/errors.ts';
import { healthy, sharedLab } from '../support/lab.ts';
import { labPlayground, nodeParams } from './lab-playground.ts';
import type { Playground } from './playground.ts';

let lab: Lab;
let play: Playground;
let leader: DatabaseHost;
let replica: DatabaseHost;
let candidate: DatabaseHost;

beforeAll(async () => {
  lab = await sharedLab();
  await healthy(lab);
  play = labPlayground(lab.prefix);
  leader = await currentLeader(lab);
  const [first, second] = databaseHosts.filter((host) => host !== leader);
  if (first === undefined || second === undefined) throw new Error('the lab has too few replicas');
  [replica, candidate] = [first, second];
});

afterAll(() => play.close());

const patroni = (host: DatabaseHost) => nodeParams(host).patroni;
const streaming = (host: DatabaseHost, stall = 60) =>
  play.run('patroni.streaming', { ...patroni(host), ...nodeParams(host).postgres, stall }, host);

/** Since 3.0.4 a good replica is no longer `running`. */
const RUNS = expect.stringMatching(/^(running|streaming)$/);

describe('the cluster', () => {
  it('is told by each node alike', async () => {
    const views = await Promise.all(
      databaseHosts.map((host) => play.run('patroni.cluster', patroni(host), host)),
    );
    for (const { result } of views) {
      expect(result).toMatchObject({ cluster: 'patroni1', leader, source: 'node', paused: false });
      expect(result?.members).toMatchObject(
        Object.fromEntries(databaseHosts.map((host) => [host, { state: RUNS }])),
      );
      expect(result?.system_id).toMatch(/^\d{19}$/);
    }
  });

  it('is not another one with the same port', async () => {
    const error = await errorOf(
      play.run('patroni.cluster', { ...patroni(leader), cluster: 'other' }, leader),
    );
    expect(error).toMatchObject({ kind: 'refused', code: 'other-cluster' });
  });

  it('is silent where neither Patroni nor the DCS answers, and says what was tried', async () => {
    const nowhere = { port: 9, config: '/nowhere.yml' };
    expect(await errorOf(play.run('patroni.cluster', nowhere, leader))).toMatchObject({
      code: 'patroni-silent',
    });
  });
});

describe('proofs', () => {
  it('of leadership hold for the leader alone', async () => {
    const { result } = await play.run(
      'patroni.leader',
      { ...patroni(leader), pgdata: nodeParams(leader).postgres.pgdata },
      leader,
    );
    expect(result).toMatchObject({ leader });
    const error = await errorOf(play.run('patroni.leader', { ...patroni(replica), timeout: 1 }, replica));
    expect(error).toMatchObject({
      code: 'not-the-leader',
      message: expect.stringContaining('still not the leader (current role: replica)'),
    });
    expect(error.details.join('\n')).toContain(`${leader} holds the leader lock`);
  });

  it('of streaming hold for every replica and not for the leader', async () => {
    for (const host of databaseHosts.filter((each) => each !== leader)) {
      expect((await streaming(host)).result).toMatchObject({ member: host, leader });
    }
    expect(await errorOf(streaming(leader, 1))).toMatchObject({ code: 'member-leads' });
  });
});

describe('a member', () => {
  it('leaves with its PostgreSQL, is told by others meanwhile, and comes back by undo', async () => {
    const params = { ...nodeParams(replica).member, state: 'stopped' };
    expect(await play.run('patroni.member', params, replica)).toMatchObject({
      status: 'changed',
      result: { service: 'stopped', postgres: false },
    });
    const running = await lab.exec(replica, ['pgrep', '-x', 'postgres']);
    expect(running.stdout).toBe('');
    expect((await play.run('patroni.member', params, replica)).status).toBe('ok');
    const view = await play.run('patroni.cluster', patroni(replica), replica);
    expect(view.result).toMatchObject({ leader, source: 'member' });
    expect(await errorOf(streaming(replica, 1))).toMatchObject({ code: 'not-streaming' });

    await play.undo();
    expect((await streaming(replica)).result).toMatchObject({ leader });
  });

  it('leaves no orphaned PostgreSQL behind when the cluster is paused', async () => {
    await play.run('patroni.pause', patroni(replica), replica);
    try {
      const stopped = await play.run(
        'patroni.member',
        { ...nodeParams(replica).member, state: 'stopped' },
        replica,
      );
      expect(stopped.result).toEqual({ service: 'stopped', postgres: false });
      expect(play.warnings.join('\n')).toContain('still runs');
      expect((await lab.exec(replica, ['pgrep', '-x', 'postgres'])).stdout).toBe('');
    } finally {
      await play.run('patroni.resume', patroni(leader), leader);
      await play.run('patroni.member', { ...nodeParams(replica).member, state: 'running' }, replica);
    }
    await streaming(replica);
  });

  it('is known to keep its data elsewhere by its configuration, while its Patroni is silent', async () => {
    const { config } = patroni(replica);
    const { pgdata } = nodeParams(replica).postgres;
    expect(await keepsDataAt(play.host(replica), config, pgdata)).toBe(true);
    expect(await keepsDataAt(play.host(replica), config, '/srv/other')).toBe(false);
    const error = await errorOf(keepsDataAt(play.host(replica), '/nowhere.yml', pgdata));
    expect(error).toMatchObject({ kind: 'refused', code: 'data-directory-unknown' });
  });

  it('takes along a backend that has outlived its killed postmaster', async () => {
    const { pgdata } = nodeParams(replica).postgres;
    const sleeper = `psql -h /var/run/postgresql -p 5431 -Atc "select pid from pg_stat_activity where query = 'select pg_sleep(1000)'" postgres`;
    try {
      await lab.mustExec(replica, [
        'sh',
        '-ec',
        `runuser -u postgres -- psql -h /var/run/postgresql -p 5431 -c 'select pg_sleep(1000)' postgres >/dev/null 2>&1 &
until pid=$(runuser -u postgres -- ${sleeper}) && [ -n "$pid" ]; do :; done
kill -STOP $pid; read -r postmaster <${pgdata}/postmaster.pid; supervisorctl stop patroni >/dev/null & stopping=$!
kill -KILL $postmaster; wait $stopping`,
      ]);
      const aside = `${pgdata}.aside`;
      await expect(play.run('fs.move', { src: pgdata, dest: aside }, replica)).rejects.toMatchObject({
        kind: 'refused',
        code: 'postgres-at-work',
      });
      const stopped = await play.run(
        'patroni.member',
        { ...nodeParams(replica).member, state: 'stopped' },
        replica,
      );
      expect(stopped).toMatchObject({ status: 'changed', result: { postgres: false } });
      expect((await lab.exec(replica, ['pgrep', '-x', 'postgres'])).stdout).toBe('');
      expect((await play.run('fs.move', { src: pgdata, dest: aside }, replica)).status).toBe('changed');
      await play.undo();
    } finally {
      await play.run('patroni.member', { ...nodeParams(replica).member, state: 'running' }, replica);
    }
    await streaming(replica);
  });

  it('takes along a copy of the leader that has outlived the Patroni that began it', async () => {
    const { pgdata } = nodeParams(replica).postgres;
    const member = { ...nodeParams(replica).member, state: 'stopped' };
    const aside = `${pgdata}.aside`;
    await play.run('patroni.member', member, replica);
    await lab.mustExec(replica, ['mv', '-T', pgdata, aside]);
    try {
      // So slowly that it is at work for as long as it takes.
      await lab.mustExec(replica, [
        'sh',
        '-ec',
        `password=$(sed -n 's/.*{username: replicator, password: "\\(.*\\)"}.*/\\1/p' /etc/patroni/patroni.yml)
PGPASSWORD=$password setsid runuser -u postgres -- ${postgresBin}/pg_basebackup -h ${leader} -p 5431 -U replicator -r 32 -c fast --pgdata=${pgdata} >/tmp/copy.log 2>&1 &
until [ -e ${pgdata} ] || ! kill -0 $!; do sleep 0.1; done; [ -e ${pgdata} ] || { cat /tmp/copy.log >&2; exit 1; }`,
      ]);
      expect((await play.run('patroni.member', member, replica)).status).toBe('changed');
      expect(play.warnings.join('\n')).toContain('copy of another server');
      expect((await lab.exec(replica, ['pgrep', '-x', 'pg_basebackup'])).stdout).toBe('');
      expect((await play.run('patroni.member', member, replica)).status).toBe('ok');
    } finally {
      await lab.mustExec(replica, ['sh', '-c', `rm -rf ${pgdata} && mv -T ${aside} ${pgdata}`]);
      await play.run('patroni.member', { ...nodeParams(replica).member, state: 'running' }, replica);
    }
    await streaming(replica);
  });

  it('that streams is not copied anew unless that is forced', async () => {
    const params = { ...patroni(replica), ...nodeParams(replica).postgres };
    expect((await play.run('patroni.reinit', params, replica)).status).toBe('ok');
    await lab.mustExec(replica, ['touch', `${params.pgdata}/of-the-old-copy`]);
    expect(await play.run('patroni.reinit', { ...params, force: true }, replica)).toMatchObject({
      status: 'changed',
      result: { member: replica, leader },
    });
    expect((await lab.exec(replica, ['test', '-e', `${params.pgdata}/of-the-old-copy`])).exitCode).toBe(1);
  });

  it('gets a new postmaster by a restart, and none where nothing is pending', async () => {
    expect(
      (await play.run('patroni.restart', { ...patroni(replica), only_if_pending: true }, replica)).status,
    ).toBe('ok');
    expect((await play.run('patroni.restart', patroni(replica), replica)).status).toBe('changed');
    await streaming(replica);
  });
});

describe('pause', () => {
  it('is seen on a node that has no curl', async () => {
    const curl = (from: string, to: string) =>
      lab.mustExec(replica, ['mv', `/usr/bin/${from}`, `/usr/bin/${to}`]);
    const seen = async () => (await play.run('patroni.cluster', patroni(replica), replica)).result;
    await curl('curl', 'curl.away');
    try {
      expect(await seen()).toMatchObject({ source: 'patronictl', paused: false });
      await play.run('patroni.pause', patroni(leader), leader);
      expect(await seen()).toMatchObject({ source: 'patronictl', paused: true });
      await play.undo();
      expect(await seen()).toMatchObject({ paused: false });
    } finally {
      await curl('curl.away', 'curl');
    }
  });

  it('is known to all nodes, is idempotent, and is taken back', async () => {
    expect((await play.run('patroni.pause', patroni(replica), replica)).status).toBe('changed');
    expect((await play.run('patroni.pause', patroni(leader), leader)).status).toBe('ok');
    expect((await play.run('patroni.cluster', patroni(candidate), candidate)).result).toMatchObject({
      paused: true,
    });
    await play.undo();
    expect((await play.run('patroni.resume', patroni(leader), leader)).status).toBe('ok');
  });
});

describe('a failover', () => {
  it('is refused to a member that does not exist, with the nearest name', async () => {
    const error = await errorOf(
      play.run('patroni.failover', { ...patroni(leader), candidate: 'db44' }, leader),
    );
    expect(error).toMatchObject({
      kind: 'refused',
      code: 'member-unknown',
      message: expect.stringContaining('db4'),
    });
  });

  it('is proved by the cluster, and taken back', async () => {
    const handed = await play.run('patroni.failover', { ...patroni(leader), candidate }, leader);
    expect(handed).toMatchObject({ status: 'changed', result: { leader: candidate, previous: leader } });
    expect((await play.run('patroni.failover', { ...patroni(leader), candidate }, leader)).status).toBe('ok');
    await play.undo();
    expect(await currentLeader(lab)).toBe(leader);
    for (const host of databaseHosts.filter((each) => each !== leader)) await streaming(host);
  });
});

describe('a leader', () => {
  it('stops without its archive where that is wanted; what it leaves is archived afterwards', async () => {
    const now = await currentLeader(lab);
    const others = databaseHosts.filter((host) => host !== now);
    const { postgres } = nodeParams(now);
    // As in a cut-over, the leader last: nobody takes the leadership over.
    const bring = async (host: DatabaseHost, state: string, more: object = {}) =>
      (await play.run('patroni.member', { ...nodeParams(host).member, state, ...more }, host)).result;
    try {
      for (const host of others) await bring(host, 'stopped');
      expect(await bring(now, 'stopped', { leave_wal: true })).toEqual({
        service: 'stopped',
        postgres: false,
      });
      const waiting = await lab.mustExec(now, ['ls', `${postgres.pgdata}/pg_wal/archive_status`]);
      const left = waiting.split('\n').flatMap((name) => /^([0-9A-F]{24})\.ready$/.exec(name)?.[1] ?? []);
      // The archiver may have been at an older one still.
      expect(left).not.toEqual([]);
      const tail = { ...postgres, barman_host: 'barman', beginnings: false };
      expect((await play.run('postgres.archive_tail', tail, now)).result).toEqual({ files: left });
      expect((await play.run('postgres.archive_tail', tail, now)).status).toBe('ok');
    } finally {
      await bring(now, 'running');
      await play.run('patroni.leader', { ...patroni(now), pgdata: postgres.pgdata }, now);
      for (const host of others) await bring(host, 'running');
      await healthy(lab);
    }
    expect(await currentLeader(lab)).toBe(now);
  });
});
