import { expect, it } from 'vitest';
import { inherited, ownUnit } from '../../../../lib/system/service/own-unit.ts';
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
])('nothing is started without a unit of its own because nobody could tell %s', async (_, programs, code) => {
  await using _programs = await fakePrograms(programs);
  await using here = blindHost();
  expect(await errorOf(ownUnit(here.host, 'x', 'postgres', 'patroni'))).toMatchObject({
    kind: 'failed',
    code,
  });
});
