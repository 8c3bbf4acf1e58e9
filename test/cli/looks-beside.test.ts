import { EventEmitter } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { findGap, gapLines, type Surroundings } from '../../cli/recover/gap.ts';
import { runCommandLine } from '../../cli/run.ts';
import { chooseMoment } from '../../cli/wizard/choose-moment.ts';
import { Masker } from '../../lib/base/values/masker.ts';
import { beside, ID } from '../modules/barman-here.ts';
import { type LocalPlayground, localPlayground } from '../modules/playground.ts';
import { inWal, user } from '../modules/wal-here.ts';
import { runHere } from '../support/run-here.ts';
import { person } from '../unit/cli/wizard/person.ts';

/** What pitr recover asks Barman before the run, by a Barman on this machine: it must be what the run will ask. */

const SYSTEM = '77';
const SIZE = 16 * 1024 * 1024;

/** A whole segment of nothing but the header of its first page. */
function segment(timeline: number, number: number): readonly [name: string, bytes: Buffer] {
  const bytes = Buffer.alloc(SIZE);
  bytes.writeUInt16LE(0xd110, 0);
  bytes.writeUInt16LE(2, 2);
  bytes.writeUInt32LE(timeline, 4);
  bytes.writeBigUInt64LE(BigInt(SIZE * number), 8);
  bytes.writeBigUInt64LE(BigInt(SYSTEM), 24);
  bytes.writeUInt32LE(SIZE, 32);
  bytes.writeUInt32LE(8192, 36);
  return [`${hex(timeline)}${hex(0)}${hex(number)}`, bytes];
}

async function archived(ground: LocalPlayground, timeline: number, number: number): Promise<void> {
  const [name, bytes] = segment(timeline, number);
  await inWal(ground, `home/db1/wals/${name.slice(0, 16)}/${name}`, bytes);
}

/** The data of db1, on which no PostgreSQL runs, with these segments in pg_wal. */
async function nodeHas(ground: LocalPlayground, timeline: number, ...numbers: readonly number[]) {
  const control = {
    'Database system identifier': SYSTEM,
    'Database cluster state': 'in production',
    'Latest checkpoint location': '0/8000060',
    "Latest checkpoint's REDO location": '0/8000028',
    "Latest checkpoint's TimeLineID": String(timeline),
    'Minimum recovery ending location': '0/0',
    'Bytes per WAL segment': String(SIZE),
  };
  const lines = Object.entries(control).map(([name, value]) => `${name}: ${value}`);
  await mkdir(join(ground.dir, 'programs'));
  const program = join(ground.dir, 'programs/pg_controldata');
  await writeFile(program, `#!/bin/sh\ncat <<'E'\n${lines.join('\n')}\nE\n`, { mode: 0o755 });
  for (const number of numbers) {
    const [name, bytes] = segment(timeline, number);
    await inWal(ground, `data/pg_wal/${name}`, bytes);
  }
  await writeFile(join(ground.dir, 'data/PG_VERSION'), '15\n');
  await writeFile(join(ground.dir, 'data/postmaster.opts'), `${ground.dir}/programs/postgres "-D" "x"\n`);
}

const hex = (number: number): string => number.toString(16).toUpperCase().padStart(8, '0');

/** Barman's servers db1, with the backup, and `other`, of one cluster. */
async function withBarmanHere(
  ground: LocalPlayground,
  work: (
    look: (extraVars: Readonly<Record<string, unknown>>) => Surroundings & { readonly signal: AbortSignal },
    inventory: string,
  ) => Promise<void>,
): Promise<void> {
  const inventory = join(ground.dir, 'inventory.yml');
  const vars = { ansible_connection: 'local', barman_host: 'here', barman_user: user };
  const node = {
    pgdata: join(ground.dir, 'data'),
    pg_bin: '/usr/bin',
    pg_user: user,
    patroni_cluster: 'main',
  };
  const patroni = {
    vars: { ...node, restore_ssh: 'ssh db1', barman_ssh: 'barman@here' },
    hosts: { db1: {} },
  };
  const all = {
    vars: { ...vars, barman_servers: ['db1', 'other'] },
    hosts: { here: {} },
    children: { patroni },
  };
  await writeFile(inventory, JSON.stringify({ all }));
  const look = (extraVars: Readonly<Record<string, unknown>>) => ({
    inventories: [inventory],
    extraVars,
    forks: 1,
    masker: new Masker(),
    askPassphrase: undefined,
    signal: new AbortController().signal,
  });
  await beside(ground, { systemId: SYSTEM, own: SYSTEM }, () => work(look, inventory));
}

