import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import type { WalMethod } from '../../../lib/recovery/postgres/params.ts';
import {
  oneLine,
  type RestoreCommandFacts,
  restoreCommandTemplate,
  restoreCommandValues,
} from '../../../lib/recovery/postgres/restore-command.ts';
import { quote } from '../../../lib/transport/quote.ts';
import { productTemplate } from '../../modules/product-template.ts';

const SIZE = 1024 * 1024;
const SEGMENT = '000000010000000000000008';

let place: string;

beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), 'pitr-restore-command-'));
  mkdirSync(join(place, 'pg_wal'));
});

afterEach(() => {
  rmSync(place, { recursive: true, force: true });
});

function command(method: WalMethod, facts: Partial<RestoreCommandFacts>): string {
  const all: RestoreCommandFacts = {
    method,
    login: { user: 'barman', host: 'barman' },
    servers: ['db1'],
    directories: [],
    segmentSize: SIZE,
    signal: 'standby',
    ...facts,
  };
  return oneLine(productTemplate(restoreCommandTemplate(method), { ...restoreCommandValues(all, quote) }));
}

/** Runs it as PostgreSQL does: `%f` and `%p` replaced, `%%` made one, by `sh` in the data directory. */
function fetch(text: string, file: string, path = process.env.PATH) {
  const line = text.replace(/%[fp%]/g, (code) => ({ '%f': file, '%p': 'pg_wal/RECOVERYXLOG' })[code] ?? '%');
  const run = spawnSync('sh', ['-c', line], {
    cwd: place,
    encoding: 'utf8',
    env: { ...process.env, PATH: path },
  });
  return { exit: run.status, stderr: run.stderr, files: readdirSync(join(place, 'pg_wal')) };
}

describe('restore_command that copies from directories of the host', () => {
  const hostile = (): string => {
    const directory = join(place, `it's 100% $(touch x) "wal"; #`);
    mkdirSync(directory);
    return directory;
  };

  it('delivers a segment whole, also out of the layout of Barman, and leaves nothing else', () => {
    const directory = hostile();
    mkdirSync(join(directory, SEGMENT.slice(0, 16)));
    writeFileSync(join(directory, SEGMENT.slice(0, 16), SEGMENT), Buffer.alloc(SIZE, 7));
    const { exit, files, stderr } = fetch(command('local', { directories: [directory] }), SEGMENT);
    expect({ exit, files, stderr }).toEqual({ exit: 0, files: ['RECOVERYXLOG'], stderr: '' });
    expect(readFileSync(join(place, 'pg_wal', 'RECOVERYXLOG')).equals(Buffer.alloc(SIZE, 7))).toBe(true);
    expect(readdirSync(place)).not.toContain('x');
  });

  it('says that a segment is absent only where every directory was read and holds something', () => {
    const [one, two] = [hostile(), join(place, 'two')];
    writeFileSync(join(one, 'other'), '');
    const absent = fetch(command('local', { directories: [one] }), SEGMENT);
    expect(absent).toMatchObject({ exit: 1, files: [] });
    expect(absent.stderr).toContain(`pitr: absent ${SEGMENT}:`);
    const missing = fetch(command('local', { directories: [one, two] }), SEGMENT);
    expect(missing.exit).toBe(75);
    expect(missing.stderr).toContain(`pitr: doubt ${SEGMENT}:`);
    mkdirSync(two);
    expect(fetch(command('local', { directories: [one, two] }), SEGMENT).exit).toBe(75);
  });

  it('stops a recovery by its exit code where it is in doubt, and any promotion over a history file', () => {
    const nowhere = { directories: [join(place, 'nowhere')] };
    expect(fetch(command('local', { ...nowhere, signal: 'recovery' }), SEGMENT).exit).toBe(255);
    expect(fetch(command('local', nowhere), '00000002.history').exit).toBe(255);
  });

  it('never delivers a file of another size, and says so', () => {
    const directory = hostile();
    for (const bytes of [0, SIZE - 1, SIZE + 1]) {
      writeFileSync(join(directory, SEGMENT), Buffer.alloc(bytes));
      const { exit, files, stderr } = fetch(command('local', { directories: [directory] }), SEGMENT);
      expect({ exit, files }).toEqual({ exit: 75, files: [] });
      expect(stderr).toContain(`${bytes} bytes`);
    }
  });

  it('takes a history file of any size but none', () => {
    const directory = hostile();
    writeFileSync(join(directory, '00000003.history'), '1\t0/3000140\tno recovery target specified\n');
    writeFileSync(join(directory, '00000004.history'), '');
    const text = command('local', { directories: [directory] });
    expect(fetch(text, '00000003.history').exit).toBe(0);
    expect(fetch(text, '00000004.history').exit).toBe(255);
  });

  it('goes on to the next directory when one holds a broken file', () => {
    const [one, two] = [hostile(), join(place, 'two')];
    mkdirSync(two);
    writeFileSync(join(one, SEGMENT), 'short');
    writeFileSync(join(two, SEGMENT), Buffer.alloc(SIZE));
    expect(fetch(command('local', { directories: [one, two] }), SEGMENT)).toMatchObject({
      exit: 0,
      files: ['RECOVERYXLOG'],
    });
  });
});

