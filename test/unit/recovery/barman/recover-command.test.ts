import { describe, expect, it } from 'vitest';
import { recoverCommand } from '../../../../lib/recovery/barman/recover-command.ts';
import { formatVersion, parseVersion, recoverAbilities } from '../../../../lib/recovery/barman/version.ts';
import { parseBackupId } from '../../../../lib/recovery/wal/backup-id.ts';
import { fixture } from './fixture.ts';

describe("Barman's version", () => {
  it.each([
    [fixture('version.txt'), 30_400],
    ['3.16.2 Barman by EnterpriseDB (www.enterprisedb.com)', 31_602],
    ['barman 3.21', 32_100],
    ['command not found', undefined],
  ])('%j', (text, expected) => {
    expect(parseVersion(text)).toBe(expected);
    if (expected === 31_602) expect(formatVersion(expected)).toBe('3.16.2');
  });

  it.each([
    ['3.4.0', 'again', '--recovery-staging-path'],
    ['3.14.1', 'again', '--recovery-staging-path'],
    ['3.15.0', 'afresh', '--staging-path'],
    ['3.16.2', 'afresh', '--staging-path'],
    ['3.17.0', 'delta', '--staging-path'],
    ['3.21.0', 'delta', '--staging-path'],
  ])('%s continues a copy: %s', (text, continuation, staging) => {
    expect(recoverAbilities(parseVersion(text) ?? 0)).toEqual({ continuation, staging });
  });
});

describe('the command that copies a backup', () => {
  const backup = parseBackupId('20261122T155813') ?? fail();
  const order = {
    server: 'db1',
    backup,
    remoteSsh: 'ssh -q postgres@db2',
    destination: '/srv/it is; here',
    continues: true,
  };

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

  it('has the options that were asked for, by the names of its version', () => {
    const more = {
      ...order,
      jobs: 4,
      stagingPath: '/stage',
      bandwidthLimit: 100,
      tablespaces: { fast: '/new' },
    };
    expect(recoverCommand(more, 31_700).join(' ')).toBe(
      'barman recover --remote-ssh-command ssh -q postgres@db2 --get-wal --jobs 4 --bwlimit 100 ' +
        '--tablespace fast:/new --staging-path /stage --delta-restore db1 20261122T155813 /srv/it is; here',
    );
    expect(recoverCommand({ ...more, continues: false }, 31_700)).not.toContain('--delta-restore');
  });
});

function fail(): never {
  throw new Error('not a backup id');
}
