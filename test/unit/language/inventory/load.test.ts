import { symlink, writeFile } from 'node:fs/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PitrError } from '../../../../lib/base/errors/pitr-error.ts';
import { loadInventory } from '../../../../lib/language/inventory/load.ts';
import { BadRange, expandRanges } from '../../../../lib/language/inventory/ranges.ts';
import { directoryOf } from './files.ts';

const varsOf = async (
  files: Readonly<Record<string, string>>,
  host: string,
  paths = ['hosts.yml'],
  more: string[] = [],
) => {
  await using directory = await directoryOf(files);
  const inventory = await loadInventory(paths.map(directory.file), {
    varsDirectories: more.map(directory.file),
  });
  return Object.fromEntries(
    [...(inventory.hosts.get(host)?.vars ?? [])].map(([name, { value }]) => [name, value]),
  );
};

async function failure(files: Readonly<Record<string, string>>, path = 'hosts.yml'): Promise<PitrError> {
  await using directory = await directoryOf(files);
  try {
    await loadInventory([directory.file(path)]);
  } catch (error) {
    if (error instanceof PitrError) return error;
    throw error;
  }
  throw new Error('loaded');
}

it('reads hosts, nested groups, ranges and their variables', async () => {
  await using directory = await directoryOf({
    'hosts.yml': `
all:
  vars: {zone: a}
  hosts:
    lonely:
  children:
    barman:
      hosts: {barman: {ansible_port: 2200}}
    databases:
      vars: {zone: b, port: 5432}
      children:
        patroni:
          hosts:
            db[1:3]:
            db4: {port: 5433}
empty:
`,
  });
  const inventory = await loadInventory([directory.file('hosts.yml')]);
  expect([...inventory.hosts.keys()]).toEqual(['lonely', 'barman', 'db1', 'db2', 'db3', 'db4']);
  expect([...inventory.groups].map(([name, hosts]) => `${name}: ${hosts.join(' ')}`)).toEqual([
    'all: lonely barman db1 db2 db3 db4',
    'barman: barman',
    'databases: db1 db2 db3 db4',
    'empty: ',
    'patroni: db1 db2 db3 db4',
    'ungrouped: lonely',
  ]);
  expect(inventory.hosts.get('db4')?.groups).toEqual(['databases', 'patroni']);
  expect(inventory.hosts.get('lonely')?.groups).toEqual(['ungrouped']);
  const port = inventory.hosts.get('db4')?.vars.get('port');
  expect(port).toMatchObject({
    value: 5433,
    at: { file: directory.file('hosts.yml'), line: 15, column: 25 },
  });
  expect(inventory.sources).toEqual([directory.file('hosts.yml')]);
});

it('without a path there is nothing, and that is no error', async () => {
  expect((await loadInventory([])).hosts.size).toBe(0);
});

