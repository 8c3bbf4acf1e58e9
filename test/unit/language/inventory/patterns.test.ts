import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { PitrError } from '../../../../lib/base/errors/pitr-error.ts';
import { loadInventory } from '../../../../lib/language/inventory/load.ts';
import type { Inventory } from '../../../../lib/language/inventory/model.ts';
import { matchHosts } from '../../../../lib/language/inventory/patterns.ts';
import { directoryOf } from './files.ts';

let inventory: Inventory;

beforeAll(async () => {
  await using directory = await directoryOf({
    'hosts.yml': `
all:
  children:
    barman: {hosts: {barman: {}}}
    patroni: {hosts: {db1: {}, db2: {}, db3: {}, db10: {}}}
    replicas: {hosts: {db2: {}, db3: {}}}
    nobody: {}
`,
  });
  inventory = await loadInventory([directory.file('hosts.yml')]);
});

it.each([
  ['all', ['barman', 'db1', 'db2', 'db3', 'db10']],
  ['*', ['barman', 'db1', 'db2', 'db3', 'db10']],
  ['db2', ['db2']],
  ['patroni', ['db1', 'db2', 'db3', 'db10']],
  ['db2,barman', ['db2', 'barman']],
  ['db2:barman', ['db2', 'barman']],
  [' db2 , db1 ', ['db2', 'db1']],
  ['replicas:patroni', ['db2', 'db3', 'db1', 'db10']],
  ['&patroni:replicas:db1', ['db2', 'db3', 'db1']],
  ['patroni:!replicas', ['db1', 'db10']],
  ['!replicas:patroni', ['db1', 'db10']],
  ['!db1', ['barman', 'db2', 'db3', 'db10']],
  ['patroni:&replicas', ['db2', 'db3']],
  ['patroni:&replicas:!db2', ['db3']],
  ['patroni,&replicas,!db2', ['db3']],
  ['db?', ['db1', 'db2', 'db3']],
  ['db[1-2]*', ['db1', 'db2', 'db10']],
  ['db[!1]', ['db2', 'db3']],
  ['db[12]', undefined],
  ['db*:!db10', ['db1', 'db2', 'db3']],
  ['repl*', ['db2', 'db3']],
  ['~db[0-9]+$', ['db1', 'db2', 'db3', 'db10']],
  ['~(db1|barman)$', ['barman', 'db1']],
  ['~db1$,barman', ['db1', 'barman']],
  ['~db.*|barman:!db1', ['barman', 'db2', 'db3', 'db10']],
  ['~db.*|barman:&replicas', ['db2', 'db3']],
  ['~db1$:~barman', ['db1', 'barman']],
  ['~db.* : !~db1', ['db2', 'db3']],
  ['all:!~db1:!db2', ['barman', 'db3']],
  ['~(?:db1|:!x|barman)$', ['barman', 'db1']],
  ['~db[:!]?1$', ['db1']],
  ['patroni[0]', ['db1']],
  ['patroni[-1]', ['db10']],
  ['patroni[1:2]', ['db2', 'db3']],
  ['patroni[2:]', ['db3', 'db10']],
  ['localhost', ['localhost']],
  ['nobody', []],
  ['db1:!db1', []],
])('%s', (pattern, expected) => {
  if (expected === undefined) expect(() => matchHosts(inventory, pattern)).toThrow();
  else expect(matchHosts(inventory, pattern)).toEqual(expected);
});

it.each([
  ['patroni', 'db2', ['db2']],
  ['patroni', 'db*:!db10', ['db1', 'db2', 'db3']],
  ['patroni', 'barman', []],
])('%s limited to %s', (pattern, limit, expected) => {
  expect(matchHosts(inventory, pattern, limit)).toEqual(expected);
});

it('a name that is a group and a host, with other hosts in the group, is refused: Ansible takes the host', async () => {
  await using directory = await directoryOf({
    'hosts.yml':
      'db: { hosts: { db: , db2: } }\nbarman: { hosts: { barman: } }\nall: { hosts: { no: } }\nno: {}\n',
  });
  const of = await loadInventory([directory.file('hosts.yml')]);
  expect(matchHosts(of, 'barman')).toEqual(['barman']);
  expect(() => matchHosts(of, 'no')).toThrow(
    '"no" in the host pattern is a host, and a group of these: (none)',
  );
  for (const pattern of ['db', 'all:!db', 'db[0]'])
    expect(() => matchHosts(of, pattern)).toThrow(
      expect.objectContaining({
        code: 'host-pattern',
        message: '"db" in the host pattern is a host, and a group of these: db, db2',
        next: ['Give the group or the host another name.'],
      }),
    );
});

