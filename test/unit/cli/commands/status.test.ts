import { describe, expect, it } from 'vitest';
import { absentNodes } from '../../../../cli/commands/status.ts';

describe('pitr status names the nodes that are no members of the cluster', () => {
  it.each([
    ['none where all are', ['db1', 'db2'], ['db1', 'db2'], []],
    ['the one that a recovery has taken out', ['db1'], ['db1', 'db2'], ['db2']],
    ['none where members are not called like their hosts', ['pg1'], ['db1', 'db2'], []],
    ['none where only some nodes were asked', ['db1', 'db2'], ['db1'], []],
  ])('%s', (_, members, asked, absent) => {
    expect(absentNodes(members, asked)).toEqual(absent);
  });
});
