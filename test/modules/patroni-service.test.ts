import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { startMember, stopMember } from '../../lib/recovery/patroni/member-control.ts';
import { errorOf } from '../support/errors.ts';
import { fakePrograms } from '../support/fake-programs.ts';
import { pythonYaml } from '../support/python-yaml.ts';
import { localPlayground } from './playground.ts';
import { programAt } from './program-at.ts';

const look = async (answer: string, more: object = {}) => {
  await using ground = await localPlayground();
  await using _ = await fakePrograms({ supervisorctl: answer });
  return (await ground.play.run('patroni.service', { manager: 'supervisor', service: 'patroni', ...more }))
    .result;
};

it.each([
  ['RUNNING   pid 7, uptime 0:00:01', { up: true, state: 'running' }],
  // It does not answer yet, and will take the leader lock in a moment.
  ['STARTING', { up: true, state: 'running' }],
  ['BACKOFF   exited too quickly', { up: true, state: 'failed' }],
  ['STOPPED   Nov 28 01:00 AM', { up: false, state: 'stopped' }],
])('whether Patroni is up is told by its manager: %s', async (words, expected) => {
  expect(await look(`echo "patroni ${words}"`)).toMatchObject(expected);
});

it.each([
  ['does not answer', 'exit 4', 'service-manager-silent'],
  ['knows no such service', 'echo "patroni: ERROR (no such process)"', 'service-unknown'],
])('a manager that %s does not pass for a Patroni that is down', async (_, answer, code) => {
  await expect(look(answer)).rejects.toMatchObject({ code });
});

it('the Patroni of another cluster, which its service runs, is named', async () => {
  await using _ = await pythonYaml();
  await using ground = await localPlayground();
  const [own, other] = ['own.yml', 'other.yml'].map((name) => join(ground.dir, name));
  for (const file of [own, other])
    await writeFile(file ?? '', JSON.stringify({ scope: file === other ? 'other' : 'main', name: 'db1' }));
  const patroni = spawn('tail', ['-f', other ?? ''], { argv0: 'patroni', stdio: 'ignore' });
  try {
    const run = (config = '') =>
      look(`echo "patroni RUNNING pid ${patroni.pid}, uptime 0:00:01"`, { config });
    expect(await run(own)).toMatchObject({ up: true, other });
    expect(await run(other)).not.toHaveProperty('other');
    expect(await run('/etc/patroni/nowhere.yml')).not.toHaveProperty('other');
  } finally {
    patroni.kill();
  }
});

/** A process that passes for a Patroni with a configuration, for as long as this lasts. */
async function patroniOf(config: string) {
  await writeFile(config, JSON.stringify({ scope: 'main', name: 'db1' }));
  const child = spawn('tail', ['-f', config], { argv0: 'patroni', stdio: 'ignore' });
  await once(child, 'spawn');
  const closed = once(child, 'close');
  return {
    pid: child.pid,
    [Symbol.asyncDispose]: async () => {
      child.kill();
      await closed;
    },
  };
}

const DOWN = 'echo "patroni STOPPED   Not started"';

it('a Patroni that runs while its service is down is up, and told beside it', async () => {
  await using ground = await localPlayground();
  const config = join(ground.dir, 'own.yml');
  {
    await using patroni = await patroniOf(config);
    const told = await look(DOWN, { config });
    expect(told).toMatchObject({
      up: true,
      state: 'stopped',
      beside: expect.stringContaining(`process ${patroni.pid}`),
    });
    expect(await look(DOWN, { config: join(ground.dir, 'other.yml') })).toMatchObject({ up: false });
  }
  const down = await look(DOWN, { config });
  expect(down).toMatchObject({ up: false, state: 'stopped' });
  expect(down).not.toHaveProperty('beside');
});

it('a service that is up and runs something else does not hide the Patroni that runs beside it', async () => {
  await using ground = await localPlayground();
  const config = join(ground.dir, 'own.yml');
  await using patroni = await patroniOf(config);
  const running = (pid: number | undefined) => `echo "patroni RUNNING   pid ${pid}, uptime 0:00:01"`;
  await using other = await programAt(ground.dir, 'sleep', ground.dir);
  expect(await look(running(other.pid), { config })).toMatchObject({
    ...{ up: true, state: 'running' },
    beside: expect.stringContaining(`process ${patroni.pid}`),
  });
  // It has not named its process yet, or it is the one.
  expect(await look('echo "patroni STARTING"', { config })).not.toHaveProperty('beside');
  expect(await look(running(patroni.pid), { config })).not.toHaveProperty('beside');
  expect(await look(running(process.pid), { config })).not.toHaveProperty('beside');
}, 60_000);

