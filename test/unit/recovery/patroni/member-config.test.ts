import { expect, it } from 'vitest';
import {
  isStandbyCluster,
  parseMemberConfig,
  replicaMethods,
} from '../../../../lib/recovery/patroni/member-config.ts';

const local = (told: unknown) => parseMemberConfig(JSON.stringify(told));

it.each([
  ['nothing', {}, {}, ['basebackup']],
  ['its own file', { methods: ['wal_e', 'basebackup'] }, {}, ['wal_e', 'basebackup']],
  ['the DCS', {}, { postgresql: { create_replica_methods: ['barman'] } }, ['barman']],
  [
    'the DCS, in the old word',
    {},
    { postgresql: { create_replica_method: 'barman, basebackup' } },
    ['barman', 'basebackup'],
  ],
  [
    'its own file over the DCS',
    { methods: ['basebackup'] },
    { postgresql: { create_replica_methods: ['barman'] } },
    ['basebackup'],
  ],
  ['an empty list', { methods: [] }, { postgresql: { create_replica_methods: [] } }, ['basebackup']],
])('how a replica is made is said by %s', (_, told, dynamic, methods) => {
  expect(replicaMethods(local({ parameters: [], ...told }), dynamic)).toEqual(methods);
});

it.each([
  [{ standby_cluster: { host: '10.0.0.1', port: 5432 } }, true],
  [{ standby_cluster: { restore_command: 'cp /archive/%f %p' } }, true],
  [{ standby_cluster: { create_replica_methods: ['basebackup'] } }, false],
  [{ standby_cluster: null }, false],
  [{ standby_cluster: {} }, false],
  [{}, false],
])('%j is a standby cluster: %s', (config, standby) => {
  expect(isStandbyCluster(config)).toBe(standby);
});

it.each([
  ['db1:5432', { host: 'db1', port: 5432 }],
  ['[fd00::1]:5432', { host: 'fd00::1', port: 5432 }],
  ['', {}],
])('it announces "%s"', (address, told) => {
  const { host, port } = local({ address, parameters: [] });
  expect({ host, port }).toEqual({ host: undefined, port: undefined, ...told });
});
