import { describe, expect, it } from 'vitest';
import { actions, help, parseInvocation } from '../../lab/arguments.ts';
import { prefixFrom } from '../../lab/lab.ts';

describe('the lab command line', () => {
  it('reads an action, with or without --json on either side', () => {
    expect(parseInvocation(['up'])).toMatchObject({ kind: 'run', action: 'up', json: false });
    expect(parseInvocation(['accident', '--json'])).toMatchObject({
      kind: 'run',
      action: 'accident',
      json: true,
    });
    expect(parseInvocation(['--json', 'seed'])).toMatchObject({ kind: 'run', action: 'seed', json: true });
  });

  it('prints help when asked, whatever else is there', () => {
    expect(parseInvocation(['--help'])).toEqual({ kind: 'help' });
    expect(parseInvocation(['down', '-h'])).toEqual({ kind: 'help' });
  });

  it.each([
    [[], 'no action given; there are up, down, status, seed, accident, reset (see --help)'],
    [['upp'], 'unknown: upp; there are up, down, status, seed, accident, reset (see --help)'],
    [['down', 'now'], 'unknown: now; there are up, down, status, seed, accident, reset (see --help)'],
  ])('refuses %j and names what there is', (argv, message) => {
    expect(() => parseInvocation(argv)).toThrow(message);
  });

  it('refuses an unknown option', () => {
    expect(() => parseInvocation(['up', '--force'])).toThrow(/--force.*see --help/s);
  });

  it('explains every action in its help', () => {
    for (const action of actions) expect(help).toMatch(new RegExp(`^  ${action} +\\S`, 'm'));
  });
});

describe('the name of a lab', () => {
  it('is pitr-lab unless PITR_LAB says otherwise', () => {
    expect(prefixFrom({})).toBe('pitr-lab');
    expect(prefixFrom({ PITR_LAB: '' })).toBe('pitr-lab');
    expect(prefixFrom({ PITR_LAB: 'mine' })).toBe('mine');
  });

  it.each(['../up', 'A', 'a b', '-a', 'a'.repeat(41)])(
    'cannot be %j: it names containers and a folder',
    (name) => {
      expect(() => prefixFrom({ PITR_LAB: name })).toThrow(/cannot name a lab/);
    },
  );
});
