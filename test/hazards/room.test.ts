import { statfsSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { asPitrError } from '../../lib/base/errors/pitr-error.ts';
import { productPlaybooks } from '../../lib/language/playbook/assets.ts';
import { loadPlaybook } from '../../lib/language/playbook/load.ts';
import { flatTasks } from '../../lib/language/playbook/load-steps.ts';
import { play } from '../engine/support.ts';
import { ordinaryUser } from '../support/ordinary-user.ts';

/** More than any file system has. */
const TOO_MUCH = 900_000_000_000_000;
const WAL_ELSEWHERE = { wal: '/dev/shm/no-such-wal/main' };

/** What refuses in a file of the product's tasks, on a member with its data in a directory of its own. */
async function refusalIn(
  file: string,
  vars: Readonly<Record<string, unknown>>,
  before = '',
): Promise<{ readonly code: string; readonly words: string; readonly said: string } | undefined> {
  const all = {
    ...{
      target: 'two',
      pgdata: 'DIR/data',
      staging: 'DIR/data.new',
      barman_host: 'two',
      restore_ssh: 'ssh one',
      pg_user: 'x',
    },
    ...vars,
  };
  const yaml = `- hosts: one
  defaults_files: [${join(productPlaybooks(), 'vars/recovery.yml')}]
  vars: ${JSON.stringify(all)}
  tasks:
    - fs.directory: { path: DIR/data }
${before}    - import_tasks: ${join(productPlaybooks(), 'tasks', file)}
`;
  // What is refused before a run begins is thrown.
  const { error, said } = await play(yaml).then(
    ({ outcome, messages }) => ({ error: outcome.error, said: messages.join('\n') }),
    (thrown) => ({ error: asPitrError(thrown), said: '' }),
  );
  return error && { code: error.code, words: [error.message, ...(error.next ?? [])].join('\n'), said };
}

describe('a member that is to be copied anew', () => {
  const copy = { copy_bytes: 1, copy_wal_bytes: 1, copy_tablespaces: [], layout: {} };
  const inMembers = (vars: Readonly<Record<string, unknown>>) =>
    refusalIn('members-space.yml', { ...copy, ...vars });

  it.each([
    ['beside its old data', { copy_bytes: TOO_MUCH }, ''],
    [
      'for its WAL, on the volume of that',
      { copy_wal_bytes: TOO_MUCH, wal_at_one_time: TOO_MUCH, layout: WAL_ELSEWHERE },
      '/dev/shm',
    ],
    ['for a tablespace', { copy_tablespaces: [{ place: '/dev/shm/fast', bytes: TOO_MUCH }] }, '/dev/shm'],
  ])('is refused where there is no room %s, with the way to go on without', async (_, vars, where) => {
    const refused = await inMembers(vars);
    expect(refused?.code).toBe('not-enough-space');
    expect(refused?.words).toContain('-e member_space=false');
    expect(refused?.words).toContain(`not enough space for ${where}`);
    expect(await inMembers({ ...vars, member_space: false })).toBeUndefined();
    expect(await inMembers({ ...vars, target: 'one' })).toBeUndefined();
  });

  it('is not asked again once its old data is kept in this run: a part of the copy is there', async () => {
    const begun = '    - fs.directory: { path: "DIR/data.pre-pitr.{{ run_id }}" }\n';
    expect(await refusalIn('members-space.yml', { ...copy, copy_bytes: TOO_MUCH }, begun)).toBeUndefined();
  });

  it('is asked again once a copy that failed its proof lies aside, and nothing in the data directory', async () => {
    const begun = '    - fs.directory: { path: "DIR/gone.pre-pitr.{{ run_id }}" }\n';
    const vars = { ...copy, pgdata: 'DIR/gone' };
    const refused = await refusalIn('members-space.yml', { ...vars, copy_bytes: TOO_MUCH }, begun);
    expect(refused?.code).toBe('not-enough-space');
    expect(await refusalIn('members-space.yml', vars, begun)).toBeUndefined();
  });

  it('needs of much WAL no more than lies there at one time, beside the data or on its volume', async () => {
    const vars = { copy_wal_bytes: TOO_MUCH, wal_at_one_time: '1024' };
    expect(await inMembers(vars)).toBeUndefined();
    expect(await inMembers({ ...vars, layout: WAL_ELSEWHERE })).toBeUndefined();
  });

  it('takes what is said of its WAL, where that is less', async () => {
    const vars = { copy_wal_bytes: TOO_MUCH, layout: WAL_ELSEWHERE, wal_volume_bytes: '1 KiB' };
    expect(await inMembers(vars)).toBeUndefined();
  });
});

describe('a member that has tablespaces', () => {
  /** `DIR` in them is a directory where others may not write, `DIR/data` one that holds nothing. */
  const places = (
    own: readonly string[],
    copy: readonly string[],
    more: { readonly layout?: object } & Readonly<Record<string, unknown>> = {},
    before = '',
  ) => {
    const copy_tablespaces = copy.map((place) => ({ place, bytes: 1 }));
    const { layout = { tablespaces: own }, ...vars } = more;
    // As a look has told it: what is known before the run would be refused before that, without a look.
    const told = `${before}    - fs.copy: { dest: DIR/layout, content: '${JSON.stringify(layout)}' }
    - fs.read: { path: DIR/layout, as: json }
      register: told
    - core.set_fact: { layout: "{{ told.content }}" }
`;
    return refusalIn(
      'tablespaces-free.yml',
      { copy_tablespaces, pg_user: userInfo().username, ...vars },
      told,
    );
  };
  const held = '    - fs.copy: { dest: "DIR/fast one/PG_15/1", content: x }\n';
  const full = `    - fs.directory: { path: "DIR/fast one/PG_15" }\n${held}`;

  it('is refused where its copy would have them at the same places, with a way that keeps them', async () => {
    const refused = await places(['/srv/slow', 'DIR/fast one'], ['DIR/data', 'DIR/fast one'], {}, full);
    expect(refused?.code).toBe('tablespace-place-in-use');
    expect(refused?.words).toMatch(/fast one holds PG_15\n/);
    expect(refused?.words).toMatch(/mv '(\S+\/fast one)' '\1.old'\n/);
    expect(refused?.words).toMatch(/ln -sfn '\S+\/fast one.old' \S+\/data\/pg_tblspc\/<its number>/);
    expect(refused?.words).toMatch(/install -d -o \S+ -m 0700 '\S+\/fast one'\n/);
  });

  it('is refused where something else lies there, which a copy has left', async () => {
    expect((await places([], ['DIR/fast one'], {}, full))?.code).toBe('tablespace-place-in-use');
    expect(await places([], ['DIR/fast one'], { target: 'one' }, full)).toBeUndefined();
  });

  it('is refused where the copy cannot make its place', async () => {
    const refused = await places([], ['/nowhere/fast'], { pg_user: ordinaryUser });
    expect(refused?.code).toBe('tablespace-place-in-use');
  });

  it.each<
    readonly [
      string,
      readonly string[],
      readonly string[],
      { readonly layout?: object; readonly target?: string },
    ]
  >([
    ['the copy has them elsewhere', ['/srv/fast'], ['DIR/fast.pitr'], {}],
    ['the copy has them in an empty directory', ['/srv/fast'], ['DIR/data'], {}],
    ['it has none', [], ['DIR/fast'], {}],
    ['the copy has none', ['/srv/fast'], [], {}],
    ['it is the one that leads', ['/srv/fast'], ['/srv/fast'], { target: 'one' }],
    ['nobody has looked, for it has no data', [], ['DIR/fast'], { layout: {} }],
  ])('is not, where %s', async (_, own, copy, more) => {
    expect(await places(own, copy, more)).toBeUndefined();
  });

  it.each([
    ['rejoin-members.yml', 'rejoin-stop'],
    ['cutover.yml', 'promote'],
  ])('is looked at before anything is stopped or promoted: %s', async (file, change) => {
    const { plays } = await loadPlaybook(join(productPlaybooks(), file));
    const tasks = plays.flatMap((one) => flatTasks(one.tasks));
    const looked = tasks.findIndex(({ args }) => args.value.refuse === 'tablespace-place-in-use');
    expect(looked).toBeGreaterThan(0);
    expect(looked).toBeLessThan(tasks.findIndex(({ stage }) => stage === change));
  });
});

describe('the target', () => {
  const restore = {
    base: { server: 's', restored_bytes: 1, packed: false, tablespaces: [] },
    wal: { bytes: 1, servers_used: ['one'] },
  };

  it('is refused where the volume of its WAL has no room for the recovered WAL', async () => {
    const vars = { ...restore, layout: WAL_ELSEWHERE, wal_volume_bytes: TOO_MUCH, wal_at_one_time: '1024' };
    const refused = await refusalIn('can-restore.yml', vars);
    expect(refused?.code).toBe('not-enough-space');
    expect(refused?.words).toMatch(/\/dev\/shm[\s\S]*-e wal_volume_bytes=/);
  });

  it("is refused where Barman's host has no room to decrypt the backup", async () => {
    const base = {
      ...restore.base,
      size_bytes: TOO_MUCH,
      staged_locally: true,
      local_staging_path: '/dev/shm',
    };
    const refused = await refusalIn('can-restore.yml', { ...restore, base });
    expect(refused?.code).toBe('not-enough-space');
    expect(refused?.words).toContain('/dev/shm');
  });

  it('is refused where a backup that is put together there fits once, and not twice', async () => {
    const { bavail, bsize } = statfsSync(tmpdir());
    const base = { ...restore.base, restored_bytes: Math.floor(bavail * bsize * 0.6), parent: 'a' };
    const together = { ...base, combined_in: 'DIR/made' };
    expect((await refusalIn('can-restore.yml', { ...restore, base }))?.code).not.toBe('not-enough-space');
    const refused = await refusalIn('can-restore.yml', { ...restore, base: together });
    expect(refused?.code).toBe('not-enough-space');
  });

  const full = { ...restore, base: { ...restore.base, restored_bytes: TOO_MUCH }, wal_spool: 'DIR/spool' };
  const there = '    - fs.directory: { path: DIR/spool }\n';

  it('is refused where WAL would wait in a directory of somebody else, with the way to do without', async () => {
    const refused = await refusalIn('can-restore.yml', full, there);
    expect(refused?.code).toBe('spool-place-in-use');
    expect(refused?.words).toContain('-e wal_spool_bytes=0');
  });

  it.each<readonly [string, object, string]>([
    ['a recovery has made it', {}, `${there}    - fs.copy: { dest: DIR/spool/pitr-spool, content: "" }\n`],
    ['nothing is there yet', {}, ''],
    ['none is to wait', { wal_spool_bytes: '0' }, there],
    ['WAL comes from directories of the host', { wal_method: 'local', wal_directories: ['/srv/wal'] }, there],
  ])('is not refused for that where %s', async (_, vars, before) => {
    const refused = await refusalIn('can-restore.yml', { ...full, ...vars }, before);
    expect(refused?.code).toBe('not-enough-space');
  });

  const mib = 1024 * 1024;
  const much = { ...restore, wal: { ...restore.wal, bytes: TOO_MUCH } };
  // As text, as -e gives it.
  const hardly = { wal_at_one_time: String(mib), wal_spool_bytes: String(mib), barman_host: 'one' };

  it('needs room for WAL only for what lies there at one time, and is told that the data may grow', async () => {
    const later = await refusalIn('can-restore.yml', { ...much, ...hardly });
    expect(later?.code).not.toBe('not-enough-space');
    expect(later?.said).toContain('Should the data grow by as much as is replayed');
  });

  it.each<readonly [string, object, readonly string[]]>([
    ['in pg_wal', { wal_at_one_time: TOO_MUCH }, ['-e wal_at_one_time=']],
    ['waiting for its replay', { wal_spool_bytes: TOO_MUCH }, ['-e wal_spool_bytes=0']],
    [
      'waiting in another directory of that file system',
      { wal_spool_bytes: TOO_MUCH, wal_spool: 'DIR/elsewhere/spool' },
      ['-e wal_spool_bytes=0'],
    ],
  ])(
    'is refused where the WAL has no room that lies there at one time, %s, with the way',
    async (_, vars, ways) => {
      const refused = await refusalIn('can-restore.yml', { ...much, ...hardly, ...vars });
      expect(refused?.code).toBe('not-enough-space');
      for (const way of ways) expect(refused?.words).toContain(way);
    },
  );

  it.each<readonly [string, object]>([
    [
      'pg_wal is a volume of its own',
      { wal_at_one_time: TOO_MUCH, layout: WAL_ELSEWHERE, wal_volume_bytes: 1 },
    ],
    ['what waits lies elsewhere', { wal_spool_bytes: TOO_MUCH, wal_spool: '/dev/shm/no-such-spool' }],
    ['none waits', { wal_spool_bytes: TOO_MUCH, wal_method: 'local', wal_directories: ['/srv/wal'] }],
  ])('needs none beside the data for WAL where %s', async (_, vars) => {
    const refused = await refusalIn('can-restore.yml', { ...much, ...hardly, ...vars });
    expect(refused?.code).not.toBe('not-enough-space');
  });
});
