import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  fingerprint,
  judge,
  keyType,
  knownName,
  matchesHost,
  parseKnownHosts,
  preferredAlgorithms,
} from '../../../../lib/transport/ssh/known-hosts.ts';

const KEY = 'AAAAC3NzaC1lZDI1NTE5AAAAIBvOcXy0bX4VQZ8dDXcxBSVf0v2GQ1hhoFbYJSTHOSjv';
const OTHER = 'AAAAC3NzaC1lZDI1NTE5AAAAIKv0v2GQ1hhoFbYJSTHOSjvBvOcXy0bX4VQZ8dDXcxBS';
const wire = (key: string): Buffer => Buffer.from(key, 'base64');

describe('knownName', () => {
  it.each([
    ['db1.example.com', 22, 'db1.example.com'],
    ['DB1', 22, 'db1'],
    ['db1', 2201, '[db1]:2201'],
    ['::1', 2201, '[::1]:2201'],
  ])('%s port %d stands as %s', (host, port, expected) => {
    expect(knownName(host, port)).toBe(expected);
  });
});

describe('matchesHost', () => {
  it.each([
    ['db1', 'db1', true],
    ['db1,10.0.0.1', '10.0.0.1', true],
    ['db1', 'db11', false],
    ['*.example.com', 'db1.example.com', true],
    ['db?', 'db1', true],
    ['db?', 'db12', false],
    ['*', '[db1]:2201', true],
    ['*.example.com,!db1.example.com', 'db1.example.com', false],
    ['!db1.example.com,*.example.com', 'db1.example.com', false],
    ['!db1.example.com,*.example.com', 'db2.example.com', true],
    ['[db1]:2201', '[db1]:2201', true],
    ['[db1]:2201', 'db1', false],
    ['DB1.Example.com', 'db1.example.com', true],
    ['a*b*c*d', 'aXXbXXcXXd', true],
    [`${'a*'.repeat(30)}b`, 'a'.repeat(60), false],
  ])('the field %s and the name %s: %s', (field, name, expected) => {
    expect(matchesHost(field, name)).toBe(expected);
  });

  it('reads the hashes that ssh-keygen writes', () => {
    const directory = mkdtempSync(join(tmpdir(), 'pitr-known-'));
    try {
      const file = join(directory, 'known_hosts');
      writeFileSync(file, `[db1]:2201 ssh-ed25519 ${KEY}\n`);
      execFileSync('ssh-keygen', ['-q', '-H', '-f', file], { stdio: 'ignore' });
      const hashed = execFileSync('cat', [file], { encoding: 'utf8' });
      const [entry] = parseKnownHosts(hashed, file);
      expect(entry?.hosts).toMatch(/^\|1\|/);
      expect(matchesHost(entry?.hosts ?? '', '[db1]:2201')).toBe(true);
      expect(matchesHost(entry?.hosts ?? '', '[db1]:2202')).toBe(false);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});

describe('parseKnownHosts', () => {
  it('reads keys, markers and line numbers, and passes over what makes no sense', () => {
    const text = [
      '# a comment',
      '',
      `db1 ssh-ed25519 ${KEY} with a comment`,
      `@revoked * ssh-ed25519 ${OTHER}`,
      `@cert-authority *.example.com ssh-ed25519 ${KEY}`,
      '@strange db1 ssh-ed25519 AAAA',
      'db2 ssh-ed25519',
    ].join('\r\n');
    expect(parseKnownHosts(text, 'f').map(({ marker, hosts, line }) => [marker, hosts, line])).toEqual([
      [undefined, 'db1', 3],
      ['revoked', '*', 4],
      ['cert-authority', '*.example.com', 5],
    ]);
  });
});

describe('judge', () => {
  const known = (text: string) => parseKnownHosts(text, 'f');

  it.each([
    ['the same key', `h ssh-ed25519 ${KEY}`, 'trusted'],
    ['one of several keys', `h ssh-ed25519 ${OTHER}\nh ssh-ed25519 ${KEY}`, 'trusted'],
    ['no key known', '', 'unknown'],
    ['another key of the same type', `h ssh-ed25519 ${OTHER}`, 'changed'],
    ['only a key of another type known', 'h ssh-rsa AAAAB3NzaC1yc2E=', 'changed'],
    [
      'a revoked key, though it is also known',
      `h ssh-ed25519 ${KEY}\n@revoked h ssh-ed25519 ${KEY}`,
      'revoked',
    ],
    ['an authority alone', `@cert-authority h ssh-ed25519 ${KEY}`, 'unknown'],
  ])('%s', (_, text, expected) => {
    expect(judge(known(text), wire(KEY)).kind).toBe(expected);
  });
});

describe('keys', () => {
  it('prints the fingerprint that ssh-keygen prints', () => {
    const printed = execFileSync('ssh-keygen', ['-lf', '-'], {
      input: `ssh-ed25519 ${KEY} x\n`,
      encoding: 'utf8',
    });
    expect(printed.split(' ')[1]).toBe(fingerprint(wire(KEY)));
    expect(keyType(wire(KEY))).toBe('ssh-ed25519');
  });

  it('asks first for the algorithms of the keys that are known', () => {
    expect(preferredAlgorithms(parseKnownHosts(`h ssh-rsa AAAA\nh ssh-ed25519 ${KEY}`, 'f'))).toEqual([
      'rsa-sha2-512',
      'rsa-sha2-256',
      'ssh-ed25519',
    ]);
  });
});