it('a look at the processes that is broken off says what could not be seen, and where', async () => {
  await using ground = await localPlayground();
  await using _ = await fakePrograms({ grep: 'kill -9 $PPID', supervisorctl: DOWN });
  const config = join(ground.dir, 'own.yml');
  const run = ground.play.run('patroni.service', { manager: 'supervisor', service: 'patroni', config });
  const error = await errorOf(run);
  expect(error).toMatchObject({
    ...{ kind: 'failed', code: 'look-broken-off', host: 'here' },
    message: expect.stringContaining(`whether the Patroni of ${config} runs`),
    next: expect.arrayContaining([expect.stringContaining('here')]),
  });
});

/** A member whose service answers so, on this machine. */
async function memberWith(
  answer: string,
  timeoutMs: number,
  manager: 'supervisor' | 'systemd' = 'supervisor',
) {
  const ground = await localPlayground();
  const programs = await fakePrograms({ supervisorctl: answer, systemctl: answer });
  const config = join(ground.dir, 'own.yml');
  const change = {
    summary: 'stop Patroni',
    state: 'stopped',
    service: 'patroni',
    manager,
    pgdata: join(ground.dir, 'data'),
    user: userInfo().username,
    port: 1,
    config,
    timeoutMs,
    ranBefore: true,
  } as const;
  const context = {
    runId: '20260101-t1',
    signal: new AbortController().signal,
    progress: () => {},
    warn: () => {},
  };
  return {
    config,
    stop: () => stopMember(ground.play.host(), change, context),
    start: () => startMember(ground.play.host(), { ...change, state: 'running' }, context),
    [Symbol.asyncDispose]: async () => {
      await programs[Symbol.asyncDispose]();
      await ground[Symbol.asyncDispose]();
    },
  };
}

it('a member is not stopped while its Patroni runs beside the service, and the error says how to look', async () => {
  await using member = await memberWith(DOWN, 1_000);
  {
    await using patroni = await patroniOf(member.config);
    const error = await errorOf(member.stop());
    expect(error).toMatchObject({ code: 'member-not-stopped', state: 'No data was touched.' });
    expect(error.details?.join()).toContain(`process ${patroni.pid}`);
    expect(error.next?.join()).toMatch(/supervisorctl status.*patroni_service/);
  }
  expect(await member.stop()).toEqual({ service: 'stopped', postgres: false });
});

it('a manager that is silent for one look does not end the wait for a stop or a start', async () => {
  await using ground = await localPlayground();
  const asked = join(ground.dir, 'asked');
  const once = (word: string) =>
    `[ "$1" = status ] || exit 0; [ -e ${asked} ] && echo 'patroni ${word}' || { : >${asked}; exit 4; }`;
  {
    await using member = await memberWith(once('STOPPED   Not started'), 20_000);
    expect(await member.stop()).toEqual({ service: 'stopped', postgres: false });
  }
  await rm(asked);
  await using member = await memberWith(once('FATAL   Exited too quickly'), 5_000);
  expect(await errorOf(member.start())).toMatchObject({ code: 'member-not-started' });
}, 60_000);

it('a stop has one deadline for its command and the wait, tells how long that was, and names the run', async () => {
  await using member = await memberWith(
    `[ "$1" = status ] || exec sleep 30; echo 'patroni RUNNING   pid 7, uptime 0:00:01'`,
    2_500,
  );
  const begun = performance.now();
  const error = await errorOf(member.stop());
  const seconds = Math.round((performance.now() - begun) / 1000);
  expect(error).toMatchObject({ code: 'member-not-stopped' });
  const told = Number(/not down after (\d+) s/.exec(error.message)?.[1]);
  expect(Math.abs(told - seconds)).toBeLessThanOrEqual(1);
  expect(error.next?.join()).toContain('pitr runs 20260101-t1');
});

it('a start that its manager refuses is not waited for, and says why', async () => {
  await using member = await memberWith(
    `[ "$1" = status ] || { echo 'patroni: ERROR (no such file)' >&2; exit 7; }; ${DOWN}`,
    600_000,
  );
  const error = await errorOf(member.start());
  expect(error).toMatchObject({ code: 'member-not-started' });
  expect(error.evidence?.stderr).toContain('no such file');
});

it('a masked unit is told as such, with the command that takes that back', async () => {
  await using member = await memberWith(
    `[ "$1" = show ] || { echo 'Unit patroni.service is masked.' >&2; exit 1; }
printf 'LoadState=masked\\nActiveState=inactive\\nSubState=dead\\nMainPID=0\\nResult=success\\n'`,
    600_000,
    'systemd',
  );
  const error = await errorOf(member.start());
  expect(error.details?.join()).toContain('masked');
  expect(error.next?.[0]).toContain('systemctl unmask patroni.service');
});
