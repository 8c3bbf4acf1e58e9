import { cp, mkdir, mkdtemp, readdir, readFile, rm, rmdir, symlink, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { walToFetch } from '../../lib/recovery/patroni/rewind-wal.ts';
import { type Lsn, parseLsn } from '../../lib/recovery/wal/lsn.ts';
import { DEFAULT_SEGMENT_SIZE } from '../../lib/recovery/wal/segment.ts';
import { timelineId } from '../../lib/recovery/wal/timeline.ts';
import { pythonYaml } from '../support/python-yaml.ts';
import { type LocalPlayground, localPlayground } from './playground.ts';

/** `postgres.rewind` by a shell of this machine, with programs that answer like PostgreSQL's as far as it gets here. */

const CONTROL = (changes: Readonly<Record<string, string>>): string =>
  Object.entries({
    'pg_control version number': '1300',
    'Database system identifier': '7574860154936918053',
    'Database cluster state': 'shut down in recovery',
    'Latest checkpoint location': '0/9000028',
    "Latest checkpoint's REDO location": '0/9000028',
    "Latest checkpoint's TimeLineID": '1',
    'Minimum recovery ending location': '0/90000A0',
    'Bytes per WAL segment': '16777216',
    'wal_log_hints setting': 'off',
    'Data page checksum version': '1',
    ...changes,
  })
    .map(([name, value]) => `${name}: ${value}`)
    .join('\n');

const lsn = (text: string): Lsn => parseLsn(text) ?? (0n as Lsn);
/** Of data that ends in its segment 9. */
const END = {
  ...{ timeline: timelineId(1), segmentSize: DEFAULT_SEGMENT_SIZE },
  ...{ checkpointLsn: lsn('0/8000028'), minimumRecoveryLsn: lsn('0/90000A0') },
};

let ground: LocalPlayground;
let python: AsyncDisposable;
const at = (name: string): string => join(ground.dir, name);

beforeEach(async () => {
  python = await pythonYaml();
  ground = await localPlayground();
  for (const name of ['bin', 'main.old/global', 'main.old/pg_wal', 'main.old/pg_tblspc'])
    await mkdir(at(name), { recursive: true });
  await writeFile(at('main.old/PG_VERSION'), '15\n');
  await writeFile(at('main.old/global/pg_control'), 'old');
  await writeFile(at('main.old/postmaster.opts'), `${at('bin')}/postgres "-D" "${at('main')}"\n`);
  await control({});
  await program('postgres', 'echo "postgres (PostgreSQL) 15.14"');
  await program('psql', 'echo 0');
  await pgRewind('echo "pg_rewind: fatal: no way" >&2; exit 1');
  const rewind = { username: 'r', password: 'p' };
  await writeFile(at('patroni.yml'), JSON.stringify({ postgresql: { authentication: { rewind } } }));
});
afterEach(async () => {
  await ground[Symbol.asyncDispose]();
  await python[Symbol.asyncDispose]();
});

async function program(name: string, script: string): Promise<void> {
  await writeFile(at(`bin/${name}`), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
}

const pgRewind = (script: string, version = '15.14'): Promise<void> =>
  program(
    'pg_rewind',
    `case $1 in --version) echo "pg_rewind (PostgreSQL) ${version}"; exit ;; esac\n${script}`,
  );

const control = (changes: Readonly<Record<string, string>>): Promise<void> =>
  program('pg_controldata', `cat <<'END'\n${CONTROL(changes)}\nEND`);

const rewind = (more: Readonly<Record<string, unknown>> = {}) =>
  ground.play.run('postgres.rewind', {
    from: at('main.old'),
    pgdata: at('main'),
    bin: at('bin'),
    user: userInfo().username,
    config: at('patroni.yml'),
    leader_host: '127.0.0.1',
    leader_port: 1,
    server: 'db1',
    clone: 'any',
    ...more,
  });

describe('old data that cannot be brought to the history of the leader', () => {
  it.each<[string, () => Promise<unknown>]>([
    [
      'it was not shut down cleanly: in production',
      () => control({ 'Database cluster state': 'in production' }),
    ],
    [
      'it has no checksums',
      () => control({ 'Data page checksum version': '0', 'wal_log_hints setting': 'on' }),
    ],
    ['pg_rewind is of PostgreSQL 13', () => pgRewind('', '13.1')],
    ['it has tablespaces', () => symlink('/srv/fast', at('main.old/pg_tblspc/16385'))],
    ['cannot read its control file', () => program('pg_controldata', 'exit 1')],
    ['pg_rewind is of PostgreSQL unknown', () => rm(at('bin/pg_rewind'))],
  ])('is not touched, and the result says why: %s', async (why, spoil) => {
    await spoil();
    const { status, result } = await rewind();
    expect([status, result]).toEqual(['ok', { rewound: false, why: expect.stringContaining(why) }]);
    expect(await readdir(ground.dir)).not.toContain('main');
  });

  it('is told so where its pg_wal lies on another volume', async () => {
    await mkdir(at('wal'));
    await rmdir(at('main.old/pg_wal'));
    await symlink(at('wal'), at('main.old/pg_wal'));
    expect((await rewind()).result).toMatchObject({
      rewound: false,
      why: 'its pg_wal lies on another volume',
    });
  });

  it.each<[string, () => Promise<unknown>]>([
    ['the leader has tablespaces', () => program('psql', 'echo 1')],
    ['the leader could not be asked', () => program('psql', 'echo "psql: error: no route" >&2; exit 2')],
    // It copies nothing then: what was wrong with the old data would be wrong with the member.
    ['pg_rewind has found nothing to do', () => pgRewind('echo "pg_rewind: no rewind required"')],
  ])('is not put into its place: %s', async (why, spoil) => {
    await spoil();
    expect((await rewind()).result).toEqual({ rewound: false, why: expect.stringContaining(why) });
    expect((await readdir(ground.dir)).filter((name) => name.startsWith('main'))).toEqual(['main.old']);
  });
});

describe('the WAL of a history that is given up', () => {
  const history = (until: string) => ({
    ...{ system_id: '7574860154936918053', timeline: 2, ancestors: [{ timeline: 1, until }] },
  });
  const SEGMENT = 16 * 1024 * 1024;

  it('is a reason to copy the leader, where more of it would be fetched than the data is large', async () => {
    // Ten segments, and less in the data.
    await control({ 'Latest checkpoint location': '0/E000028', 'Minimum recovery ending location': '0/0' });
    const { status, result } = await rewind({ history: history('0/5000028') });
    const why = expect.stringMatching(/^160\.0 MiB of WAL .* would be fetched .*, more than its /);
    expect([status, result]).toEqual(['ok', { rewound: false, why }]);
  });

  it('is none where it is still there, and where nobody tells the history of the leader', async () => {
    for (let number = 5; number <= 14; number++)
      await writeFile(
        at(`main.old/pg_wal/0000000100000000${number.toString(16).toUpperCase().padStart(8, '0')}`),
        '',
      );
    await control({ 'Latest checkpoint location': '0/E000028' });
    expect((await rewind({ history: history('0/5000028') })).status).toBe('changed');
    await rm(at('main.old/pg_wal'), { recursive: true });
    await mkdir(at('main.old/pg_wal'));
    expect((await rewind()).status).toBe('changed');
  });

  it('goes with what was fetched to find the differences, and nothing that the leader has goes', async () => {
    const fetched = [
      '000000010000000000000004',
      '000000010000000000000005',
      '000000010000000000000006',
      '0000000100000001000000FF',
    ];
    const leaders = ['000000020000000000000005', '000000020000000000000006', '00000002.history'];
    await pgRewind(`for word do case $word in --target-pgdata=*) cd "\${word#*=}/pg_wal" && touch ${[...fetched, ...leaders].join(' ')} ;; esac; done
echo "pg_rewind: servers diverged at WAL location 0/5000028 on timeline 1"`);
    await program(
      'postgres',
      `case $1 in -D) ls "$2/pg_wal" >${at('seen')}; exit 1 ;; esac; echo "postgres (PostgreSQL) 15.14"`,
    );
    await rewind();
    const seen = (await readFile(at('seen'), 'utf8')).trim().split('\n');
    expect(seen.toSorted()).toEqual([...fetched.slice(0, 2), ...leaders].toSorted());
  });

  it.each<readonly [string, Parameters<typeof walToFetch>]>([
    [
      'it has not gone beyond the place',
      [
        { ...END, checkpointLsn: lsn('0/3000028'), minimumRecoveryLsn: lsn('0/4000028') },
        [],
        history('0/5000028'),
      ],
    ],
    ['it is on the timeline of the leader', [{ ...END, timeline: timelineId(2) }, [], history('0/5000028')]],
    ['the leader has no history', [END, [], { ...history(''), ancestors: [] }]],
  ])('is none where %s', (_, given) => {
    expect(walToFetch(...given)).toBe(0);
  });

  it('is counted from the place to the end, without what is there', () => {
    const names = [
      '000000010000000000000005',
      '000000010000000000000007',
      '000000020000000000000007',
      '00000001000000000000000C',
      '00000002.history',
    ];
    expect(walToFetch(END, names, history('0/5000028'))).toBe(3 * SEGMENT);
  });
});

describe('a rewind that breaks off', () => {
  it('leaves nothing but the old data as it was, and says what failed', async () => {
    await pgRewind(
      `for word do case $word in --target-pgdata=*) echo spoiled >"\${word#*=}/global/pg_control" ;; esac; done
echo "pg_rewind: fatal: could not read from the leader" >&2; exit 1`,
    );
    const { status, result } = await rewind();
    expect(status).toBe('changed');
    expect(result).toEqual({
      rewound: false,
      why: 'pg_rewind has failed; pg_rewind: fatal: could not read from the leader',
    });
    expect(ground.play.warnings[0]).toContain('could not be brought to the leader');
    expect((await readdir(ground.dir)).filter((name) => name.startsWith('main'))).toEqual(['main.old']);
    expect(await readFile(at('main.old/global/pg_control'), 'utf8')).toBe('old');
  });

  it('is begun anew over what a controller that was killed has left of it; an undo removes that', async () => {
    const left = () => mkdir(at('main.pitr-rewound/base'), { recursive: true });
    await left();
    await rewind();
    expect(await readdir(ground.dir)).not.toContain('main.pitr-rewound');
    await left();
    await ground.play.undo();
    expect((await readdir(ground.dir)).filter((name) => name.startsWith('main'))).toEqual(['main.old']);
  });

  it('gives its login to pg_rewind alone, and no password to a command line', async () => {
    await pgRewind(`echo "$PGPASSWORD" "$@" >${at('said')}; exit 1`);
    await rewind();
    const said = await readFile(at('said'), 'utf8');
    expect(said).toMatch(/^p --target-pgdata=/);
    expect(said).toContain("user='r'");
    expect(said).not.toContain('password');
  });
});

describe('copy-on-write alone', () => {
  it('copies nothing where the file system cannot do that', async () => {
    // A tmpfs, whatever the temporary directory lies on.
    const memory = await mkdtemp('/dev/shm/pitr-rewind-');
    try {
      await cp(at('main.old'), join(memory, 'main.old'), { recursive: true });
      const { status, result } = await rewind({ from: join(memory, 'main.old'), clone: 'copy-on-write' });
      const why = expect.stringContaining('(tmpfs) cannot copy on write');
      expect([status, result]).toEqual(['ok', { rewound: false, why }]);
    } finally {
      await rm(memory, { recursive: true });
    }
  });
});

it('data that lies in its place already is left alone', async () => {
  await mkdir(at('main/global'), { recursive: true });
  await writeFile(at('main/PG_VERSION'), '15\n');
  await writeFile(at('main/global/pg_control'), 'new');
  const { status, result } = await rewind();
  expect([status, result]).toEqual(['ok', { rewound: false }]);
});