it('the hosts of a group stand in the order of the group, as in Ansible, whatever named them before', async () => {
  await using directory = await directoryOf({
    'hosts.yml': `
all: { hosts: { db1: , db2: , db3: , db4: , db5: } }
standby: { hosts: { db3: , db2: } }
wide: { children: { standby: { children: { deep: { hosts: { db1: } } } }, other: { hosts: { db4: } } }, hosts: { db5: } }
`,
  });
  const of = await loadInventory([directory.file('hosts.yml')]);
  expect(matchHosts(of, 'standby')).toEqual(['db3', 'db2', 'db1']);
  expect(matchHosts(of, 'standby[0]')).toEqual(['db3']);
  expect(matchHosts(of, 'standby[1:]')).toEqual(['db2', 'db1']);
  expect(matchHosts(of, 'wide')).toEqual(['db5', 'db3', 'db2', 'db4', 'db1']);
  expect(of.groups.get('wide')).toEqual(['db5', 'db3', 'db2', 'db4', 'db1']);
  expect(matchHosts(of, 'db*[0]')).toEqual(['db1']);
  expect(matchHosts(of, 'all')).toEqual(['db1', 'db2', 'db3', 'db4', 'db5']);
});

describe('a term that matches nothing is an error', () => {
  it.each([
    [
      'patronii',
      undefined,
      '"patronii" in the host pattern matches no host and no group (did you mean "patroni"?)',
    ],
    ['db1:bd2', undefined, '"bd2" in the host pattern matches no host and no group (did you mean "db2"?)'],
    [
      'all:!repicas',
      undefined,
      '"repicas" in the host pattern matches no host and no group (did you mean "replicas"?)',
    ],
    ['all:&x', undefined, '"x" in the host pattern matches no host and no group'],
    ['web*', undefined, '"web*" in the host pattern matches no host and no group'],
    ['~^web', undefined, '"~^web" in the host pattern matches no host and no group'],
    ['~(', undefined, '"~(" in the host pattern is no regular expression'],
    ['patroni[9]', undefined, '"patroni[9]" in the host pattern matches no host: "patroni" has 4'],
    ['', undefined, 'the host pattern is empty'],
    ['db[1-3]', undefined, '"db[1-3]" in the host pattern says by places which hosts are meant, or by names'],
    ['all:!patroni[0-]', undefined, '"patroni[0-]" in the host pattern says by places'],
    ['all', 'patroni[0-1]', '"patroni[0-1]" in the limit says by places'],
    ['all', 'db9', '"db9" in the limit matches no host and no group (did you mean "db1"?)'],
  ])('%s limit %s', (pattern, limit, message) => {
    const at = { file: 'play.yml', line: 2, column: 8 };
    try {
      matchHosts(inventory, pattern, limit, at);
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(PitrError);
      expect(error).toMatchObject({
        kind: 'validation',
        code: 'host-pattern',
        message: expect.stringContaining(message),
      });
      if (limit === undefined) expect(error).toMatchObject({ at });
    }
  });

  it.each([
    ['patroni[0-2]', ['By places, both ends included: patroni[0:2]']],
    ['db[1-3]', ['By names, as a regular expression: ~db[1-3]$']],
    ['d*[1-2]', ['By places, both ends included: d*[1:2]', 'By names, as a regular expression: ~d.*[1-2]$']],
  ])('a range with a dash is told with what it can mean: %s', (pattern, next) => {
    expect(() => matchHosts(inventory, pattern)).toThrow(expect.objectContaining({ next }));
    for (const way of next) expect(matchHosts(inventory, way.replace(/.*: /, '')).length).toBeGreaterThan(0);
  });

  it('and names what there is', () => {
    expect(() => matchHosts(inventory, 'x')).toThrow(
      expect.objectContaining({
        details: ['groups: all, barman, nobody, patroni, replicas', 'hosts: barman, db1, db2, db3, db10'],
      }),
    );
  });
});

it('any pattern gives known hosts or an error of ours', () => {
  const parts = [
    'all',
    'db1',
    'db',
    '*',
    '?',
    '[',
    ']',
    '(',
    ')',
    '0',
    '-1',
    ':',
    ',',
    '!',
    '&',
    '~',
    'patroni',
    '\\',
    '{',
    '$',
    ' ',
  ];
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...parts), { maxLength: 8 }), (words) => {
      try {
        for (const name of matchHosts(inventory, words.join('')))
          expect(inventory.hosts.has(name)).toBe(true);
      } catch (error) {
        expect(error).toBeInstanceOf(PitrError);
      }
    }),
    { numRuns: 600 },
  );
});