describe.each(['barman-wal-restore', 'barman-get-wal'] as const)('restore_command with %s', (method) => {
  it('is in doubt where its programs are missing or Barman is out of reach', () => {
    // No such host: names under .invalid never resolve.
    const login = { user: 'barman', host: 'barman.invalid' };
    const { exit, stderr, files } = fetch(command(method, { login }), SEGMENT);
    expect({ exit, files }).toEqual({ exit: 75, files: [] });
    expect(stderr).toContain(`pitr: doubt ${SEGMENT}: db1(exit code`);
    expect(fetch(command(method, { login, signal: 'recovery' }), SEGMENT).exit).toBe(255);
    expect(fetch(command(method, { login }), '00000002.history').exit).toBe(255);
  });

  it('is in doubt where it cannot write', () => {
    rmSync(join(place, 'pg_wal'), { recursive: true });
    writeFileSync(join(place, 'pg_wal'), '');
    chmodSync(join(place, 'pg_wal'), 0o600);
    const text = command(method, {})
      .replaceAll('%f', SEGMENT)
      .replaceAll('%p', 'pg_wal/RECOVERYXLOG')
      .replaceAll('%%', '%');
    expect(spawnSync('sh', ['-c', text], { cwd: place }).status).toBe(75);
  });

  it('asks nobody for the history of timeline 1, which has none', () => {
    expect(
      fetch(command(method, { login: { user: 'barman', host: 'barman.invalid' } }), '00000001.history'),
    ).toMatchObject({
      exit: 1,
      stderr: '',
    });
  });

  it('fits on one line and is valid sh', () => {
    const text = command(method, { anchor: { server: 'db1', segment: SEGMENT } });
    expect(text).not.toContain('\n');
    expect(text).not.toContain('{{');
    expect(spawnSync('sh', ['-n', '-c', text.replaceAll('%%', '%')]).status).toBe(0);
    expect(text).toContain(`peek '' db1 ${SEGMENT} &`);
  });

  it('asks for the beginning of one segment alone, of one server, and only when none has the whole', () => {
    const text = command(method, { partial: { server: "d'1", segment: SEGMENT } });
    expect(spawnSync('sh', ['-n', '-c', text.replaceAll('%%', '%')]).status).toBe(0);
    expect(text).toContain(`if [ -z "$doubt" ] && [ "$f" = ${SEGMENT} ]; then server='d'\\''1';`);
    expect(text.indexOf('--partial')).toBeGreaterThan(text.indexOf('for server in'));
    expect(command(method, {})).not.toContain('--partial');
  });
});

describe.each(['barman-wal-restore', 'barman-get-wal'] as const)(
  'restore_command with %s, at the end of the WAL',
  (method) => {
    /** What Barman is asked, in its order, by a node whose archive is known to end with `last`; it holds `file` or does not. */
    function asked(file: string, last: string | undefined, holds: boolean) {
      const bin = join(place, 'bin');
      mkdirSync(bin);
      const program = (name: string, script: string) =>
        writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
      const deliver = holds ? `head -c ${SIZE} /dev/zero` : 'exit 1';
      program(
        'ssh',
        `case "$*" in
  *@end*) echo question >>${place}/asked; echo '[db1] 0 ${holds ? file : ''};@end' ;;
  *) echo delivery >>${place}/asked; ${deliver} ;;
esac`,
      );
      program('barman-wal-restore', `echo delivery >>${place}/asked; for to do :; done; ${deliver} >"$to"`);
      const { exit } = fetch(command(method, { last }), file, `${bin}:${process.env.PATH}`);
      return [exit, ...readFileSync(join(place, 'asked'), 'utf8').trim().split('\n')];
    }

    const next = '000000010000000000000009';

    it('asks once, all servers, for the segment behind the last one', () => {
      expect(asked(next, SEGMENT, false)).toEqual([1, 'question']);
    });

    it('also where that begins a log, or is of a later timeline', () => {
      expect(asked('000000020000000100000000', '000000010000000000000FFF', false)).toEqual([1, 'question']);
    });

    it('takes it from who holds it by now', () => {
      expect(asked(next, SEGMENT, true)).toEqual([0, 'question', 'delivery']);
    });

    it.each([
      ['before the end', SEGMENT, SEGMENT],
      ['further on', '00000001000000000000000A', SEGMENT],
      ['where the end is not known', next, undefined],
    ])('asks for the segment itself %s', (_, file, last) => {
      expect(asked(file, last, true)).toEqual([0, 'delivery']);
    });
  },
);

