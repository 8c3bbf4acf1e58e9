import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { archiveCurrentWal } from '../../lab/archive.ts';
import { currentLeader, sql } from '../../lab/cluster.ts';
import type { Lab } from '../../lab/lab.ts';
import { silent } from '../../lab/progress.ts';
import { labSeed } from '../../lab/seed.ts';
import { type DatabaseHost, databaseHosts, dataDirectory, postgresBin } from '../../lab/topology.ts';
import { chosenInventory, healthy, sharedLab } from '../support/lab.ts';
import { type PitrResult, pitr, runError, tasksThat } from '../support/pitr.ts';

const MOMENT = `to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') || '+00'`;
const ROWS = `select string_agg(row, ' ' order by row) from packed`;

let lab: Lab;
let leader: DatabaseHost;
let target: DatabaseHost;

/** What was written, and how the segments of it lie in the archive. */
interface Story {
  readonly backup: string;
  /** In a gzipped segment, between two commits; then the transaction of the second one. */
  readonly moment: string;
  readonly nextXid: string;
  /** The register's word for each segment from the backup on. */
  readonly compression: ReadonlyMap<string, string>;
  readonly bzipped: string;
  /** The gzipped segment before the one that holds the moment: nothing of it is read to find the moment. */
  readonly onTheWay: string;
  readonly holding: string;
}
let story: Story;

const wals = () => `/var/lib/barman/${leader}/wals`;
const fileOf = (segment: string) => `${wals()}/${segment.slice(0, 16)}/${segment}`;

/** What Barman archives from now on is packed like that; empty: not at all. What is archived stays as it is. */
async function compression(method: '' | 'gzip' | 'pybzip2'): Promise<void> {
  const edit = `sed -i '/^compression/d' "$1"; [ -z "$2" ] || printf 'compression = %s\\n' "$2" >>"$1"`;
  await lab.mustExec('barman', ['sh', '-c', edit, 'sh', `/etc/barman.d/${leader}.conf`, method]);
}

/** Barman packs with Python's bzip2, and unpacks with the program bzip2, that the lab's Barman host does not have. */
const BZIP2 = '/usr/local/bin/bzip2';
async function bzip2(there: 'there' | 'missing'): Promise<void> {
  const program = `#!/usr/bin/python3\nimport bz2, sys\nsys.stdout.buffer.write(bz2.decompress(sys.stdin.buffer.read()))\n`;
  const install = 'printf %s "$2" >"$1" && chmod 755 "$1"';
  const script = there === 'there' ? install : 'rm -f "$1"';
  await lab.mustExec('barman', ['sh', '-c', script, 'sh', BZIP2, program]);
}

/** Writes a row, and has the segment that it stands in archived. */
async function archived(row: string): Promise<string> {
  await write(row);
  return archiveCurrentWal(lab, leader);
}

/** Writes a row. Gives its transaction, and the moment right before its commit: autovacuum commits by itself, too. */
async function write(row: string): Promise<{ readonly xid: string; readonly moment: string }> {
  const statement = `insert into packed values ('${row}') returning pg_current_xact_id(), ${MOMENT}`;
  const [xid = '', moment = ''] = (await sql(lab, leader, statement, { database: 'shop' })).trim().split('|');
  return { xid, moment };
}

beforeAll(async () => {
  lab = await sharedLab();
  const seed = await labSeed(lab, silent);
  leader = await currentLeader(lab);
  target = databaseHosts.filter((host) => host !== leader).at(-1) ?? 'db2';
  await sql(lab, leader, 'create table packed (row text)', { database: 'shop' });
  await archived('a, plain');
  await compression('pybzip2');
  const bzipped = await archived('b, bzip2');
  await bzip2('there');
  await compression('gzip');
  const onTheWay = await archived('c, gzip');
  await write('d, gzip');
  const { xid: nextXid, moment } = await write('e, gzip');
  const holding = await archiveCurrentWal(lab, leader);
  await compression('');
  await archived('f, plain');
  const register = await lab.mustExec('barman', ['cat', `${wals()}/xlog.db`]);
  const lines = register.split('\n').map((line) => line.split('\t'));
  story = {
    backup: seed.backup.id,
    moment,
    nextXid,
    compression: new Map(lines.map(([name = '', , , word = '']) => [name, word])),
    bzipped,
    onTheWay,
    holding,
  };
});

/** Everything lies there plain again: other suites find an archive that Barman can read without bzip2. */
const UNPACK_ALL = `cd "$1" || exit
for f in 0*/*; do
  case $(od -An -tx1 -N2 -- "$f" | tr -d ' ') in 1f8b) u='gzip -dc';; 425a) u='bzip2 -dc';; *) continue;; esac
  $u <"$f" >"$f.tmp" && touch -r "$f" "$f.tmp" && mv "$f.tmp" "$f" || exit
done
barman -q rebuild-xlogdb "$2"`;

