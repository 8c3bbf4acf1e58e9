import { readFile, rm, writeFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { archiveCurrentWal } from '../../lab/archive.ts';
import { currentLeader } from '../../lab/cluster.ts';
import type { Lab } from '../../lab/lab.ts';
import { type DatabaseHost, databaseHosts } from '../../lab/topology.ts';
import { waitFor } from '../../lab/wait.ts';
import {
  fileOf,
  nextTimeline,
  onBarman,
  putStray,
  segmentAfter,
  timelineName,
  walsOf,
} from '../support/archive-files.ts';
import { besideSegment } from '../support/beside-segment.ts';
import { accidentOn, chosenInventory, healthy, type Scene, sharedLab } from '../support/lab.ts';
import { type PitrResult, pitr, runError, tasksThat } from '../support/pitr.ts';

let lab: Lab;
let scene: Scene;
/** A Barman server of no leader: its archive is asked like all others. */
let other: DatabaseHost;

beforeAll(async () => {
  lab = await sharedLab();
  scene = await accidentOn(lab);
  other = databaseHosts.findLast((host) => host !== scene.target && host !== scene.leader) ?? 'db4';
});
afterAll(async () => {
  await healthy(lab, 180_000);
});

const line = (parent: number, position: string) =>
  Buffer.from(`${parent}\t${position}\tno recovery target specified\n`);

const barman = (script: string, ...args: readonly string[]) => onBarman(lab, script, ...args);

/** Puts a file of the archive there for the time of the work. */
async function having(path: string, bytes: Buffer, work: () => Promise<void>): Promise<void> {
  await barman(
    'mkdir -p "$(dirname "$1")"; printf %s "$2" | base64 -d >"$1"',
    path,
    bytes.toString('base64'),
  );
  try {
    await work();
  } finally {
    await barman('rm -f "$1"', path);
  }
}

function play(
  playbook: string,
  vars: Readonly<Record<string, string>>,
  ...more: readonly string[]
): Promise<PitrResult> {
  const extra = Object.entries(vars).flatMap(([key, value]) => ['-e', `${key}=${value}`]);
  const common = ['-i', chosenInventory(lab), '--output', 'json', '--yes', '-e', `target=${scene.target}`];
  return pitr(['play', playbook, ...common, ...extra, ...more]);
}

const toBefore = () => ({ target_time: scene.accident.before, backup: scene.accident.backup.id });

describe('a history file that cannot be believed', () => {
  it.each([
    ['is empty', Buffer.alloc(0), 'it is empty'],
    [
      'is garbage with control characters',
      Buffer.from('\u001b]0;pwned\u0007\u0000\u0001garbage\n'),
      'it is not the history of a timeline',
    ],
    [
      'is bytes of no encoding',
      Buffer.from([0xff, 0xfe, 0x80, 0x00, 0x0a]),
      'it is not the history of a timeline',
    ],
    ['is a gzip that breaks off', gzipSync(line(1, '0/5000000')).subarray(0, 20), 'it cannot be unpacked'],
    ['is the history of its own child', line(900, '0/5000000'), 'it names an ancestor that is not older'],
  ])('refuses before anything is touched where the file of the next number %s', async (_, bytes, why) => {
    const path = `${walsOf(other)}/${timelineName(await nextTimeline(lab, scene.timeline))}.history`;
    await having(path, bytes, async () => {
      const run = await play('recover.yml', toBefore());
      const error = runError(run.events);
      expect(error).toMatchObject({ kind: 'refused', code: 'history-damaged', host: 'barman' });
      expect(error?.message).toContain(why);
      expect(error?.details?.join('\n')).toContain(path);
      expect(error?.next?.join('\n')).toContain(`mv ${path} `);
      expect(tasksThat('changed', run.events)).toEqual([]);

      const list = await pitr(['backups', '-i', chosenInventory(lab)]);
      expect(list.exitCode).toBe(0);
      expect(list.stdout).toContain(scene.accident.backup.id);
      expect(list.stdout + list.stderr).toContain(path);
      // biome-ignore lint/suspicious/noControlCharactersInRegex: none of these may reach a terminal
      expect(list.stdout + list.stderr).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f]/);
    });
  });

  it('is named once more, and the printed way leads on', async () => {
    const path = `${walsOf(other)}/${timelineName(await nextTimeline(lab, scene.timeline))}.history`;
    await having(path, Buffer.alloc(0), async () => {
      const [command = ''] = (
        runError((await play('recover.yml', toBefore(), '--check')).events)?.next ?? []
      ).slice(-1);
      await barman(command);
      expect(runError((await play('recover.yml', toBefore(), '--check')).events)).toBeUndefined();
    });
    await barman('rm -f /var/lib/barman/*/*.history.damaged');
  });
});

