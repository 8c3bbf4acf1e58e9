import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { productPlaybooks } from '../../lib/language/playbook/assets.ts';
import { play } from '../engine/support.ts';
import { fakePrograms } from '../support/fake-programs.ts';
import { pythonYaml } from '../support/python-yaml.ts';

it('a member whose service is down is refused while its Patroni runs beside it, and passes when that is down too', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'pitr-own-service-'));
  const config = join(directory, 'main.yml');
  await writeFile(config, JSON.stringify({ scope: 'main', name: 'one' }));
  await using _ = await fakePrograms({ supervisorctl: 'echo "patroni STOPPED   Not started"' });
  const proved = async () => {
    const { error } = (
      await play(`- hosts: one
  vars: ${JSON.stringify({ service_manager: 'supervisor', patroni_config: config })}
  tasks:
    - import_tasks: ${join(productPlaybooks(), 'tasks/own-service.yml')}
`)
    ).outcome;
    return error && { code: error.code, words: [error.message, ...(error.next ?? [])].join('\n') };
  };
  const patroni = spawn('tail', ['-f', config], { argv0: 'patroni', stdio: 'ignore' });
  const closed = once(patroni, 'close');
  try {
    await once(patroni, 'spawn');
    const refused = await proved();
    expect(refused?.code).toBe('patroni-beside-service');
    expect(refused?.words).toMatch(
      new RegExp(`process ${patroni.pid}[\\s\\S]*-- supervisorctl status[\\s\\S]*patroni_service`),
    );
    patroni.kill();
    await closed;
    expect(await proved()).toBeUndefined();
  } finally {
    patroni.kill();
    await rm(directory, { recursive: true });
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
