import { cp, readFile, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { asPitrError } from '../../lib/base/errors/pitr-error.ts';
import { productPlaybooks } from '../../lib/language/playbook/assets.ts';
import { loadPlaybook } from '../../lib/language/playbook/load.ts';
import { flatTasks } from '../../lib/language/playbook/load-steps.ts';
import { parseConfig } from '../../lib/recovery/barman/config.ts';
import { combinedIn, isStagedLocally } from '../../lib/recovery/barman/local-staging.ts';
import { copyFailed } from '../../lib/recovery/barman/restore-refusals.ts';
import { parseBackupId } from '../../lib/recovery/wal/backup-id.ts';
import { play } from '../engine/support.ts';
import { beside, ID } from '../modules/barman-here.ts';
import { localPlayground } from '../modules/playground.ts';
import { ours, user } from '../modules/wal-here.ts';

/** What Barman cannot copy as it lies there is known before anything is touched, and not when it is copied. */

const PARENT = parseBackupId('20261122T150000');

const EVIDENCE = { command: 'barman recover', exitCode: 1, stderr: '' };

const found = { id: 'b', server: 's', restored_bytes: 7, packed: false };

async function refusal(base: object) {
  // What is refused before a run begins is thrown.
  const error = await play(`- hosts: one
  vars: ${JSON.stringify({ base: { ...found, ...base }, staging_path: null, restored_bytes: null })}
  tasks:
    - import_tasks: ${join(productPlaybooks(), 'tasks', 'packed.yml')}
`).then(({ outcome }) => outcome.error, asPitrError);
  return error && { code: error.code, words: [error.message, ...(error.next ?? [])].join('\n') };
}

describe('a backup that Barman puts together on its own host', () => {
  it.each([
    [{ parent: 'a' }, 'b is a difference to a, and it is not said where Barman puts it together'],
    [{ encryption: 'gpg' }, 'b is encrypted, and it is not said where Barman decrypts it'],
  ])('is refused where it is not said where, with the line to write: %j', async (kind, words) => {
    const refused = await refusal({ ...kind, staged_locally: true });
    expect(refused?.code).toBe('staging-path-missing');
    expect(refused?.words).toContain(words);
    expect(refused?.words).toContain("Barman's configuration of s: local_staging_path = /var/tmp");
  });

  it('is not, where it is; nor one of which nothing was told, as by a run of before', async () => {
    expect(await refusal({ parent: 'a', staged_locally: true, local_staging_path: '/srv' })).toBeUndefined();
    expect(await refusal({ parent: 'a' })).toBeUndefined();
  });
});

describe('prepare.yml asks for room where Barman puts the backup together', () => {
  /** What its looks for room refuse, where the files and what Barman puts together take so much of one file system. */
  async function refused(
    files: number,
    staged: number,
    prepare_on: string,
    more: object = { staged_locally: true, local_staging_path: '/dev/shm/no-such-staging/of-barman' },
  ): Promise<string | undefined> {
    const { bavail, bsize } = await statfs('/dev/shm');
    const bytes = (part: number) => Math.round(part * bavail * bsize);
    const { plays } = await loadPlaybook(join(productPlaybooks(), 'prepare.yml'));
    const looks = plays
      .flatMap(({ tasks }) => flatTasks(tasks))
      .filter(({ module }) => module === 'fs.space')
      .map(({ args, vars, when, delegateTo, register }) => ({
        'fs.space': args.value,
        vars: Object.fromEntries(
          vars.flatMap((some) => Object.entries(some)).map(([name, { value }]) => [name, value]),
        ),
        when: when.map(({ value }) => value),
        delegate_to: delegateTo?.value,
        register,
      }));
    expect(looks).toHaveLength(5);
    const base = {
      ...{ server: 's', ...more },
      ...{ restored_bytes: bytes(files), size_bytes: bytes(staged), packed: false },
    };
    const vars = {
      base,
      wal: { bytes: 0 },
      wal_at_one_time: 0,
      restored_bytes: null,
      files: '/dev/shm/no-such-files/b',
    };
    const { error } = await play(`- hosts: one
  vars: ${JSON.stringify({ ...vars, barman_host: 'one', prepare_on })}
  tasks: ${JSON.stringify(looks)}
`).then(
      ({ outcome }) => ({ error: outcome.error }),
      (thrown: unknown) => ({ error: asPitrError(thrown) }),
    );
    return error?.message;
  }

  it('wherever the files are prepared', async () => {
    expect(await refused(0, 2, 'two')).toContain('/dev/shm/no-such-staging/of-barman');
  });

  it('where Barman 3.15 and later put it together on the host of the files', async () => {
    const more = { combined_in: '/dev/shm/no-such-staging/there' };
    expect(await refused(0.3, 0, 'one', more)).toBeUndefined();
    expect(await refused(0.6, 0, 'one', more)).toContain('/dev/shm/no-such-files');
  });

  it('for both, where the files are prepared beside it', async () => {
    expect(await refused(0.6, 0.6, 'one')).toContain('/dev/shm/no-such-files');
    expect(await refused(0.6, 0.6, 'two')).toBeUndefined();
    expect(await refused(0.3, 0.3, 'one')).toBeUndefined();
  });
});

it('a snapshot of disks is refused, and another backup asked for', async () => {
  const refused = await refusal({ mode: 'snapshot-concurrent' });
  expect(refused?.code).toBe('backup-is-snapshot');
  expect(refused?.words).toContain('-e backup=<its id>: pitr backups');
  expect(await refusal({ mode: 'rsync-concurrent' })).toBeUndefined();
});

it.each([
  [31_099, { parent: PARENT }, false],
  [31_100, { parent: PARENT }, true],
  [31_499, {}, false],
  [31_500, { parent: PARENT }, false],
])(
  'replayed from Barman %s, by its release notes: %j is put together in a place that must be said: %s',
  (version, kind, staged) => {
    expect(isStagedLocally({ parent: undefined, encryption: undefined, ...kind }, version)).toBe(staged);
  },
);

describe('where a difference is put together', () => {
  const [server] = parseConfig(['[barman]\nbarman_home = /b\n[pg]\nlocal_staging_path = /old\n']);
  const [there] = parseConfig(['[barman]\nbarman_home = /b\n[pg]\nstaging_location = remote\n']);
  const packed = { parent: PARENT, encryption: undefined, compression: 'gzip' };
  const plain = { ...packed, compression: undefined };
  it.each([
    [31_000, plain, server, undefined, undefined],
    [31_100, plain, server, undefined, { remote: false, path: '/old' }],
    [31_100, plain, server, '/told', { remote: false, path: '/old' }],
    [31_100, plain, there, undefined, undefined],
    [31_500, plain, server, undefined, { remote: false, path: '/old' }],
    [31_500, plain, there, undefined, { remote: true, path: '/tmp' }],
    [31_500, plain, server, '/told', { remote: true, path: '/told' }],
    [31_500, packed, there, undefined, { remote: true, path: '/tmp' }],
    [31_500, { ...plain, parent: undefined }, there, '/told', undefined],
  ])('replayed from Barman %s, by its own code: %#', (version, backup, config, told, place) => {
    expect(config && combinedIn(backup, version, config, told)).toEqual(place);
  });
});

it.each<readonly [boolean, readonly string[], string]>([
  [
    false,
    ['Make room on db2: df -h /d', 'Or on barman, where Barman works on it before: df -h /tmp'],
    'db2 or on barman',
  ],
  [true, ['Make room on db2: df -h /d /tmp'], 'the disk is full'],
])('a full disk is looked for on the hosts where the backup is made: remote %s', (remote, next, words) => {
  const output = 'pg_combinebackup: error: No space left on device';
  const facts = {
    backup: ID,
    destination: '/d',
    node: 'db2',
    host: 'barman',
    runId: 'r',
    output,
    afresh: false,
  };
  const error = copyFailed({ ...facts, staged: [{ remote, path: '/tmp' }], evidence: EVIDENCE });
  expect(error.message).toContain(words);
  expect(error.next?.filter((line) => line.includes('df -h'))).toEqual(next);
});

describe('barman.backup tells that Barman puts a backup together on its own host', () => {
  it.each<readonly [string, string, true | undefined, string?]>([
    ['3.10.0', 'encryption=gpg', undefined],
    ['3.13.3', 'encryption=None', undefined],
    ['3.13.3', 'encryption=gpg', true],
    ['3.14.1', 'encryption=gpg', true],
    ['3.15.0', 'encryption=gpg', undefined],
    ['3.15.0', `parent_backup_id=${PARENT}`, true],
    ['3.15.0', `parent_backup_id=${PARENT}`, undefined, '/told'],
  ])('replayed from Barman %s, by its release notes: %s', async (version, line, staged, told) => {
    await using ground = await localPlayground();
    await beside(ground, ours, async () => {
      const { dir, play: here } = ground;
      const program = join(dir, 'bin/barman');
      await writeFile(
        program,
        `#!/bin/sh\ncase $* in --version) echo '${version} Barman by EnterpriseDB' ;; *) cat ${dir}/list-server.json ;; esac\n`,
        { mode: 0o755 },
      );
      const base = join(dir, 'home/db1/base');
      await cp(join(base, ID), join(base, String(PARENT)), { recursive: true });
      const info = join(base, ID, 'backup.info');
      await writeFile(info, `${await readFile(info, 'utf8')}\n${line}\n`);
      const task = { id: ID, user, restored_bytes: 7, staging_path: told };
      const { result } = await here.run('barman.backup', task);
      expect(result.staged_locally).toBe(staged);
      expect(result.combined_in).toBe(told);
    });
  });
});