describe('precedence', () => {
  const hosts = `
all:
  vars: {v: all}
  children:
    outer:
      vars: {v: outer}
      children:
        b_inner: {vars: {v: b_inner}, hosts: {h: {}}}
        a_inner: {vars: {v: a_inner}, hosts: {h: {}}}
`;
  const winner = async (files: Record<string, string>, more: string[] = []) =>
    (await varsOf({ 'hosts.yml': hosts, ...files }, 'h', ['hosts.yml'], more)).v;

  it('goes from all over outer to inner groups to the host, files over the inventory, the playbook over both', async () => {
    expect(await winner({})).toBe('b_inner');
    expect(await winner({ 'group_vars/all.yml': 'v: file-all' })).toBe('file-all');
    expect(
      await winner({ 'group_vars/all.yml': 'v: file-all', 'group_vars/outer.yaml': 'v: file-outer' }),
    ).toBe('file-outer');
    expect(await winner({ 'group_vars/a_inner.yml': 'v: a', 'group_vars/outer.yml': 'v: o' })).toBe('a');
    expect(
      await winner({ 'group_vars/b_inner': 'v: b', 'play/group_vars/all.yml': 'v: play-all' }, ['play']),
    ).toBe('b');
    expect(
      await winner({ 'group_vars/b_inner': 'v: b', 'play/group_vars/outer.yml': 'v: play' }, ['play']),
    ).toBe('play');
    expect(await winner({ 'group_vars/b_inner.yml': 'v: b', 'host_vars/h.yml': 'v: host-file' })).toBe(
      'host-file',
    );
    expect(
      await winner({ 'host_vars/h.yml': 'v: host-file', 'play/host_vars/h.yml': 'v: play' }, ['play']),
    ).toBe('play');
  });

  it.each([
    [['one/hosts.yml', 'two/hosts.yml'], 'two: outer'],
    [['two/hosts.yml', 'one/hosts.yml'], 'one: inner'],
    [['one/hosts.yml', 'two/hosts.yml', 'one/more.yml'], 'one: inner'],
  ])(
    'of files beside several inventories those of the last one win, whatever their group: %j',
    async (paths, value) => {
      const files = {
        'one/hosts.yml': 'inner: {hosts: {h: }}',
        'one/more.yml': 'other: {hosts: {h: }}',
        'one/group_vars/inner.yml': 'v: "one: inner"',
        'two/hosts.yml': 'outer: {children: {inner: }}',
        'two/group_vars/outer.yml': 'v: "two: outer"',
      };
      expect(await varsOf(files, 'h', paths)).toEqual({ v: value });
    },
  );

  it('the host in the inventory wins over group files, its own file over it', async () => {
    const files = { 'hosts.yml': 'all: {hosts: {h: {v: host}}}', 'group_vars/all.yml': 'v: file' };
    expect((await varsOf(files, 'h')).v).toBe('host');
    expect((await varsOf({ ...files, 'host_vars/h.json': '{"v": "own"}' }, 'h')).v).toBe('own');
  });

  it('of several inventories the later one wins, and groups are merged', async () => {
    const files = {
      '1.yml': 'g: {vars: {v: 1, w: 1}, hosts: {a: {x: 1}}}',
      '2.yml': 'g: {vars: {v: 2}, hosts: {b: {}, a: {x: 2}}}',
    };
    expect(await varsOf(files, 'a', ['1.yml', '2.yml'])).toEqual({ v: 2, w: 1, x: 2 });
    expect(await varsOf(files, 'a', ['2.yml', '1.yml'])).toEqual({ v: 1, w: 1, x: 1 });
  });

  it('of several files for one group the later one in the alphabet wins; other kinds of files are passed over', async () => {
    const files = {
      'hosts.yml': 'all: {hosts: {h: {}}}',
      'group_vars/all/a.yml': 'v: a\nw: a',
      'group_vars/all/b.yml': 'v: b',
      'group_vars/all/b.yml~': 'v: no',
      'group_vars/all/README.md': 'v: no',
      'group_vars/all/b.yml.old': 'v: no',
      'group_vars/all/b.yml.rpmsave': 'v: no',
      'group_vars/all/z.conf': 'v: no',
      'group_vars/all/#b.yml#': 'v: no',
      'group_vars/all/.kept/z.yml': 'v: no',
      'group_vars/all/kept.d/z.yml': 'v: no',
      'group_vars/all/below/c': 'x: c',
      'group_vars/all.yml.old': 'v: no',
      'group_vars/other.yml': 'v: no',
    };
    expect(await varsOf(files, 'h')).toEqual({ v: 'b', w: 'a', x: 'c' });
  });

  it.each([
    ['group_vars/all/a.yml', 'group_vars/all.yml', 'group_vars/all', 'all'],
    ['host_vars/h', 'host_vars/h.json', 'host_vars/h', 'h'],
    ['group_vars/all.yaml', 'group_vars/all.yml', 'group_vars/all.yaml', 'all'],
  ])('of several forms for one name Ansible reads one alone: %s and %s', async (one, two, first, name) => {
    const files = { 'hosts.yml': 'all: { hosts: { h: } }', [one]: 'v: 1', [two]: 'v: 2' };
    const error = await failure(files);
    expect(error).toMatchObject({ code: 'inventory-vars-twice' });
    expect(error.message).toMatch(
      new RegExp(`^the variables of "${name}" stand in .*/${first} and in .*/${two}; Ansible reads one`),
    );
    expect(
      await varsOf({ ...files, 'hosts.yml': 'all: { hosts: { g: } }' }, 'g').catch(() => 'refused'),
    ).toEqual(name === 'h' ? {} : 'refused');
  });

  it('a link counts as what it leads to, and a host may have a name that ends like any file', async () => {
    await using directory = await directoryOf({
      'hosts.yml': 'all: { hosts: { db1.example.md: } }',
      'shared/a.yml': 'v: shared',
      'host_vars/db1.example.md': 'w: own',
      'group_vars/x': '',
    });
    await symlink(directory.file('shared'), directory.file('group_vars/all'));
    await symlink(directory.file('nowhere'), directory.file('host_vars/other'));
    const { hosts } = await loadInventory([directory.file('hosts.yml')]);
    const vars = hosts.get('db1.example.md')?.vars;
    expect([vars?.get('v')?.value, vars?.get('w')?.value]).toEqual(['shared', 'own']);
    await writeFile(directory.file('hosts.yml'), 'all: { hosts: { other: } }');
    await expect(loadInventory([directory.file('hosts.yml')])).rejects.toMatchObject({
      code: 'inventory-vars-unreadable',
    });
  });
});