it('Barman is asked on the host that -e says, where the run will ask it', async () => {
  await using ground = await localPlayground();
  await withBarmanHere(ground, async (_, inventory) => {
    const words = ['backups', '-i', inventory, '--output', 'json', '-e', 'barman_host=db1'];
    const { stdout } = await runHere(ground.dir, ...words);
    expect(stdout).toContain('"barman_host":"db1"');
    expect(stdout).not.toContain('"barman_host":"here"');
    const doctor = await runHere(ground.dir, 'doctor', ...words.slice(1));
    expect(doctor.stdout).toContain('"host":"db1"');
    expect(doctor.stdout).not.toContain('"host":"here"');
  });
});

describe('the moment of the wizard', () => {
  it.each([1, 2])('is judged on the timeline that -e says, as the run is: %i', async (timeline) => {
    await using ground = await localPlayground();
    await withBarmanHere(ground, async (look) => {
      for (const number of [8, 9, 10]) await archived(ground, 1, number);
      for (const number of [10, 11]) await archived(ground, 2, number);
      await inWal(ground, 'home/db1/wals/00000002.history', Buffer.from('1\t0/A000100\tno target\n'));
      const range = { timeline: 1, from: '2026-11-22 15:58:17.456449+00', to: undefined, gaps: [] };
      const backup = { id: ID, server: 'db1', status: 'DONE', ranges: [range] };
      const { prompt, said } = person('');
      const moment = await chooseMoment(prompt, backup, look({ timeline: String(timeline) }));
      expect(moment).toEqual({ targetTime: 'latest', acceptGap: false, timeline });
      expect(said.join('\n')).toContain(`on timeline ${timeline};`);
    });
  });
});

it('the wizard counts what only a node still has, as the recovery does', async () => {
  await using ground = await localPlayground();
  await withBarmanHere(ground, async (look) => {
    for (const number of [8, 9, 11]) await archived(ground, 1, number);
    await nodeHas(ground, 1, 10, 11, 12);
    const range = { timeline: 1, from: '2026-11-22 15:58:17.456449+00', to: undefined, gaps: [] };
    const backup = { id: ID, server: 'db1', status: 'DONE', ranges: [range] };
    const { prompt, said } = person('');
    const moment = await chooseMoment(prompt, backup, look({}));
    expect(moment).toEqual({ targetTime: 'latest', acceptGap: false, timeline: undefined });
    expect(said.join('\n')).toContain('some only in pg_wal of a node');
  });
});

describe('the gap that is asked about', () => {
  it('is one of the backup of the server that -e says', async () => {
    await using ground = await localPlayground();
    await withBarmanHere(ground, async (look) => {
      for (const number of [8, 9, 11]) await archived(ground, 1, number);
      // the same id on the other server: without its name nobody knows which backup is meant
      const { dir } = ground;
      await mkdir(join(dir, 'home/other/base', ID), { recursive: true });
      const info = await readFile(join(dir, 'home/db1/base', ID, 'backup.info'));
      await writeFile(join(dir, 'home/other/base', ID, 'backup.info'), info);
      const order = { backup: ID, targetTime: 'latest' };
      const { signal, ...surroundings } = look({ server: 'db1' });
      expect(await findGap(order, surroundings, signal)).toMatchObject({
        missing: ['00000001000000000000000A'],
      });
    });
  });

  it('is asked about also where the backup is to be found, and on the timeline that -e says', async () => {
    await using ground = await localPlayground();
    await withBarmanHere(ground, async (look) => {
      for (const number of [8, 9, 11]) await archived(ground, 1, number);
      const order = { backup: 'auto', targetTime: 'latest' };
      const { signal, ...surroundings } = look({});
      const gap = { missing: ['00000001000000000000000A'] };
      expect(await findGap(order, surroundings, signal)).toMatchObject(gap);
      await archived(ground, 2, 11);
      await inWal(ground, 'home/db1/wals/00000002.history', Buffer.from('1\t0/B000100\tno target\n'));
      expect(await findGap(order, look({ timeline: '1' }), signal)).toMatchObject(gap);
    });
  });

  it.each([ID, 'auto'])(
    'is none where a node still has what is missing, and the recovery archives it: %s',
    async (id) => {
      await using ground = await localPlayground();
      await withBarmanHere(ground, async (look) => {
        for (const number of [8, 9, 11]) await archived(ground, 1, number);
        const order = { backup: id, targetTime: 'latest', target: 'db1' };
        const { signal, ...surroundings } = look({ server: 'db1' });
        const missing = ['00000001000000000000000A'];
        expect(await findGap(order, surroundings, signal)).toMatchObject({ missing, nodes: [] });
        await nodeHas(ground, 1, 10, 11, 12);
        expect(await findGap(order, surroundings, signal)).toBeUndefined();
        // what is prepared for steps by hand has the archives alone
        const byHand = { backup: id, targetTime: 'latest' };
        const gap = await findGap(byHand, surroundings, signal);
        expect(gap).toMatchObject({ missing, nodes: ['db1'] });
        if (gap === undefined) throw new Error('there is a gap');
        expect(gapLines(gap, byHand, surroundings).join('\n')).toMatch(
          /db1 still has .*: pitr play save-wal\.yml -i \S+ -e 'node=db1'$/m,
        );
      });
    },
  );

  it('is asked about also where nothing but what a node has lies behind it', async () => {
    await using ground = await localPlayground();
    await withBarmanHere(ground, async (look) => {
      for (const number of [8, 9]) await archived(ground, 1, number);
      await nodeHas(ground, 1, 11, 12);
      const order = { backup: ID, targetTime: 'latest', target: 'db1' };
      const { signal, ...surroundings } = look({ server: 'db1' });
      const missing = ['00000001000000000000000A'];
      expect(await findGap(order, surroundings, signal)).toMatchObject({ missing, nodes: [] });
      // what is prepared for steps by hand has the archives alone
      expect(await findGap({ ...order, target: undefined }, surroundings, signal)).toBeUndefined();
    });
  });

  it.each([ID, 'auto'])('is not asked about where files are prepared and -e accepts it: %s', async (id) => {
    await using ground = await localPlayground();
    await withBarmanHere(ground, async (_, inventory) => {
      for (const number of [8, 9, 11]) await archived(ground, 1, number);
      const words = ['recover', id, 'latest', '--for', 'db1', '-i', inventory, '--output', 'json'];
      const told = await runHere(ground.dir, ...words, '-e', 'accept_gap=true');
      expect(told.stdout).not.toContain('"gap-not-accepted"');
      expect(told.stdout).toContain('the end of the WAL before the gap');
    });
  });

  it('is told by its end wherever the recovery is told of, once it was accepted', async () => {
    await using ground = await localPlayground();
    await withBarmanHere(ground, async () => {
      for (const number of [8, 9, 11]) await archived(ground, 1, number);
      const params = { backup: ID, target_time: 'latest', accept_gap: true, user };
      const { result } = await ground.play.run('barman.wal', params);
      expect(result?.words).toMatch(/^the end of the WAL before the gap \(\d{4}-.*\+00\)$/);
    });
  });
});