describe('restore_command with a spool', () => {
  const SYSTEM = 7_411_223_344_556_677_889n;
  /** Of barman.spool. */
  const MARK = 'pitr-spool';
  let spool: string;

  beforeEach(() => {
    spool = join(place, `it's 100% full`);
    mkdirSync(spool);
    writeFileSync(join(spool, MARK), '');
  });

  /** A segment by its first page, as PostgreSQL 15 writes it. */
  function segment({
    system = SYSTEM,
    timeline = 1,
    position = 8n * 1024n * 1024n,
    size = SIZE,
  } = {}): Buffer {
    const bytes = Buffer.alloc(SIZE, 3);
    bytes.writeUInt16LE(0xd110, 0);
    bytes.writeUInt16LE(2, 2);
    bytes.writeUInt32LE(timeline, 4);
    bytes.writeBigUInt64LE(position, 8);
    bytes.writeBigUInt64LE(system, 24);
    bytes.writeUInt32LE(size, 32);
    bytes.writeUInt32LE(8192, 36);
    return bytes;
  }

  const text = (): string =>
    command('barman-get-wal', {
      // Whatever is not taken from the spool is asked for where nobody answers.
      login: { user: 'barman', host: 'barman.invalid' },
      spool: { directory: spool, systemId: String(SYSTEM) },
    });

  it('takes from it what is that segment, and asks nobody', () => {
    writeFileSync(join(spool, SEGMENT), segment());
    expect(fetch(text(), SEGMENT)).toEqual({ exit: 0, stderr: '', files: ['RECOVERYXLOG'] });
    expect(readFileSync(join(place, 'pg_wal', 'RECOVERYXLOG')).equals(segment())).toBe(true);
    expect(readdirSync(spool)).toEqual([MARK, 'wanted']);
  });

  it('takes the beginning of a timeline, which names the one before', () => {
    const later = `00000003${SEGMENT.slice(8)}`;
    writeFileSync(join(spool, later), segment({ timeline: 2 }));
    expect(fetch(text(), later).exit).toBe(0);
  });

  it.each([
    ['is cut short', segment().subarray(0, SIZE - 1)],
    ['is empty', Buffer.alloc(0)],
    ['is of another cluster', segment({ system: SYSTEM + 1n })],
    ['is another segment', segment({ position: 9n * 1024n * 1024n })],
    ['is of a later timeline', segment({ timeline: 2 })],
    ['has segments of another size', segment({ size: SIZE * 2 })],
    ['is no WAL', Buffer.alloc(SIZE, 0x31)],
  ])('does not believe what %s, removes it, and asks Barman', (_, bytes) => {
    writeFileSync(join(spool, SEGMENT), bytes);
    const { exit, stderr, files } = fetch(text(), SEGMENT);
    expect({ exit, files }).toEqual({ exit: 75, files: [] });
    expect(stderr).toContain(`pitr: what waits for it in the spool is not ${SEGMENT}`);
    expect(stderr).toContain(`pitr: doubt ${SEGMENT}:`);
    expect(readdirSync(spool)).toEqual([MARK, 'wanted']);
  });

  it.each([
    ['fits', segment()],
    ['does not', segment({ system: SYSTEM + 1n })],
  ])(
    'takes nothing out of a directory of somebody else, and removes nothing: a segment that %s',
    (_, bytes) => {
      rmSync(join(spool, MARK));
      writeFileSync(join(spool, SEGMENT), bytes);
      const { exit, stderr } = fetch(text(), SEGMENT);
      expect(exit).toBe(75);
      expect(stderr).not.toContain('spool');
      expect(readdirSync(spool)).toEqual([SEGMENT]);
    },
  );

  /** The nth of that log. */
  const named = (number: number): string =>
    `${SEGMENT.slice(0, 16)}${number.toString(16).toUpperCase().padStart(8, '0')}`;
  const waiting = (): readonly string[] => readdirSync(spool).filter((name) => /^[0-9A-F]{24}$/.test(name));

  /** Something fills it, as its command line tells, and brings nothing. */
  function fills(): void {
    const words = ['-c', 'sleep 60; :', 'pitr-spool', spool];
    const filler = spawn('sh', words, { detached: true, stdio: 'ignore' });
    onTestFinished(() => void process.kill(-(filler.pid ?? 0), 'SIGKILL'));
    writeFileSync(join(spool, 'pid'), `${filler.pid}\n`);
  }

  /** In the place of the program of that name: a line for each time that it is waited. */
  function countingSleeps(): { readonly counted: string; readonly sleeps: () => number } {
    const slept = join(place, 'slept');
    writeFileSync(slept, '');
    const counted = `sleep() { echo >>${quote(slept)}; }; ${text()}`;
    return { counted, sleeps: () => readFileSync(slept).length };
  }

  it('waits for one that takes long, as long as bytes of it come', () => {
    writeFileSync(join(spool, 'list'), `${SEGMENT} db1 /wals\n`);
    writeFileSync(join(spool, 'whole'), segment());
    // More than the five seconds in which nothing may come.
    const slowly = 'for i in 1 2 3 4 5 6 7; do echo x >>part; sleep 1; done; mv whole "$1"';
    const filler = spawn('sh', ['-c', slowly, 'sh', SEGMENT, spool], { cwd: spool, stdio: 'ignore' });
    writeFileSync(join(spool, 'pid'), `${filler.pid}\n`);
    expect(fetch(text(), SEGMENT)).toMatchObject({ exit: 0, stderr: '' });
  });

  it('makes room: what came too late goes as soon as PostgreSQL is past it', () => {
    for (const number of [7, 8, 10]) writeFileSync(join(spool, named(number)), segment());
    fetch(text(), named(8));
    writeFileSync(join(spool, named(8)), 'once more');
    fetch(text(), named(9));
    expect(waiting()).toEqual([named(10)]);
  });

  it('drops nothing where PostgreSQL, at its start, asks for the segment of the checkpoint first', () => {
    for (const number of [7, 8, 9]) writeFileSync(join(spool, named(number)), segment());
    fetch(text(), named(0x40));
    fetch(text(), named(0x40));
    fetch(text(), '00000002.history');
    expect(waiting()).toEqual([7, 8, 9].map(named));
    fetch(text(), named(7));
    expect(waiting()).toEqual([named(8), named(9)]);
  });

  it('is not led astray by what it cannot read of that', () => {
    for (const odd of ['', 'x', '0000000100000000', `${SEGMENT}9`, 'rm -rf /']) {
      writeFileSync(join(spool, SEGMENT), segment());
      writeFileSync(join(spool, 'wanted'), odd);
      expect(fetch(text(), SEGMENT)).toMatchObject({ exit: 0, stderr: '' });
    }
  });

  it('waits for nothing that does not come', () => {
    writeFileSync(join(spool, 'list'), `${SEGMENT} db1 /wals\n`);
    writeFileSync(join(spool, 'last'), `${SEGMENT}\n`);
    fills();
    expect(fetch(text(), SEGMENT).exit).toBe(75);
    expect(fetch(text(), '00000002.history').exit).toBe(255);
  });

  it('waits for none that has come, though as numbers its name and the next one are alike to awk', () => {
    const [one, two, three] = [1, 2, 3].map((digit) => `00000010000000000000001${digit}`);
    writeFileSync(join(spool, 'list'), [one, two, three].map((name) => `${name} db1 /wals\n`).join(''));
    writeFileSync(join(spool, 'last'), `${three}\n`);
    fills();
    const { counted, sleeps } = countingSleeps();
    expect([fetch(counted, two ?? '').exit, sleeps()]).toEqual([75, 0]);
    // One that is to come is waited for as long as nothing comes.
    writeFileSync(join(spool, 'last'), `${one}\n`);
    expect([fetch(counted, three ?? '').exit, sleeps()]).toEqual([75, 100]);
  });

  it('waits for none that nobody brings: its filler has ended, and another process has that number', () => {
    writeFileSync(join(spool, 'list'), `${SEGMENT} db1 /wals\n`);
    const { counted, sleeps } = countingSleeps();
    for (const pid of [`${process.pid}`, '', '999999999']) {
      writeFileSync(join(spool, 'pid'), `${pid}\n`);
      expect([pid, fetch(counted, SEGMENT).exit, sleeps()]).toEqual([pid, 75, 0]);
    }
  });
});
