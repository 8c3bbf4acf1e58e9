import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { fakePrograms } from '../support/fake-programs.ts';
import { pythonYaml } from '../support/python-yaml.ts';
import { localPlayground } from './playground.ts';

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
