import { describe, expect, it } from 'vitest';
import { barmanHost, patroniHosts } from '../../../cli/well-known-hosts.ts';
import { loadInventory } from '../../../lib/language/inventory/load.ts';
import { folder } from '../language/playbook/support/folder.ts';

async function inventory(text: string) {
  await using place = await folder({ 'inventory.yml': text });
  return await loadInventory([place.file('inventory.yml')]);
}

describe('the host that Barman runs on', () => {
  it.each([
    ['what barman_host says', 'all: { vars: { barman_host: x }, hosts: { x: , barman: } }', 'x'],
    ['the only host of the group barman', 'all: { children: { barman: { hosts: { bk1: } } } }', 'bk1'],
    [
      'that of a group in it',
      'all: { children: { barman: { children: { far: { hosts: { bk1: } } } } } }',
      'bk1',
    ],
    ['the host barman', 'all: { hosts: { barman: , db1: } }', 'barman'],
    [
      'the host barman of the group barman',
      'all: { children: { barman: { hosts: { barman: } } } }',
      'barman',
    ],
    [
      'the group, where barman_host is no host',
      'all: { vars: { barman_host: gone }, children: { barman: { hosts: { bk1: } } } }',
      'bk1',
    ],
  ])('is %s', async (_, text, host) => {
    expect(barmanHost(await inventory(text))).toBe(host);
  });

  it('is what -e says, as it is for the run', async () => {
    const there = await inventory('all: { vars: { barman_host: x }, hosts: { x: , y: } }');
    expect(barmanHost(there, { barman_host: 'y' })).toBe('y');
    expect(() => barmanHost(there, { barman_host: 'z' })).toThrow(
      expect.objectContaining({ code: 'barman-host-unknown', message: expect.stringContaining('-e says') }),
    );
  });

  it.each([
    ['the group has several', 'all: { children: { barman: { hosts: { bk1: , bk2: } } } }', 'bk1, bk2'],
    ['the group has none', 'all: { hosts: { db1: }, children: { barman: { hosts: {} } } }', 'read from'],
    ['nothing says it', 'all: { hosts: { db1: } }', 'read from'],
  ])('is not known where %s', async (_, text, detail) => {
    const there = await inventory(text);
    expect(() => barmanHost(there)).toThrow(
      expect.objectContaining({
        code: 'barman-host-unknown',
        details: expect.arrayContaining([expect.stringContaining(detail)]),
      }),
    );
  });
});

it('a group patroni without a host has no nodes', async () => {
  const there = await inventory('all: { hosts: { db1: }, children: { patroni: { hosts: {} } } }');
  expect(() => patroniHosts(there)).toThrow(expect.objectContaining({ code: 'patroni-hosts-unknown' }));
});
