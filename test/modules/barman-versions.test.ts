import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseReport } from '../../lib/contract/script-report.ts';
import { parseArchiveListing } from '../../lib/recovery/barman/archive-listing.ts';
import { archivesProbe } from '../../lib/recovery/barman/archives-on-disk.ts';
import { type BarmanServer, backupsProbe, withBackups } from '../../lib/recovery/barman/backups-on-disk.ts';
import { readCatalogue } from '../../lib/recovery/barman/catalogue.ts';
import { parseConfig, type ServerConfig } from '../../lib/recovery/barman/config.ts';
import { mergeArchives } from '../../lib/recovery/wal/archive.ts';
import { DEFAULT_SEGMENT_SIZE } from '../../lib/recovery/wal/segment.ts';
import { errorOf } from '../support/errors.ts';
import { withBarman } from './barman-here.ts';
import { type LocalPlayground, localPlayground } from './playground.ts';

const ID = '20261122T155813';
const user = userInfo().username;

const fixture = (name: string): Promise<string> =>
  readFile(new URL(`../fixtures/barman/${name}`, import.meta.url), 'utf8');

function serverIn(dir: string): ServerConfig {
  const [server] = parseConfig([`[barman]\nbarman_home = ${dir}\n[db1]\n`]);
  if (server === undefined) throw new Error('it is a server');
  return server;
}

/** Looks at files that lie as a version of Barman lays them, by the commands that a real one is looked at with. */
async function backupsOf(
  ground: LocalPlayground,
  files: Readonly<Record<string, string>>,
): Promise<BarmanServer> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(join(ground.dir, 'db1', path, '..'), { recursive: true });
    await writeFile(join(ground.dir, 'db1', path), text);
  }
  const server = serverIn(ground.dir);
  const seen = await ground.play.host().query(backupsProbe([server], user));
  return withBackups(server, parseReport(seen.stdout), 'barman');
}

describe('that a backup is kept is seen where Barman notes it', () => {
  it.each([
    ['of the lab, Barman 3.4.0', 'backup.info', `base/${ID}/backup.info`, `base/${ID}/annotations/keep`],
    [
      'replayed from Barman 3.13.2, by its release notes',
      'backup.info',
      `meta/${ID}-backup.info`,
      `base/${ID}/annotations/keep`,
    ],
    [
      "replayed from Debian's Barman 3.13.3",
      '3.13.3/backup.info',
      `meta/${ID}-backup.info`,
      `meta/${ID}-keep`,
    ],
    [
      "replayed from Debian's Barman 3.20.1",
      '3.20.1/incremental.backup.info',
      `meta/${ID}-backup.info`,
      `meta/${ID}-keep`,
    ],
  ])('%s', async (_, info, place, note) => {
    await using ground = await localPlayground();
    const server = await backupsOf(ground, { [place]: await fixture(info), [note]: 'full' });
    expect(server.backups).toMatchObject([{ id: ID, status: 'DONE', kept: 'full' }]);
  });

  it('and the older note counts, which Barman moves over the newer one', async () => {
    await using ground = await localPlayground();
    const server = await backupsOf(ground, {
      [`meta/${ID}-backup.info`]: await fixture('3.13.3/backup.info'),
      [`meta/${ID}-keep`]: 'standalone',
      [`base/${ID}/annotations/keep`]: 'full',
    });
    expect(server.backups).toMatchObject([{ kept: 'full' }]);
  });
});

describe('a backup that Barman has begun to delete is not DONE', () => {
  it.each([
    ['replayed from Barman 3.12, by its release notes', `base/${ID}/annotations/delete_this`],
    ['replayed from Barman 3.13.3, by its own code', `meta/${ID}-delete_this`],
  ])('%s', async (_, note) => {
    await using ground = await localPlayground();
    const server = await backupsOf(ground, {
      [`base/${ID}/backup.info`]: await fixture('backup.info'),
      [note]: 'delete',
    });
    expect(server.backups).toMatchObject([{ id: ID, status: 'DELETING' }]);
  });
});

