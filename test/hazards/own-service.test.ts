import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { lastSeen } from '../../lib/base/wait/until.ts';
import { productPlaybooks } from '../../lib/language/playbook/assets.ts';
import { play } from '../engine/support.ts';
import { fakePrograms } from '../support/fake-programs.ts';
import { pythonYaml } from '../support/python-yaml.ts';

/** What a member's proof of its service says, whose Patroni has this configuration. */
async function proved(config: string) {
  const { error } = (
    await play(`- hosts: one
  vars: ${JSON.stringify({ service_manager: 'supervisor', patroni_config: config })}
  tasks:
    - import_tasks: ${join(productPlaybooks(), 'tasks/own-service.yml')}
`)
  ).outcome;
  return error && { code: error.code, words: [error.message, ...(error.next ?? [])].join('\n') };
}

async function site() {
  const directory = await mkdtemp(join(tmpdir(), 'pitr-own-service-'));
  const config = join(directory, 'main.yml');
  await writeFile(config, JSON.stringify({ scope: 'main', name: 'one' }));
  return { config, [Symbol.asyncDispose]: () => rm(directory, { recursive: true }) };
}

it('a service that runs Patroni among other things is not stopped', async () => {
  await using here = await site();
  const { config } = here;
  // The shell passes for a supervisord, and what it starts for a Patroni.
  const holder = spawn('bash', ['-c', '(exec -a patroni tail -f "$1") & echo; wait', 'sh', config], {
    argv0: '/usr/bin/supervisord',
    detached: true,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const closed = once(holder, 'close');
  try {
    await once(holder.stdout, 'data');
    await using _ = await fakePrograms({
      supervisorctl: `echo "patroni RUNNING pid ${holder.pid}, uptime 0:00:01"`,
    });
    const refused = await lastSeen(() => proved(config), {
      everyMs: 50,
      deadlineMs: 10_000,
      signal: new AbortController().signal,
      done: (seen) => seen !== undefined,
    });
    expect(refused?.code).toBe('service-of-many');
    expect(refused?.words).toMatch(/is supervisord, which runs Patroni among other things/);
  } finally {
    process.kill(-(holder.pid ?? 0));
    await closed;
  }
});

it('a member whose service is down is refused while its Patroni runs beside it, and passes when that is down too', async () => {
  await using here = await site();
  const { config } = here;
  await using _ = await fakePrograms({ supervisorctl: 'echo "patroni STOPPED   Not started"' });
  const patroni = spawn('tail', ['-f', config], { argv0: 'patroni', stdio: 'ignore' });
  const closed = once(patroni, 'close');
  try {
    await once(patroni, 'spawn');
    const refused = await proved(config);
    expect(refused?.code).toBe('patroni-beside-service');
    expect(refused?.words).toMatch(
      new RegExp(`process ${patroni.pid}[\\s\\S]*-- supervisorctl status[\\s\\S]*patroni_service`),
    );
    patroni.kill();
    await closed;
    expect(await proved(config)).toBeUndefined();
  } finally {
    patroni.kill();
  }
});

it('the service of another cluster is refused', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'pitr-own-service-'));
  const [own = '', other = ''] = ['main', 'other'].map((scope) => join(directory, `${scope}.yml`));
  for (const file of [own, other])
    await writeFile(file, JSON.stringify({ scope: file === own ? 'main' : 'other', name: 'one' }));
  const patroni = spawn('tail', ['-f', other], { argv0: 'patroni', stdio: 'ignore' });
  const closed = once(patroni, 'close');
  await once(patroni, 'spawn');
  try {
    await using _yaml = await pythonYaml();
    const running = `echo "patroni RUNNING   pid ${patroni.pid}, uptime 0:00:01"`;
    await using _programs = await fakePrograms({ supervisorctl: running });
    const refusal = async (config: string) => {
      const { outcome } = await play(`- hosts: one
  vars: ${JSON.stringify({ service_manager: 'supervisor', patroni_config: config })}
  tasks:
    - import_tasks: ${join(productPlaybooks(), 'tasks/own-service.yml')}
`);
      return outcome.error?.code;
    };
    expect(await refusal(own)).toBe('service-of-another');
    expect(await refusal(other)).toBeUndefined();
  } finally {
    patroni.kill();
    await closed;
    await rm(directory, { recursive: true });
  }
});
