import { expect, it } from 'vitest';
import { type HostIdentity, identityWords, isSameHost } from '../../../../lib/system/core/host-identity.ts';

const DB1: HostIdentity = { name: 'db1', boot: 'a' };

it.each<readonly [string, HostIdentity, HostIdentity, string]>([
  ['one host', DB1, DB1, 'yes'],
  ['its name in full on one side only', DB1, { ...DB1, name: 'db1.example.com' }, 'yes'],
  ['its name in capitals', DB1, { ...DB1, name: 'DB1' }, 'yes'],
  ['nothing but its name', { name: 'db1' }, { name: 'db1' }, 'yes'],
  ['another name', DB1, { ...DB1, name: 'db2' }, 'no'],
  ['a name that begins alike', { name: 'db1' }, { name: 'db10' }, 'no'],
  ['two domains', { name: 'db1.a.example' }, { name: 'db1.b.example' }, 'no'],
  ['two machines of one name', DB1, { ...DB1, boot: 'b' }, 'no'],
  ['no name on one side', DB1, { ...DB1, name: undefined }, 'unknown'],
  ['no name, and another kernel', DB1, { boot: 'b' }, 'no'],
  ['nothing at all', DB1, {}, 'unknown'],
])('%s', (_, own, reached, expected) => {
  expect(isSameHost(own, reached)).toBe(expected);
  expect(isSameHost(reached, own)).toBe(expected);
});

it('is told in words', () => {
  expect(identityWords(DB1)).toBe('db1 (boot a)');
  expect(identityWords({})).toBe('a host that does not tell its name');
});
