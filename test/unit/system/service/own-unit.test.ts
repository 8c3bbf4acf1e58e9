import { userInfo } from 'node:os';
import { expect, it } from 'vitest';
import { belongsToLogin, inherited, ownUnit } from '../../../../lib/system/service/own-unit.ts';
import { blindHost } from '../../../support/blind-host.ts';
import { errorOf } from '../../../support/errors.ts';
import { fakePrograms } from '../../../support/fake-programs.ts';

it('a unit gets slice, umask, priorities and both limits of a service', () => {
  const shown =
    'LoadState=loaded\nSlice=system.slice\nUMask=0027\nNice=-5\nOOMScoreAdjust=-900\nLimitCORE=infinity\nLimitCORESoft=0\nLimitNOFILE=20000\nLimitNOFILESoft=1024\nLimitNICE=0\n';
  expect(inherited(shown)).toEqual([
    'Slice=system.slice',
    'UMask=0027',
    'Nice=-5',
    'OOMScoreAdjust=-900',
    'LimitCORE=0:infinity',
    'LimitNOFILE=1024:20000',
    'LimitNICE=0',
  ]);
});

it('where there is no such service, a unit is one of the system all the same', () => {
  expect(inherited('LoadState=not-found\nLimitNOFILE=1\n')).toEqual(['Slice=system.slice']);
});

it.each([
  ['whether systemd runs', { test: 'kill -9 $$' }, 'command-failed'],
  ['who asks', { test: 'exit 0', id: 'exit 1' }, 'command-failed'],
  [
    'what limits the service has',
    { test: 'exit 0', id: 'echo 0', systemctl: 'exit 0' },
    'service-manager-silent',
  ],
  [
    'how old systemd is',
    {
      test: 'exit 0',
      id: 'echo 0',
      systemctl: 'case $* in *--version*) exit 1 ;; esac; echo LoadState=loaded',
    },
    'command-failed',
  ],
])('nothing is started without a unit of its own because nobody could tell %s', async (_, programs, code) => {
  await using _programs = await fakePrograms(programs);
  await using here = blindHost();
  expect(await errorOf(ownUnit(here.host, 'x', 'postgres', 'patroni'))).toMatchObject({
    kind: 'failed',
    code,
  });
});

/** A host where systemd is of this version, as its programs tell it. */
const HOST = (version: string, user: string) => ({
  test: 'exit 0',
  id: `echo ${user}`,
  systemctl: `case $* in *--version*) echo '${version}' ;; *) echo LoadState=loaded ;; esac`,
});

it.each([
  ['systemd 219', '0', 'too-old'],
  ['systemd 235 (235-1)', '0', 'too-old'],
  ['systemd 219', '1000', 'too-old'],
  ['systemd 236', '1000', 'not-root'],
])('a unit of its own is not had of %s by the user %s: %s', async (version, user, answer) => {
  await using _programs = await fakePrograms(HOST(version, user));
  await using here = blindHost();
  expect(await ownUnit(here.host, 'x', 'postgres', 'patroni')).toBe(answer);
});

it('a unit of its own is had of the first systemd that can run a command in one, waiting for it', async () => {
  await using _programs = await fakePrograms(HOST('systemd 236', '0'));
  await using here = blindHost();
  const user = userInfo().username;
  const unit = await ownUnit(here.host, 'x', user, 'patroni');
  expect(unit).toMatchObject({ words: expect.arrayContaining(['systemd-run', `--uid=${user}`, '--pipe']) });
});

it('what a command starts in a unit is found where its user finds it, and where systemd looks', async () => {
  const inUnit = 'while [ "$1" != -- ]; do shift; done; shift; PATH=/usr/bin:/bin exec "$@"';
  await using _programs = await fakePrograms({ ...HOST('systemd 252', '0'), 'systemd-run': inUnit });
  await using here = blindHost();
  const unit = await ownUnit(here.host, 'x', userInfo().username, 'patroni');
  const words = typeof unit === 'object' ? unit.words : [];
  const { stdout } = await here.host.must([...words, 'sh', '-c', 'echo "$PATH"']);
  expect(stdout).toBe(`${process.env.PATH}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin\n`);
});

it.each(['is killed', 'ends well without a word'] as const)(
  'nothing is started in a unit where the look at what its user finds %s',
  async (ends) => {
    // Of five looks it is the last.
    await using _programs = await fakePrograms(HOST('systemd 252', '0'));
    await using here = blindHost({ ends, number: 5 });
    expect(await errorOf(ownUnit(here.host, 'x', userInfo().username, 'patroni'))).toMatchObject({
      kind: 'failed',
      code: 'command-failed',
    });
  },
);

it('what gets no unit belongs to the login, and the way out fits the reason', () => {
  expect(belongsToLogin('not-root', 'it')).toMatch(
    /^only root can .*, so it belongs to .* ansible_become: true/,
  );
  expect(belongsToLogin('too-old', 'it')).toMatch(
    /^a systemd before 236 .* KillUserProcesses=no in its logind/,
  );
});