describe('history files that are packed', () => {
  it('with gzip are read by backups and by a recovery', async () => {
    const path = `${walsOf(other)}/${timelineName(await nextTimeline(lab, scene.timeline))}.history`;
    await having(path, gzipSync(line(1, '0/1000028')), async () => {
      expect((await pitr(['backups', '-i', chosenInventory(lab)])).exitCode).toBe(0);
      expect(runError((await play('recover.yml', toBefore(), '--check')).events)).toBeUndefined();
    });
  });
});

describe('WAL of the timeline to come that lies in an archive without a history', () => {
  it('refuses before anything is touched, names the files, and the printed way leads on', async () => {
    const segment = await segmentAfter(lab, scene.accident.backup, await nextTimeline(lab, scene.timeline));
    const path = fileOf(other, segment);
    await putStray(lab, other, segment);
    try {
      const run = await play('recover.yml', toBefore());
      const error = runError(run.events);
      expect(error).toMatchObject({ kind: 'refused', code: 'next-timeline-has-wal' });
      expect(error?.details?.join('\n')).toContain(`${other}: ${segment}`);
      expect(tasksThat('changed', run.events)).toEqual([]);
      await barman(error?.next?.at(-1) ?? 'false');
      expect(runError((await play('recover.yml', toBefore(), '--check')).events)).toBeUndefined();
    } finally {
      await barman('rm -rf "$1" /var/lib/barman/*/strays; rmdir "$(dirname "$1")"; true', path);
    }
  });
});

describe('a segment on the way', () => {
  it.each([
    ['random bytes', 'head -c 16777216 /dev/urandom >"$1"'],
    ['an older segment', 'cat "$2" >"$1"'],
    ['zeros', 'head -c 16777216 /dev/zero >"$1"'],
  ])('that holds %s is missing, by its name, before anything is touched', async (_, spoil) => {
    const { server, id } = scene.accident.backup;
    const listed = await barman('barman list-files --target wal "$1" "$2" | grep -v history', server, id);
    const [first = '', second = ''] = listed.split('\n');
    await barman('cp -p "$1" /tmp/kept.wal', second);
    try {
      await barman(spoil, second, first);
      const run = await play('recover.yml', toBefore());
      expect(runError(run.events)).toMatchObject({ kind: 'refused', code: 'wal-missing' });
      expect(runError(run.events)?.message).toContain(second.slice(-24));
      expect(tasksThat('changed', run.events)).toEqual([]);
    } finally {
      await barman('cp -p /tmp/kept.wal "$1"; rm /tmp/kept.wal', second);
    }
  });
});

describe('an inventory that names two hosts the wrong way round', () => {
  it('is refused before anything is touched, where one of them leads', async () => {
    const written = await readFile(chosenInventory(lab), 'utf8');
    const swapped = written
      .replace(new RegExp(`^( +)${scene.leader}:$`, 'm'), '$1swapped:')
      .replace(new RegExp(`^( +)${other}:$`, 'm'), `$1${scene.leader}:`)
      .replace(/^( +)swapped:$/m, `$1${other}:`);
    expect(swapped).not.toBe(written);
    const inventory = `${chosenInventory(lab)}.swapped.yml`;
    await writeFile(inventory, swapped);
    onTestFinished(() => rm(inventory));
    const vars = { ...toBefore(), target: scene.target, auto_start: 'true' };
    const words = Object.entries(vars).flatMap(([key, value]) => ['-e', `${key}=${value}`]);
    const run = await pitr(['play', 'recover.yml', '-i', inventory, '--output', 'json', '--yes', ...words]);
    expect(runError(run.events)).toMatchObject({ kind: 'refused', code: 'leader-named-otherwise' });
    expect(tasksThat('changed', run.events)).toEqual([]);
    // What it tells to look at shows the difference.
    const [look = ''] = (runError(run.events)?.next ?? []).slice(-1);
    const list = await lab.mustExec(other, ['sh', '-c', look.replace(/^.*: (?=patronictl)/, '')]);
    expect(list).toMatch(new RegExp(`${scene.leader} +\\| ${scene.leader}[:. ]`));
  });
});

