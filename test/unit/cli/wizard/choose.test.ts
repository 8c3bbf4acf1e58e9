import { describe, expect, it } from 'vitest';
import { chooseExtent } from '../../../../cli/wizard/choose-extent.ts';
import { chooseTimeline } from '../../../../cli/wizard/choose-moment.ts';
import { askForTarget } from '../../../../cli/wizard/choose-target.ts';
import { chooseWalMethod } from '../../../../cli/wizard/choose-wal-method.ts';
import { choose } from '../../../../cli/wizard/prompt.ts';
import { PitrError } from '../../../../lib/base/errors/pitr-error.ts';
import { person } from './person.ts';

const BACKUPS = [
  { name: '20260123T120000', value: 'of db1' },
  { name: '20260124T120000', value: 'the next' },
  { name: '20260123T120000', value: 'of db2' },
];

describe('a choice', () => {
  it.each([
    [['2'], 'the next'],
    [['20260124T120000'], 'the next'],
    [[''], 'of db1'],
    [['9', 'x', '3'], 'of db2'],
  ])('%j is %s', async (typed, chosen) => {
    const { prompt, left } = person(...typed);
    expect(await choose(prompt, 'Backup', BACKUPS, 1)).toBe(chosen);
    expect(left).toEqual([]);
  });

  it('is asked again for a name that several have', async () => {
    const { prompt, said } = person('20260123T120000', '3');
    expect(await choose(prompt, 'Backup', BACKUPS, 1)).toBe('of db2');
    expect(said).toContain('"20260123T120000" is the name of several: type a number, 1 or 3.');
  });

  it('has nothing that Enter takes where nothing was proposed', async () => {
    const { prompt, left } = person('', '2');
    expect(await choose(prompt, 'Which', BACKUPS)).toBe('the next');
    expect(left).toEqual([]);
  });
});

describe('the timeline of a moment at which more than one was alive', () => {
  it('is one of those, and none without an answer', async () => {
    const error = new PitrError({
      kind: 'refused',
      code: 'timeline-ambiguous',
      message: 'More than one timeline could be meant by that target time',
      result: { reachable: { from: '' }, candidates: [2, 4] },
    });
    const { prompt, said } = person('', '3', '2');
    expect(await chooseTimeline(prompt, error)).toBe(4);
    expect(said.filter((line) => /^ {2}\d/.test(line))).toEqual(['  1  timeline 2', '  2  timeline 4']);
  });
});

describe('the target of the wizard', () => {
  const names = ['db1', 'db2'];
  const members = { db1: { role: 'leader', state: 'running' }, db2: { role: 'replica', state: 'streaming' } };

  it('is a replica where Enter is pressed', async () => {
    const { prompt } = person('');
    expect(await askForTarget(prompt, names, { leader: 'db1', members })).toEqual({
      target: 'db2',
      allowLeader: false,
    });
  });

  it('is the leader only on a second question', async () => {
    const { prompt } = person('db1', 'n', '2', 'y');
    expect(await askForTarget(prompt, names, { leader: 'db1', members })).toEqual({
      target: 'db1',
      allowLeader: true,
    });
  });

  it('of a cluster of one node is not taken without that question, either', async () => {
    const { prompt } = person('', 'y');
    const { db1 } = members;
    expect(await askForTarget(prompt, ['db1'], { leader: 'db1', members: { db1 } })).toEqual({
      target: 'db1',
      allowLeader: true,
    });
  });

  it.each([
    [undefined, 'No node tells who leads'],
    [{ members }, 'names no leader'],
    [{ leader: 'pg-1', members: {} }, 'pg-1 leads, and no host'],
  ])('is not proposed where nobody knows who leads: %j', async (cluster, told) => {
    const { prompt, said, left } = person('', '1');
    expect(await askForTarget(prompt, names, cluster)).toEqual({ target: 'db1', allowLeader: false });
    expect(left).toEqual([]);
    expect(said.join('\n')).toContain(told);
  });
});

describe('how WAL is fetched', () => {
  it('is asked where nothing says it', async () => {
    expect(await chooseWalMethod(person('').prompt, undefined)).toBe('barman-wal-restore');
    expect(await chooseWalMethod(person('2').prompt, undefined)).toBe('barman-get-wal');
  });

  it.each(['local', 'barman-get-wal'])(
    'is what the site says of the node, and Enter does not put another in its place: %s',
    async (told) => {
      const { prompt, said } = person();
      expect(await chooseWalMethod(prompt, told)).toBeUndefined();
      expect(said.join(' ')).toContain(told);
    },
  );
});

it.each([
  [false, 'asks once more'],
  [true, 'it does not ask'],
])(
  'how far it goes is up to the look at the data where Enter is pressed; with --yes %s: %s',
  async (yes, told) => {
    const { prompt, said } = person('');
    expect(await chooseExtent(prompt, yes)).toBe('inspect');
    expect(said.join('\n')).toContain(told);
  },
);