afterAll(async () => {
  await compression('');
  await lab.mustExec('barman', ['sh', '-c', UNPACK_ALL, 'sh', wals(), leader], { user: 'barman' });
  await bzip2('missing');
  await healthy(lab, 180_000);
});

async function play(playbook: string, vars: Readonly<Record<string, string>>): Promise<PitrResult> {
  const extra = Object.entries({ target, ...vars }).flatMap(([name, value]) => ['-e', `${name}=${value}`]);
  return pitr(['play', playbook, '-i', chosenInventory(lab), '--output', 'json', '--yes', ...extra]);
}

async function rowsThere(): Promise<string> {
  const psql = [`${postgresBin}/psql`, '-XAtq', '-h', `${dataDirectory(target)}.pitr-run`, '-p', '5431'];
  return (await lab.mustExec(target, [...psql, '-d', 'shop', '-c', ROWS], { user: 'postgres' })).trim();
}

/** Spoils a file of the archive with this command ($1 is the file), and puts it back afterwards. */
async function spoiled(segment: string, command: string, work: () => Promise<void>): Promise<void> {
  const file = fileOf(segment);
  const root = (script: string) => lab.mustExec('barman', ['sh', '-c', script, 'sh', file]);
  await root(`cp -p "$1" /tmp/kept.wal && ${command}`);
  try {
    await work();
  } finally {
    await root('cp -p /tmp/kept.wal "$1" && rm /tmp/kept.wal');
  }
}

describe('an archive of which a part is compressed', () => {
  it('is one in this lab: plain, bzip2 and gzip side by side', () => {
    expect(new Set(story.compression.values())).toEqual(new Set(['None', 'gzip', 'pybzip2', '']));
    expect(story.compression.get(story.onTheWay)).toBe('gzip');
    expect(story.compression.get(story.holding)).toBe('gzip');
  });

  it('has no gap in `pitr backups`', async () => {
    const list = await pitr(['backups', '-i', chosenInventory(lab), '--output', 'json']);
    const lines = list.stdout.split('\n').filter(Boolean);
    const backup = lines.map((line) => JSON.parse(line)).find(({ id }) => id === story.backup);
    expect(backup).toMatchObject({
      status: 'DONE',
      ranges: expect.arrayContaining([expect.objectContaining({ gaps: [] })]),
    });
    expect(backup.to > story.moment).toBe(true);
  });

  it.each(['barman-wal-restore', 'barman-get-wal'])(
    'leads to the exact moment in a gzipped segment, with %s',
    async (wal_method) => {
      const run = await play('recover.yml', { target_time: story.moment, wal_method });
      expect(runError(run.events)).toBeUndefined();
      expect(run.stdout).toContain(`Recovery stops before the commit of transaction ${story.nextXid} `);
      const rows = await rowsThere();
      expect(runError((await play('rollback.yml', {})).events)).toBeUndefined();
      expect(rows).toBe('a, plain b, bzip2 c, gzip d, gzip');
    },
  );

  it('is refused by name where Barman cannot unpack what it has packed', async () => {
    await bzip2('missing');
    try {
      const run = await play('recover.yml', { target_time: story.moment });
      expect(runError(run.events)).toMatchObject({ kind: 'refused', code: 'wal-missing' });
      expect(runError(run.events)?.details?.join('\n')).toMatch(
        new RegExp(`${story.bzipped} on ${leader} is damaged: .*bzip2: not found`),
      );
      expect(tasksThat('changed', run.events)).toEqual([]);
    } finally {
      await bzip2('there');
    }
  });

  it.each([
    ['cut off', 'truncate -s -100 "$1"'],
    ['changed in its middle', `printf 'pitr' | dd of="$1" bs=1 seek=3000 conv=notrunc 2>/dev/null`],
    ['a gzip of half a segment', `gzip -dc /tmp/kept.wal | head -c 8388608 | gzip -c >"$1"`],
  ])(
    'is refused by name before anything is touched, when a gzipped segment on the way is %s',
    async (_, command) => {
      await spoiled(story.onTheWay, command, async () => {
        const run = await play('recover.yml', { target_time: story.moment });
        expect(runError(run.events)).toMatchObject({ kind: 'refused', code: 'wal-missing' });
        expect(runError(run.events)?.message).toContain(story.onTheWay);
        expect(tasksThat('changed', run.events)).toEqual([]);
      });
    },
  );

  it('and when it is the one that holds the moment', async () => {
    await spoiled(story.holding, 'truncate -s -100 "$1"', async () => {
      const run = await play('recover.yml', { target_time: story.moment });
      expect(runError(run.events)).toMatchObject({ kind: 'refused', code: 'wal-missing' });
      expect(runError(run.events)?.message).toContain(story.holding);
      expect(tasksThat('changed', run.events)).toEqual([]);
    });
  });
});
