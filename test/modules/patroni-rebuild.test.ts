import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { errorOf } from '../support/errors.ts';
import { fakePrograms } from '../support/fake-programs.ts';
import { pythonYaml } from '../support/python-yaml.ts';
import { pair } from './patroni-pair.ts';
import { startedAmidMoves } from './started-amid.ts';

type Pair = Awaited<ReturnType<typeof pair>>;

/** A member that is down is made anew where this is so, and fails its proof; `stopped`: Patroni was stopped again. */
async function rebuilt(so: (those: Pair) => void | Promise<void>, { stops = true } = {}) {
  await using _yaml = await pythonYaml();
  await using those = await pair();
  const { params, play, postgres } = those;
  const dir = dirname(params.pgdata);
  const calls = join(dir, 'calls');
  await writeFile(calls, '');
  await writeFile(params.config, JSON.stringify({ scope: 'c1', name: 'here' }));
  await using _ = await fakePrograms({
    supervisorctl: `echo "$1" >>${calls}
case $1 in
start) echo running >${dir}/state ;;
stop) ${stops ? `rm -f ${dir}/state ${params.pgdata}/postmaster.pid; kill ${postgres.pid}` : ':'} ;;
esac
[ -e ${dir}/state ] && echo 'patroni RUNNING pid 7, uptime 0:00:01' || echo 'patroni STOPPED Not started'`,
    patronictl: 'exit 1',
  });
  those.own.told['/liveness'] = {};
  those.own.told['/config'] = {};
  await so(those);
  const { interval, ...member } = params;
  const error = await errorOf(
    play.run('patroni.rebuild', { ...member, stall: 0.5, timeout: stops ? 20 : 3 }),
  );
  const stopped = (await readFile(calls, 'utf8')).split('\n').includes('stop');
  const aside = (await readdir(dir)).some((name) => name.includes('.unproved.'));
  return {
    code: error.code,
    kind: error.kind,
    state: error.state ?? '',
    next: error.next ?? [],
    details: error.details.join('\n'),
    stopped,
    aside,
    data: existsSync(params.pgdata),
  };
}

it.each<readonly [string, string, (those: Pair) => void | Promise<void>]>([
  [
    'the leader is silent',
    'streaming-unknown',
    ({ leader }) => {
      leader.told['/patroni'] = undefined;
    },
  ],
  [
    'nobody leads',
    'no-leader',
    ({ own, cluster }) => {
      own.told['/cluster'] = { ...cluster, members: cluster.members.slice(0, 1) };
    },
  ],
  [
    'a person has paused its replay',
    'replay-paused',
    ({ psql }) =>
      psql(
        `echo '{"receiver":{"status":"streaming","timeline":2},"delayed":false,"paused":true,"waits":null}'`,
      ),
  ],
  [
    'its PostgreSQL still replays what it was copied with',
    'streaming-unknown',
    ({ own, replica }) => {
      own.told['/patroni'] = { ...replica, state: 'starting' };
    },
  ],
])('a member stays as it is where %s: that is nothing against its data', async (_, code, so) => {
  const seen = await rebuilt(so);
  expect(seen).toMatchObject({ code, stopped: false, aside: false, data: true });
  expect(seen.state).toContain('left running');
  expect(seen.next.at(-1)).toContain('pitr resume');
});

it('one whose PostgreSQL cannot be started is seen not to stream', async () => {
  const seen = await rebuilt(({ own, replica }) => {
    own.told['/patroni'] = { ...replica, state: 'start failed' };
  });
  expect(seen).toMatchObject({ code: 'not-streaming', stopped: true, aside: true });
});

it('a copy that is at work is not put aside, whatever was seen of it', async () => {
  let copies: ChildProcess | undefined;
  const seen = await rebuilt(async ({ own, replica, leader, leads, postgres, params: { pgdata } }) => {
    own.told['/patroni'] = { ...replica, state: 'creating replica' };
    leader.told['/patroni'] = { ...leads, replication: [] };
    await postgres.end();
    await rm(join(pgdata, 'postmaster.pid'));
    await writeFile(join(pgdata, 'backup_label'), '');
    const program = join(dirname(pgdata), 'pg_basebackup');
    await copyFile('/bin/sleep', program);
    copies = spawn(program, ['60'], { argv0: `--pgdata=${pgdata}` });
    await once(copies, 'spawn');
  }).finally(() => copies?.kill());
  expect(seen).toMatchObject({ code: 'not-streaming', stopped: false, aside: false, data: true });
  expect(seen.state).toContain(`is at work (process ${copies?.pid})`);
  expect(seen.next.at(-1)).toContain('pitr resume');
});

it('a member that is seen not to stream is taken out of service, and its copy put aside', async () => {
  const seen = await rebuilt(({ leader, leads }) => {
    leader.told['/patroni'] = { ...leads, replication: [] };
  });
  expect(seen).toMatchObject({ code: 'not-streaming', stopped: true, aside: true, data: false });
});

it('a copy that is put aside leaves its tablespaces where the next one has them: they are named, with the way', async () => {
  const seen = await rebuilt(async ({ leader, leads, params: { pgdata } }) => {
    leader.told['/patroni'] = { ...leads, replication: [] };
    await mkdir(join(pgdata, 'pg_tblspc'));
    await symlink('/srv/fast one', join(pgdata, 'pg_tblspc/16400'));
  });
  expect(seen).toMatchObject({ code: 'not-streaming', aside: true });
  expect(seen.state).toMatch(/What was copied is in \S+\.unproved\.\S+, \/srv\/fast one;/);
  expect(seen.next[0]).toMatch(/mv '\/srv\/fast one' '\/srv\/fast one\.unproved\.\S+' && install -d/);
});

it('one that cannot be taken out of service is told with what speaks against its data', async () => {
  const seen = await rebuilt(
    ({ leader, leads }) => {
      leader.told['/patroni'] = { ...leads, replication: [] };
    },
    { stops: false },
  );
  expect(seen).toMatchObject({ code: 'member-not-stopped', kind: 'failed', aside: false, data: true });
  expect(seen.details).toContain('Why it was to be stopped: ');
  expect(seen.state).toBe("Patroni may still run on here, and serve data that are not the leader's.");
});

it('one on whose copy a PostgreSQL begins while that is put aside counts as begun: an undo takes it back', async () => {
  let amid: AsyncDisposable | undefined;
  await using _ = { [Symbol.asyncDispose]: async () => amid?.[Symbol.asyncDispose]() };
  const seen = await rebuilt(async ({ leader, leads, params: { pgdata } }) => {
    leader.told['/patroni'] = { ...leads, replication: [] };
    // With WAL in a place of its own, which goes aside before the data does.
    const dir = join(dirname(pgdata), 'amid');
    await mkdir(join(dir, 'wal'), { recursive: true });
    await symlink(join(dir, 'wal'), join(pgdata, 'pg_wal'));
    amid = await startedAmidMoves(dir, pgdata);
  });
  expect(seen).toMatchObject({ code: 'postgres-at-work', kind: 'failed', stopped: true, data: true });
  expect(seen.state).toMatch(/^Patroni was stopped on here/);
});