describe('a promotion', () => {
  it('is refused with the instance as it was where an archive does not answer, and the same run goes on', async () => {
    expect(runError((await play('recover.yml', toBefore())).events)).toBeUndefined();
    const conf = '/etc/barman.d';
    await lab.mustExec('barman', ['mv', `${conf}/${other}.conf`, `/root/${other}.conf`]);
    const failed = await play('cutover.yml', {});
    await lab.mustExec('barman', ['mv', `/root/${other}.conf`, `${conf}/${other}.conf`]);
    expect(runError(failed.events)).toBeDefined();
    const leader = await currentLeader(lab);
    expect(leader).toBe(scene.leader);
    const id = failed.events.flatMap((event) => (event.type === 'run.started' ? [event.runId] : []))[0] ?? '';
    // Numbers that earlier recoveries have used up: PostgreSQL asks for each of them.
    const next = await nextTimeline(lab, scene.timeline);
    const passed = Array.from({ length: 16 }, (_, index) => next + index);
    for (const [index, timeline] of passed.entries()) {
      const server = databaseHosts[index % databaseHosts.length] ?? other;
      await barman(
        'printf %s "$2" | base64 -d >"$1"',
        `${walsOf(server)}/${timelineName(timeline)}.history`,
        line(1, '0/1000028').toString('base64'),
      );
    }
    const resumed = await pitr(['resume', id, '--output', 'json', '--yes']);
    expect(runError(resumed.events)).toBeUndefined();
    const took = durationOf(resumed, 'Promote the recovered node, still isolated');
    process.stdout.write(`promotion past ${passed.length} numbers: ${took} ms\n`);
    await healthy(lab);
    expect(await currentLeader(lab)).toBe(scene.target);
    expect(await barman('ls /var/lib/barman/*/errors | grep -v : || true')).toBe(
      '\n'.repeat(databaseHosts.length - 1),
    );
  });
});

/** A segment's header with the next position, and zeros behind it: right by size, cluster, timeline and position. */
const STRAY = `import sys
data = bytearray(open(sys.argv[1], 'rb').read())
at = int.from_bytes(data[8:16], 'little') + len(data)
data[8:16] = at.to_bytes(8, 'little')
data[8192:] = bytes(len(data) - 8192)
open(sys.argv[2], 'wb').write(data)`;

describe('WAL that is archived', () => {
  it.each([
    ['the header of that segment and nothing of its content', STRAY],
    ['random bytes', `import os, sys\nopen(sys.argv[2], 'wb').write(os.urandom(16777216))`],
    ['the segment before', `import shutil, sys\nshutil.copy(sys.argv[1], sys.argv[2])`],
  ])(
    'is not proved by a file of its name with %s, and is again when the printed command has put the right one in its place',
    async (_, python) => {
      const leader = await currentLeader(lab);
      const last = await archiveCurrentWal(lab, leader);
      const next = besideSegment(last, 1);
      await barman(
        'mkdir -p "$(dirname "$3")"; python3 -c "$1" "$2" "$3"',
        python,
        fileOf(leader, last),
        fileOf(leader, next),
      );
      const run = await play('backup.yml', {});
      expect(runError(run.events)).toMatchObject({
        kind: 'failed',
        code: 'archive-not-proved',
        host: 'barman',
      });
      expect(JSON.stringify(runError(run.events))).toContain(next);
      expect(tasksThat('changed', run.events)).toEqual([]);

      await barman('barman -q cron');
      await waitFor({
        what: `Barman to put the right ${next} aside`,
        deadlineMs: 180_000,
        everyMs: 500,
        attempt: () => barman('ls "$1"', `/var/lib/barman/${leader}/errors`),
        done: (names) => names.includes(next),
        describe: (names) => names,
      });
      await barman(runError(run.events)?.next?.at(-1) ?? 'false');
      expect(runError((await play('backup.yml', {})).events)).toBeUndefined();
      await barman('rm -rf "$1"', `/var/lib/barman/${leader}/strays`);
    },
  );
});

function durationOf(run: PitrResult, task: string): number | undefined {
  return run.events.flatMap((event) =>
    event.type === 'host.result' && event.task.name === task ? [event.durationMs] : [],
  )[0];
}
