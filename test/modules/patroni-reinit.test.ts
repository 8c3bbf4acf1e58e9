import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { errorOf } from '../support/errors.ts';
import { fakePrograms } from '../support/fake-programs.ts';
import { pythonYaml } from '../support/python-yaml.ts';
import { pair } from './patroni-pair.ts';

/** A member that streams is copied anew by force; its Patroni is silent for the first looks. `says`: what patronictl does. */
async function copiedAnew(silentLooks: number, says: string) {
  await using _yaml = await pythonYaml();
  await using those = await pair();
  const { own, params, play, replica } = those;
  const dir = join(params.pgdata, '..');
  const asked = join(dir, 'asked');
  await using _ = await fakePrograms({
    patronictl: `: >${asked}; ${says}`,
    supervisorctl: `echo 'patroni RUNNING pid 7, uptime 0:00:01'`,
  });
  await writeFile(params.config, JSON.stringify({ scope: 'c1', name: 'here' }));
  let looks = 0;
  own.told['/config'] = {};
  own.told['/patroni'] = () => {
    looks += 1;
    return looks <= silentLooks ? undefined : { ...replica, postmaster_start_time: '2026-11-29 01:00' };
  };
  const { interval, ...member } = params;
  const error = await errorOf(play.run('patroni.reinit', { ...member, force: true, stall: 1 }));
  return { error, words: [error.message, ...error.details].join('\n'), asked: existsSync(asked) };
}

const SUCCESS = 'echo "Success: reinitialize for member here"';

it('the old data does not pass for the copy, also where its Patroni was silent before', async () => {
  const { words, asked } = await copiedAnew(2, SUCCESS);
  expect(asked).toBe(true);
  expect(words).toContain('it has not been copied anew yet');
}, 60_000);

it('a Patroni that is silent is not asked', async () => {
  const { error, asked } = await copiedAnew(99, SUCCESS);
  expect(error).toMatchObject({ code: 'member-silent', host: 'here' });
  expect(asked).toBe(false);
}, 60_000);

it('what Patroni refuses fails at once, with its words: patronictl ends well all the same', async () => {
  const refused = 'Failed: reinitialize for member here, status code=503, (restart already in progress)';
  const { error } = await copiedAnew(0, `echo '${refused}'`);
  expect(error).toMatchObject({ code: 'reinit-refused', evidence: { stderr: refused } });
}, 60_000);