it('a directory is read file by file', async () => {
  const files = {
    'inv/1.yml': 'g: {hosts: {a: {}}}',
    'inv/2.json': '{"g": {"hosts": {"b": {}}}}',
    'inv/README.md': 'no',
    'inv/group_vars/g.yml': 'v: 1',
  };
  expect(await varsOf(files, 'b', ['inv'])).toEqual({ v: 1 });
});

it('keeps values as they are written: nothing is rendered, no digit is lost', async () => {
  const files = {
    'hosts.yml': 'all: {hosts: {h: {a: "{{ b }}", wal: 000000010000000000000003, mode: 0644}}}',
  };
  expect(await varsOf(files, 'h')).toEqual({ a: '{{ b }}', wal: '000000010000000000000003', mode: '0644' });
});

it('a port behind a host name is its port', async () => {
  expect(
    await varsOf({ 'hosts.yml': 'all:\n  hosts:\n    db1:2222:\n    db[2:3]:2223: {x: 1}' }, 'db3'),
  ).toEqual({ ansible_port: 2223, x: 1 });
});

describe('what is wrong is told with its place', () => {
  it.each([
    ['all: {host: {db1: {}}}', 'unknown key "host" in group "all" (did you mean "hosts"?)', 1, 7],
    ['all:\n  chidren: {}', 'unknown key "chidren" in group "all" (did you mean "children"?)', 2, 3],
    ['all:\n  hosts:\n    - db1', 'hosts: is a map of hosts ("name:" on a line each), not a list', 3, 5],
    ['all: {hosts: db1}', 'hosts: is a map of hosts ("name:" on a line each), not text', 1, 14],
    ['all: {hosts: {db1: x}}', 'host "db1" is a map of variables, not text', 1, 20],
    ['all: {vars: [a]}', 'vars: is a map of variables, not a list', 1, 13],
    ['hosts:\n  db1:', '"hosts:" stands outside any group', 1, 1],
    ['- a', 'an inventory is a map of groups, not a list', 1, 1],
    ['all: {hosts: {"db 1": {}}}', '"db 1" cannot be the name of a host', 1, 15],
    ['all: {hosts: {"db[1-3]": {}}}', '"db[1-3]": a range of hosts is written [1:4] or [a:f]', 1, 15],
    ['"a b": {}', '"a b" cannot be the name of a group', 1, 1],
    ['a:\n  children:\n    b:\n      children: {a: {}}', 'group "a" is inside itself: a > b > a', 4, 18],
    ['plugin: constructed', 'this configures an inventory plugin of Ansible', 1, 1],
    ['{"_meta": {}, "g": ["db1"]}', 'this is the output of an inventory script', 1, 2],
  ])('%s', async (text, message, line, column) => {
    const error = await failure({ 'hosts.yml': text });
    expect(error).toMatchObject({ kind: 'validation', message, at: { line, column } });
  });

  it.each([
    ['hosts.ini', 'db1'],
    ['hosts', '# c\n[patroni]\ndb1 ansible_host=1.2.3.4\n'],
    ['hosts', 'db1\n\n[patroni:children]\nx\n'],
    ['hosts.yml', 'db1 ansible_host=1.2.3.4 ansible_port=22\n'],
  ])('an INI inventory says how to convert it: %s', async (name, text) => {
    const error = await failure({ [name]: text }, name);
    expect(error.code).toBe('inventory-ini');
    expect(error.next[0]).toContain('ansible-inventory -i');
  });

  it.each([
    ['a script', '#!/bin/sh\n', 'inventory-dynamic'],
    ['an encrypted file', '$ANSIBLE_VAULT;1.1;AES256\n61', 'inventory-vault'],
    ['an empty file', '', 'inventory-empty'],
    ['a file without hosts', 'all: {children: {a: {}}}', 'inventory-empty'],
    ['YAML that is none', 'all: [', 'yaml-syntax'],
  ])('%s', async (_, text, code) => {
    expect((await failure({ 'hosts.yml': text })).code).toBe(code);
  });

  it('a path that is not there, and a directory without any inventory', async () => {
    expect((await failure({}, 'nope.yml')).message).toContain('there is no such file');
    expect((await failure({ 'd/x.txt': '' }, 'd')).code).toBe('inventory-directory-empty');
  });

  it.each([
    ['all:\n  hosts:\n    db1 x_password=geheim:\n', '"db1 x_password=..." cannot be the name of a host'],
    ['all:\n  hosts:\n    db[1] x_password=geheim:\n', '"db[1] x_password=...": a range of hosts is written'],
    ['all:\n  db1 x_password=geheim:\n', 'unknown key "db1 x_password=..." in group "all"'],
  ])('variables in one line, without what they say: one may be a password: %j', async (text, message) => {
    const error = await failure({ 'hosts.yml': text });
    expect(error.message).toContain(message);
    expect(JSON.stringify([error.message, error.details, error.next])).not.toContain('geheim');
  });

  it('a variables file that is wrong', async () => {
    const inventory = { 'hosts.yml': 'all: {hosts: {h: {}}}' };
    expect((await failure({ ...inventory, 'group_vars/all.yml': '- a' })).message).toBe(
      'a variables file is a map of variables, not a list',
    );
    expect((await failure({ ...inventory, 'host_vars/h.yml': '$ANSIBLE_VAULT;1.1' })).code).toBe(
      'inventory-vault',
    );
  });
});

