import { expect, it } from 'vitest';
import { inherited } from '../../../../lib/system/service/own-unit.ts';

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
  expect(inherited('')).toEqual(['Slice=system.slice']);
});