describe('what is registered in xlog.db', () => {
  it.each([
    ["replayed from Debian's Barman 3.4.0", '3.4.0', 'xlog.db'],
    ["replayed from Debian's Barman 3.13.3", '3.13.3', 'db1-xlog.db'],
    ["replayed from Debian's Barman 3.20.1", '3.20.1', 'db1-xlog.db'],
  ])('%s', async (_, version, name) => {
    await using ground = await localPlayground();
    const { dir, play } = ground;
    const wals = join(dir, 'db1/wals/0000000100000000');
    await mkdir(wals, { recursive: true });
    const register = await fixture(`${version}/xlog.db`);
    await writeFile(join(dir, 'db1/wals', name), register);
    for (const line of register.trim().split('\n')) {
      const [file = '', size] = line.split('\t');
      await writeFile(join(wals, file), Buffer.alloc(Number(size)));
    }
    const seen = await play.host().query(archivesProbe([serverIn(dir)], user));
    const { archives } = parseArchiveListing(parseReport(seen.stdout));
    const packing = Object.fromEntries(
      (archives[0]?.files ?? []).map(({ segment, compressed }) => [segment.slice(-1), compressed]),
    );
    // Of what is encrypted the size says nothing: Barman alone can deliver it. Before 3.14 there was no such thing.
    expect(packing).toEqual({ A: false, B: true, C: version === '3.20.1' });
    const bad = mergeArchives(archives, DEFAULT_SEGMENT_SIZE).bad.map(({ segment }) => segment.slice(-1));
    expect(bad).toEqual(version === '3.20.1' ? [] : ['C']);
  });
});

describe('a server that barman config-update has made', () => {
  it.each([
    ["replayed from Debian's Barman 3.13.3", '3.13.3'],
    ["replayed from Debian's Barman 3.20.1", '3.20.1'],
  ])('is found where Barman writes it down: %s', async (_, version) => {
    await using ground = await localPlayground();
    const { dir, play } = ground;
    const files = {
      '.barman.conf': `[barman]\nbarman_home = "${dir}/home"\n[db1]\n`,
      'home/.barman.auto.conf': '[db9]\nconninfo = host=10.0.0.9\n',
    };
    const list = await fixture(`${version}/list-server.json`);
    const { servers } = await withBarman(ground, list, files, () => readCatalogue(play.host(), user));
    expect(servers.map(({ name, conninfoHosts }) => [name, conninfoHosts])).toEqual([
      ['db1', []],
      ['db9', ['10.0.0.9']],
    ]);
  });
});

describe('an archive in the storage of a cloud is refused, and never taken for empty', () => {
  it.each([
    ['replayed from Barman 3.18, by its release notes', 'wals_directory = s3://my-bucket/barman'],
    ['replayed from Barman 3.18, by its release notes', 'basebackups_directory = s3://my-bucket/barman'],
  ])('%s: %s', async (_, line) => {
    await using ground = await localPlayground();
    const { dir, play } = ground;
    const files = { '.barman.conf': `[barman]\nbarman_home = ${dir}/home\n[db1]\n${line}\n` };
    const look = () => play.run('barman.backups', { user });
    const refused = withBarman(ground, '{"db1": {"description": ""}}', files, look);
    expect(await errorOf(refused)).toMatchObject({ kind: 'refused', code: 'barman-archive-in-cloud' });
  });
});

it('an archive of 400,000 segments is listed whole, and a look that is cut all the same is no answer', async () => {
  await using ground = await localPlayground();
  const server = serverIn(ground.dir);
  const count = 400_000;
  const line = (n: number) => {
    const [log, segment] = [Math.floor(n / 256), n % 256].map((part) =>
      part.toString(16).toUpperCase().padStart(8, '0'),
    );
    return `00000001${log}${segment}\t16777216\t1700000000.0\tNone\n`;
  };
  const [register = ''] = server.xlogDbs;
  await mkdir(dirname(register), { recursive: true });
  await writeFile(register, Array.from({ length: count }, (_, n) => line(n)).join(''));
  const look = archivesProbe([server], user);
  const [seen] = await ground.play.host().queryAll([look]);
  expect(parseReport(seen?.stdout ?? '')[0]?.lines).toHaveLength(count);
  const cut = { ...look, maxOutputBytes: 16 * 1024 * 1024 };
  await expect(ground.play.host().queryAll([cut])).rejects.toMatchObject({ code: 'answer-too-long' });
  await expect(ground.play.host().query(cut)).rejects.toMatchObject({ code: 'answer-too-long' });
});
