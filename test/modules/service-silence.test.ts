import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { errorOf } from '../support/errors.ts';
import { fakePrograms } from '../support/fake-programs.ts';
import { localPlayground } from './playground.ts';

/** A supervisord that is silent for the first looks after it was told to do something, and answers again then. */
const silentFor = (dir: string, looks: number): string => `
case $1 in
status)
  if [ -e ${dir}/asked ]; then
    echo look >>${dir}/looks
    [ "$(wc -l <${dir}/looks)" -gt ${looks} ] || { echo 'unix:///run/supervisor.sock refused connection'; exit 4; }
    echo "napper RUNNING pid 42, uptime 0:00:01"
  else
    echo "napper STOPPED Not started"; exit 3
  fi ;;
*) : >${dir}/asked ;;
esac`;

const napper = { name: 'napper', manager: 'supervisor', state: 'started' };

it('a service is waited for where its manager does not answer one look', async () => {
  await using ground = await localPlayground();
  const { play, dir } = ground;
  await using _ = await fakePrograms({ supervisorctl: silentFor(dir, 2) });
  await writeFile(join(dir, 'looks'), '');
  const outcome = await play.run('service.state', { ...napper, timeout: 20 });
  expect(outcome).toMatchObject({ status: 'changed', result: { state: 'running', pid: 42 } });
});

it('a manager that does not answer until the end is told as that', async () => {
  await using ground = await localPlayground();
  const { play, dir } = ground;
  await using _ = await fakePrograms({ supervisorctl: silentFor(dir, 10_000) });
  const error = await errorOf(play.run('service.state', { ...napper, timeout: 2 }));
  expect(error).toMatchObject({ code: 'service-manager-silent' });
  expect(error.details.join('\n')).toContain('again and again');
});
