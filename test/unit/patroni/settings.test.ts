import { describe, expect, it } from 'vitest';
import { type ClusterSettings, settingsDifferences } from '../../../lib/patroni/settings.ts';

const BEFORE: ClusterSettings = {
  config: { ttl: 30, synchronous_mode: true, postgresql: { parameters: { work_mem: '8MB', fsync: 'on' } } },
  slots: ['cdc (logical, pgoutput, shop)', 'backup (physical)'],
  archive: 'on',
};

describe('what a recovery has changed in the configuration of the cluster', () => {
  it('is nothing when all is as before', () => {
    const before = { ...BEFORE, slots: ['backup (physical)'] };
    expect(settingsDifferences(before, structuredClone(before))).toEqual([]);
  });

  it('is a logical slot that is there under its old name: it was made anew and has lost its place', () => {
    expect(settingsDifferences(BEFORE, structuredClone(BEFORE))).toEqual([
      'replication slot cdc (logical, pgoutput, shop) was made anew: its consumer has lost its place',
    ]);
  });

  it('is named, setting by setting and slot by slot', () => {
    const now: ClusterSettings = {
      config: { ttl: 20, postgresql: { parameters: { work_mem: '8MB', fsync: 'on', jit: 'off' } } },
      slots: ['backup (physical)', 'other (physical)'],
      archive: 'off',
    };
    expect(settingsDifferences(BEFORE, now)).toEqual([
      "Patroni's ttl was 30 and is 20",
      "Patroni's synchronous_mode was true and is not set",
      'Patroni\'s postgresql.parameters.jit was not set and is "off"',
      'replication slot cdc (logical, pgoutput, shop) is gone: whoever reads from it needs a new one, and a new start',
      'replication slot other (physical) is new',
      'archive_mode was on and is off',
    ]);
  });
});