describe('files that are prepared for the steps that are printed', () => {
  const TABLESPACES = `tablespaces=[('fast', 16385, '/srv/fast')]`;

  it.each([
    ['tablespaces=None', 'here', false],
    [TABLESPACES, 'here', true],
    [TABLESPACES, 'db1', false],
  ])('hold all of the backup: %s, on %s', async (line, on, refused) => {
    await using ground = await localPlayground();
    await withBarmanHere(ground, async (_, inventory) => {
      for (const number of [8, 9]) await archived(ground, 1, number);
      const info = join(ground.dir, 'home/db1/base', ID, 'backup.info');
      await writeFile(info, (await readFile(info, 'utf8')).replace(/^tablespaces=.*$/m, line));
      const places = JSON.stringify({ tablespaces: { fast: join(ground.dir, 'fast') } });
      const { stdout } = await runHere(
        ground.dir,
        ...['recover', ID, 'latest', '--for', 'db1', '--prepare-on', on, '--check', '-i', inventory],
        ...['-e', places, '--output', 'json'],
      );
      expect(stdout.includes('"tablespaces-not-copied"')).toBe(refused);
      expect(stdout.includes('"Prove that every WAL segment up to the moment is there"')).toBe(!refused);
    });
  });
});

describe('a Ctrl-C before the run', () => {
  it.each([
    ['on a node', ['--target', 'db1', '--restore']],
    ['for the steps that are printed', ['--for', 'db1']],
  ])('ends it, whatever was still being looked at, and no run begins: %s', async (_, words) => {
    await using ground = await localPlayground();
    await withBarmanHere(ground, async (_look, inventory) => {
      for (const number of [8, 9]) await archived(ground, 1, number);
      const signals = new EventEmitter();
      let said = '';
      const write = (text: string): boolean => {
        said += text;
        // what is asked for stands there; what comes next is the look at the WAL
        if (text.includes('Mode: ')) setImmediate(() => signals.emit('SIGINT'));
        return true;
      };
      const code = await runCommandLine(['recover', ID, 'latest', ...words, '-i', inventory], {
        stdout: { write },
        stderr: { write },
        stdin: new PassThrough(),
        env: { NO_COLOR: '1' },
        cwd: ground.dir,
        signals,
        leaveNow: () => {},
      });
      expect(said).toContain('stopping cleanly');
      expect(said).not.toContain('[1/8]');
      expect(code).toBe(130);
    });
  });
});
