import { describe, expect, it } from 'vitest';
import { chooseNode, type NodeWish } from '../../../../cli/recover/choose-node.ts';
import { errorOf } from '../../../support/errors.ts';

const refusalOf = (facts: Partial<NodeWish>) => errorOf((async () => chooseNode(wish(facts)))());

const wish = (facts: Partial<NodeWish>): NodeWish => ({
  names: ['db1', 'db2', 'db3'],
  wished: undefined,
  leader: undefined,
  allowLeader: false,
  again: (...options) => `pitr recover b latest ${options.join(' ')}`,
  notes: [],
  status: 'pitr status',
  ...facts,
});

describe('the node that files and printed steps are made for', () => {
  it.each([
    [{ leader: 'db1' }, 'db2'],
    [{ leader: 'db2' }, 'db1'],
    [{ leader: 'db1', wished: 'db3' }, 'db3'],
    [{ wished: 'db3' }, 'db3'],
    [{ leader: 'db1', wished: 'db1', allowLeader: true }, 'db1'],
    [{ names: ['db1'], leader: 'db1', allowLeader: true }, 'db1'],
  ])('%j is %s', (facts, chosen) => {
    expect(chooseNode(wish(facts))).toBe(chosen);
  });

  it.each([[{}], [{ names: ['db1'] }], [{ allowLeader: true }]])(
    'is not chosen where nobody knows which one leads: %j',
    async (facts) => {
      const error = await refusalOf(facts);
      expect(error).toMatchObject({ kind: 'refused', code: 'prepare-leader-unseen' });
      expect(error.next.join('\n')).toContain('pitr recover b latest --for <node>');
    },
  );

  it.each([[{}], [{ wished: 'db3' }], [{ wished: 'db3', allowLeader: true }]])(
    'is not chosen, nor taken as it was named, where the leader has a name that no host has: %j',
    async (facts) => {
      const error = await refusalOf({ leader: 'pg-1', ...facts });
      expect(error).toMatchObject({ kind: 'refused', code: 'prepare-leader-unseen' });
      expect(error.details[0]).toBe('pg-1 leads, and no host of the inventory has that name.');
      expect(error.next.join('\n')).toContain('as Patroni names its members');
    },
  );

  it('is the leader only where that was said', async () => {
    const error = await refusalOf({ leader: 'db1', wished: 'db1' });
    expect(error).toMatchObject({ kind: 'refused', code: 'prepare-for-leader' });
    expect(error.next).toEqual([
      'Choose a replica: --for db2',
      'If you mean the leader: pitr recover b latest --allow-leader',
    ]);
    const alone = await refusalOf({ names: ['db1'], leader: 'db1' });
    expect(alone.next).toEqual(['If you mean the leader: pitr recover b latest --for db1 --allow-leader']);
  });

  it('is one of the inventory', async () => {
    const error = await refusalOf({ leader: 'db1', wished: 'db9' });
    expect(error).toMatchObject({ kind: 'usage', code: 'prepare-node-unknown' });
  });
});
