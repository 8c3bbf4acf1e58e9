import { describe, expect, it } from 'vitest';
import { withFingerprints } from '../../../../lib/base/values/fingerprint.ts';
import { Masker } from '../../../../lib/base/values/masker.ts';
import {
  type ClusterSettings,
  isSettling,
  settingsDifferences,
  slotName,
} from '../../../../lib/recovery/patroni/settings.ts';

const BEFORE: ClusterSettings = {
  config: { ttl: 30, synchronous_mode: true, postgresql: { parameters: { work_mem: '8MB', fsync: 'on' } } },
  slots: ['cdc (logical, pgoutput, shop)', 'backup (physical)'],
  archive: 'on',
  standbys: 1,
  memberSlots: [],
};

describe('what a recovery has changed in the configuration of the cluster', () => {
  it('is nothing when all is as before', () => {
    const before = { ...BEFORE, slots: ['backup (physical)'] };
    expect(settingsDifferences(before, structuredClone(before))).toEqual([]);
  });

  it('is a logical slot that is there under its old name: it was made anew and has lost its place', () => {
    expect(settingsDifferences(BEFORE, structuredClone(BEFORE), true)).toEqual([
      'replication slot cdc (logical, pgoutput, shop) was made anew: whoever reads from it needs a new start',
    ]);
  });

  it('is not the slot of the node that was out of the cluster then, and is a member again', () => {
    const before = { ...BEFORE, slots: ['db2 (physical)'], memberSlots: ['db1', 'db3'] };
    const now = { ...BEFORE, slots: [], memberSlots: ['db1', 'db2', 'db3'] };
    expect(settingsDifferences(before, now)).toEqual([]);
  });

  it('is named, setting by setting and slot by slot', () => {
    const now: ClusterSettings = {
      config: { ttl: 20, postgresql: { parameters: { work_mem: '8MB', fsync: 'on', jit: 'off' } } },
      slots: ['backup (physical)', 'other (physical)'],
      archive: 'off',
      standbys: 0,
      memberSlots: [],
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

  it('names logical slots that Patroni has made anew on the restored data, though they have their old names', () => {
    expect(settingsDifferences(BEFORE, BEFORE, true)).toEqual([
      'replication slot cdc (logical, pgoutput, shop) was made anew: whoever reads from it needs a new start',
    ]);
  });

  it('names synchronous standbys that are missing while the mode is on', () => {
    expect(settingsDifferences(BEFORE, { ...BEFORE, standbys: 0 })).toEqual([
      'members that are synchronous standbys: 1 before, 0 now',
    ]);
    const off = { ...BEFORE, config: { ...BEFORE.config, synchronous_mode: false } };
    expect(settingsDifferences(off, { ...off, standbys: 0 })).toEqual([]);
  });
});

describe('a configuration with secrets', () => {
  const configured = (secret: string): ClusterSettings['config'] => ({
    synchronous_mode: true,
    slots: { token_events: { type: 'logical', plugin: 'pgoutput' } },
    postgresql: {
      pg_hba: ['local all all peer', `host all all all ldap ldapserver=l ldapbindpasswd="${secret}"`],
      parameters: {
        'app.jwt_secret': secret,
        'credcheck.password_min_length': 8,
        md5_password_warnings: 'on',
      },
    },
  });

  it('is as it was in the journal, which holds none of them, and one that differs is named', () => {
    const config = withFingerprints(configured('eyJ-sealed'));
    const masker = new Masker();
    masker.learn(config);
    expect(masker.data(config)).toEqual(config);
    expect(JSON.stringify(config)).not.toContain('eyJ');

    const before = { ...BEFORE, config };
    // What was written down before there were fingerprints is compared as well.
    expect(settingsDifferences(before, { ...BEFORE, config: configured('eyJ-sealed') })).toEqual([]);
    expect(config).toMatchObject({ postgresql: { pg_hba: ['local all all peer', expect.anything()] } });
    expect(settingsDifferences(before, { ...BEFORE, config: configured('eyJ-another') })).toEqual([
      expect.stringMatching(/^Patroni's postgresql\.pg_hba was .*fingerprint [\da-f]{4}.* and is /),
      expect.stringMatching(
        /^Patroni's postgresql\.parameters\.app\.jwt_secret-fingerprint was "[\da-f]{4}" and/,
      ),
    ]);
  });
});

describe('what Patroni sees to in its next turns', () => {
  const permanent = { ...BEFORE, config: { ...BEFORE.config, slots: { backup: { type: 'physical' } } } };

  it('is the slots of its configuration and the synchronous standbys, and nothing else', () => {
    expect(isSettling(permanent, { ...permanent, slots: ['cdc (logical, pgoutput, shop)'] })).toBe(true);
    expect(isSettling(permanent, { ...permanent, slots: ['backup (physical)'] })).toBe(false);
    expect(isSettling(BEFORE, { ...BEFORE, standbys: 0 })).toBe(true);
    expect(isSettling(BEFORE, { ...BEFORE, archive: 'off' })).toBe(false);
  });
});

it.each([
  ['db-1.example', 'db_1_example'],
  ['DB1', 'db1'],
  ['db 1', 'dbu00321'],
  ['knoten~ä', 'knotenu0126u0228'],
  ['x😀', 'xu128512'],
  ['a'.repeat(70), 'a'.repeat(63)],
])('the slot of the member %j has the name that Patroni gives it', (member, slot) => {
  expect(slotName(member)).toBe(slot);
});
