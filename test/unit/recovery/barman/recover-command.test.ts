import { describe, expect, it } from 'vitest';
import { formatVersion, parseVersion } from '../../../../lib/base/values/version.ts';
import { knownVersion } from '../../../../lib/recovery/barman/known-version.ts';
import { recoverCommand } from '../../../../lib/recovery/barman/recover-command.ts';
import {
  BARMAN_DIFFERENCES,
  faultsOf,
  OLDEST_KNOWN,
  recoverAbilities,
} from '../../../../lib/recovery/barman/version.ts';
import { parseBackupId } from '../../../../lib/recovery/wal/backup-id.ts';
import { fixture } from './fixture.ts';

const OLD = '--recovery-staging-path';
const LOCATED = '--staging-path with its location';

describe("Barman's version", () => {
  it.each([
    [fixture('version.txt'), 30_400],
    [fixture('3.13.3/version.txt'), 31_303],
    [fixture('3.20.1/version.txt'), 32_001],
    ['3.16.2 Barman by EnterpriseDB (www.enterprisedb.com)', 31_602],
    ['barman 3.21', 32_100],
    ['command not found', undefined],
  ])('%j', (text, expected) => {
    expect(parseVersion(text)).toBe(expected);
    if (expected === 31_602) expect(formatVersion(expected)).toBe('3.16.2');
  });

  it.each([
    ['3.4.0', 'again', 'again', OLD, false],
    ['3.5.0', 'again', 'again', OLD, false],
    ['3.10.0', 'again', 'again', OLD, false],
    ['3.12.1', 'again', 'again', OLD, false],
    ['3.14.1', 'again', 'again', OLD, false],
    ['3.15.0', 'afresh', 'afresh', LOCATED, false],
    ['3.16.2', 'afresh', 'afresh', LOCATED, true],
    ['3.17.0', 'delta', 'afresh', LOCATED, true],
    ['3.21.0', 'delta', 'afresh', LOCATED, true],
  ])('%s continues a copy: %s, a packed one: %s', (text, plain, packed, staging, deltaOptions) => {
    const version = parseVersion(text) ?? 0;
    expect(recoverAbilities(version, false)).toEqual({ continuation: plain, staging, deltaOptions });
    expect(recoverAbilities(version, true)).toEqual({ continuation: packed, staging, deltaOptions });
  });

  it.each([
    ['3.4.0', 0],
    ['3.12.0', 1],
    ['3.15.0', 1],
    ['3.16.0', 1],
    ['3.17.0', 0],
  ])('%s has known faults: %i', (text, count) => {
    expect(faultsOf(parseVersion(text) ?? 0)).toHaveLength(count);
  });

  it.each([
    ['that is not told', '\n', 'barman-version-unknown'],
    ['in words that are none', 'Traceback (most recent call last):', 'barman-version-unknown'],
    [
      'replayed from Barman 2.12: it tells none',
      'Barman by 2ndQuadrant (www.2ndQuadrant.com)',
      'barman-version-unknown',
    ],
    ['that is too old', '3.3.0 Barman by EnterpriseDB (www.enterprisedb.com)', 'barman-too-old'],
  ])('%s is refused', (_, said, code) => {
    const refusal = expect.objectContaining({ kind: 'refused', code, host: 'barman' });
    expect(() => knownVersion(said, 'barman')).toThrow(refusal);
    expect(knownVersion(fixture('version.txt'), 'barman')).toBe(OLDEST_KNOWN);
  });

  it('each line of the table says from when on, and who says so', () => {
    for (const [name, { since = 0, source }] of Object.entries(BARMAN_DIFFERENCES)) {
      expect(since, name).toBeGreaterThan(OLDEST_KNOWN);
      expect(source, name).toMatch(/release notes|issue/);
    }
  });
});

describe('the command that copies a backup', () => {
  const backup = parseBackupId('20261122T155813') ?? fail();
  const order = {
    server: 'db1',
    backup,
    remoteSsh: 'ssh -q postgres@db2',
    destination: '/srv/it is; here',
    packed: false,
    continues: true,
  };
  const options = (
    more: Partial<typeof order> & { stagingPath?: string; stagedHere?: boolean },
    version: string,
  ): string =>
    recoverCommand({ ...order, remoteSsh: 'ssh db2', ...more }, parseVersion(version) ?? 0)
      .slice(5, -3)
      .join(' ');

  it('is one argument list, never continues by options that an old version lacks', () => {
    expect(recoverCommand(order, 30_400)).toEqual([
      'barman',
      'recover',
      '--remote-ssh-command',
      'ssh -q postgres@db2',
      '--get-wal',
      'db1',
      '20261122T155813',
      '/srv/it is; here',
    ]);
  });

  it('has the options that were asked for', () => {
    const more = { ...order, continues: false, jobs: 4, bandwidthLimit: 100, tablespaces: { fast: '/new' } };
    expect(recoverCommand(more, 31_500).join(' ')).toBe(
      'barman recover --remote-ssh-command ssh -q postgres@db2 --get-wal --jobs 4 --bwlimit 100 ' +
        '--tablespace fast:/new db1 20261122T155813 /srv/it is; here',
    );
  });

  it.each([
    ['3.4.0', '--recovery-staging-path /stage'],
    ['3.14.1', '--recovery-staging-path /stage'],
    // Where it is not said on which host, it is Barman's own.
    ['3.15.0', '--staging-path /stage --staging-location remote'],
    // What goes on is begun afresh, and never as a delta: "Cannot restore a backup remotely with delta mode".
    ['3.16.2', '--staging-path /stage --staging-location remote --no-delta-restore'],
    ['3.20.1', '--staging-path /stage --staging-location remote --no-delta-restore'],
  ])('of Barman %s unpacks on the node: %s', (version, words) => {
    const packed = { packed: true, stagingPath: '/stage' };
    expect(options(packed, version)).toBe(words);
    expect(options({ ...packed, continues: false }, version)).toBe(words);
    expect(fixture('3.20.1/delta-with-remote-staging.txt')).toContain('with delta mode');
  });

  it.each([
    ['3.15.0', ''],
    ['3.16.2', '--no-delta-restore'],
    ['3.20.1', '--staging-location local --delta-restore'],
  ])('of Barman %s goes on with a plain copy: %s', (version, words) => {
    expect(options({}, version)).toBe(words);
    expect(options({ continues: false }, version)).toBe(version === '3.15.0' ? '' : '--no-delta-restore');
  });

  it.each([
    ['3.15.0', '--staging-path /stage --staging-location local'],
    ['3.16.2', '--staging-path /stage --staging-location local --no-delta-restore'],
    ['3.20.1', '--staging-path /stage --staging-location local --delta-restore'],
  ])('of Barman %s puts a difference together on its own host: %s', (version, words) => {
    expect(options({ stagingPath: '/stage', stagedHere: true }, version)).toBe(words);
  });

  it("on Barman's own host unpacks there", () => {
    const { remoteSsh: _, ...here } = order;
    expect(recoverCommand({ ...here, packed: true, stagingPath: '/stage' }, 31_500)).toContain('local');
  });
});

function fail(): never {
  throw new Error('not a backup id');
}
