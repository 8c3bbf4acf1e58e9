import { describe, expect, it } from 'vitest';
import {
  type HostIdentity,
  identityWords,
  isSameHost,
  isStill,
} from '../../../../lib/system/core/host-identity.ts';

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

describe('a host is still the machine that it was', () => {
  const ONCE: HostIdentity = { name: 'db1', boot: 'a', machine: 'm' };

  it.each<readonly [string, HostIdentity, HostIdentity, string]>([
    ['after a start', ONCE, { ...ONCE, boot: 'b' }, 'yes'],
    ['with its name in full', ONCE, { ...ONCE, name: 'db1.example.com' }, 'yes'],
    ['where it had no machine-id', { name: 'db1' }, ONCE, 'yes'],
    ['not with another name', ONCE, { ...ONCE, name: 'db2' }, 'no'],
    ['not with another name where all have one machine-id', ONCE, { ...ONCE, name: 'db10' }, 'no'],
    ['not with another machine-id', ONCE, { ...ONCE, machine: 'n' }, 'no'],
    ['not one that tells nothing', ONCE, {}, 'unknown'],
    ['not where it told nothing', {}, ONCE, 'unknown'],
  ])('%s', (_, once, now, expected) => {
    expect(isStill(once, now)).toBe(expected);
  });
});

it('is told in words', () => {
  expect(identityWords(DB1)).toBe('db1 (boot a)');
  expect(identityWords({})).toBe('a host that does not tell its name');
});