describe('ranges', () => {
  it.each([
    ['db1', ['db1']],
    ['db[1:3]', ['db1', 'db2', 'db3']],
    ['db[08:10].x', ['db08.x', 'db09.x', 'db10.x']],
    ['r[a:c]', ['ra', 'rb', 'rc']],
    ['db[1:5:2]', ['db1', 'db3', 'db5']],
    ['[a:b][1:2]', ['a1', 'a2', 'b1', 'b2']],
  ])('%s', (name, expected) => {
    expect(expandRanges(name)).toEqual(expected);
  });

  it.each([
    ['db[3:1]'],
    ['db[a:3]'],
    ['db[a:C]'],
    ['db[1:99999999]'],
    ['db['],
    ['db[1:200][1:200]'],
    ['db[1]'],
  ])('%s is refused', (name) => {
    expect(() => expandRanges(name)).toThrow(BadRange);
  });

  it('any name gives names or is refused', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-c0-9[\]:]{0,12}$/), (name) => {
        try {
          const names = expandRanges(name);
          expect(new Set(names).size).toBe(names.length);
        } catch (error) {
          expect(error).toBeInstanceOf(BadRange);
        }
      }),
    );
  });
});

describe('what would be misread in silence', () => {
  it('groups of the same depth are read by their priority', async () => {
    const files = {
      'hosts.yml': `
all:
  children:
    alpha: { hosts: { db1: }, vars: { from: alpha, ansible_group_priority: 10 } }
    beta: { hosts: { db1: }, vars: { from: beta } }
`,
      'group_vars/alpha.yml': 'file: alpha\n',
      'group_vars/beta.yml': 'file: beta\n',
    };
    expect(await varsOf(files, 'db1')).toMatchObject({ from: 'alpha', file: 'alpha' });
  });

  it('a priority where it cannot count is refused', async () => {
    const hosts = 'all: { children: { g: { hosts: { db1: } } } }';
    const inFile = await failure({ 'hosts.yml': hosts, 'group_vars/g.yml': 'ansible_group_priority: 2' });
    expect(inFile).toMatchObject({ code: 'group-priority', at: { line: 1 } });
    const ofHost = await failure({ 'hosts.yml': 'all: { hosts: { db1: { ansible_group_priority: 2 } } }' });
    expect(ofHost.message).toBe(
      '"ansible_group_priority" counts only under vars: of a group in the inventory',
    );
    const word = await failure({
      'hosts.yml': 'all: { children: { g: { hosts: { db1: }, vars: { ansible_group_priority: high } } } }',
    });
    expect(word.message).toBe('"ansible_group_priority" must be a whole number');
  });

  it.each([
    ['hosts', '[db]\ndb2 ansible_host=10.0.0.2\n', 'inventory-ini'],
    ['more.ini', '[db]\ndb2\n', 'inventory-ini'],
    ['dynamic', '#!/bin/sh\necho {}\n', 'inventory-dynamic'],
    ['below/b.yml', 'all: { hosts: { db2: } }', 'inventory-directory-inside'],
    ['below/hosts', 'db2\n', 'inventory-directory-inside'],
    ['below/further/b.yml', 'all: { hosts: { db2: } }', 'inventory-directory-inside'],
    ['a.yml.old', 'all: { hosts: { db1: { ansible_host: 10.0.0.1 } } }', 'inventory-file-name'],
    ['a.yml.rpmsave', 'all: { hosts: { db2: } }', 'inventory-file-name'],
  ])('a directory with a.yml and %s does not lose the second', async (name, text, code) => {
    const error = await failure({ 'inv/a.yml': 'all: { hosts: { db1: } }', [`inv/${name}`]: text }, 'inv');
    expect(error.code).toBe(code);
    expect(error.next.length).toBeGreaterThan(0);
  });

  it('a directory may hold what is no inventory', async () => {
    const files = {
      'inv/a.yml': 'all: { hosts: { db1: } }',
      'inv/b': 'all: { hosts: { db2: } }',
      'inv/README.md': '# hosts',
      'inv/.hidden': 'x',
      'inv/group_vars/all.yml': 'x: 1',
      'inv/keys/id_ed25519': 'key',
      'inv/files/app/package.json': '{}',
    };
    expect(await varsOf(files, 'db2', ['inv'])).toEqual({ x: 1 });
  });

  it.each([
    [
      'pitr_host_key_cheking',
      'pitr has no variable "pitr_host_key_cheking" (did you mean "pitr_host_key_checking"?)',
    ],
    ['pitr_anything', 'pitr has no variable "pitr_anything"'],
    ['inventory_hostname', '"inventory_hostname" is set by pitr itself; take another name'],
  ])('%s is refused wherever it stands', async (name, message) => {
    for (const files of [
      { 'hosts.yml': `all: { hosts: { db1: { ${name}: x } } }` },
      { 'hosts.yml': `all: { hosts: { db1: }, vars: { ${name}: x } }` },
      { 'hosts.yml': 'all: { hosts: { db1: } }', 'host_vars/db1.yml': `${name}: x` },
    ]) {
      const error = await failure(files);
      expect(error.message).toBe(message);
      expect(error.at?.line).toBe(1);
    }
  });

  it('bytes that are no UTF-8 are refused, with their place', async () => {
    await using directory = await directoryOf({});
    const file = directory.file('hosts.yml');
    await writeFile(file, Buffer.from('all:\n  hosts:\n    db1: { note: caf\xe9 }\n', 'latin1'));
    await expect(loadInventory([file])).rejects.toMatchObject({
      code: 'not-utf8',
      message: `${file} is not UTF-8: the byte 0xe9 at offset 34 is no character`,
      at: { line: 3, column: 21 },
    });
  });
});
