import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { labAccident } from '../../lab/accident.ts';
import { sql } from '../../lab/cluster.ts';
import type { Lab } from '../../lab/lab.ts';
import { silent } from '../../lab/progress.ts';
import { labSeed } from '../../lab/seed.ts';
import { database } from '../../lab/shop.ts';
import { type DatabaseHost, databaseHosts, dataDirectory, postgresBin } from '../../lab/topology.ts';
import { readRun } from '../../lib/engine/journal/read.ts';
import { startWriter } from '../faults/writer.ts';
import { chosenInventory, healthy, type Scene, sharedLab } from '../support/lab.ts';
import { picture } from '../support/picture.ts';
import { pitr, withoutWaits } from '../support/pitr.ts';
import { type Played, play } from '../support/play.ts';
import { CTRL_C, onTerminal } from '../support/terminal.ts';

let lab: Lab;
/** Of the server that is started by hand. */
const LOG = '/tmp/kept.log';
let scene: Pick<Scene, 'accident' | 'leader' | 'target'>;

/** A healthy cluster with a table for the writer, and the accident in it. */
async function accidentUnderWrites(): Promise<void> {
  lab = await sharedLab();
  await healthy(lab);
  const { leader } = await labSeed(lab, silent);
  await sql(lab, leader, 'create table written (node text, seq bigint)', { database });
  const accident = await labAccident(lab, silent);
  scene = { accident, leader, target: databaseHosts.find((host) => host !== leader) ?? leader };
}

const aim = () => ({ backup: scene.accident.backup.id, target_time: scene.accident.before });
const on = (playbook: string, vars: Readonly<Record<string, string>>): Promise<Played> =>
  play(chosenInventory(lab), playbook, { target: scene.target, ...vars });

/** Types every form of an undo of these runs while a writer is at work; none may do anything. */
async function undoesNothing(runIds: readonly string[]): Promise<void> {
  const runs = await Promise.all(
    runIds.map((runId) => readRun(join(process.cwd(), '.lab', lab.prefix, 'state', 'runs', runId))),
  );
  const journals = () => Promise.all(runs.map(({ path }) => readFile(path, 'utf8')));
  const [journalsBefore, before] = [await journals(), await picture(lab)];
  const writer = await startWriter(lab);
  for (const { started, changes } of runs) {
    const newest = changes.length;
    const typed = [
      [],
      ['--from', String(newest - 3)],
      ['--from', '12'],
      ['--keep', String(newest)],
      ['--from', '9', '--keep', '9'],
      ['--keep', changes.map(({ intent }) => intent.number).join(',')],
      ['--check'],
    ];
    for (const more of typed) {
      const undo = await pitr(['undo', started.runId, ...more, '--yes']);
      expect([more, undo.exitCode]).toEqual([more, 5]);
      expect(undo.stderr).toContain('pitr play revert.yml');
      expect(undo.stderr).toContain(`pitr commit ${started.runId}`);
      expect(undo.stderr).not.toMatch(/--keep|--from/);
    }
  }
  const acknowledged = (await writer.stop()).map(({ node, seq }) => `${node} ${seq}`);
  const rows = await sql(lab, scene.target, "select node || ' ' || seq from written", { database });
  const there = new Set(rows.split('\n'));
  expect(acknowledged.length).toBeGreaterThan(0);
  expect(acknowledged.filter((row) => !there.has(row))).toEqual([]);
  expect(await picture(lab)).toEqual(before);
  expect(await journals()).toEqual(journalsBefore);
}

/** On which a backup reaches some moment, by what `pitr backups` tells. */
async function timelinesOf(backup: string): Promise<readonly number[]> {
  const { stdout } = await pitr(['backups', '-i', chosenInventory(lab), '--output', 'json']);
  const rows = stdout.split('\n').filter(Boolean);
  return rows
    .map((row): { id?: string; ranges?: readonly { timeline: number }[] } => JSON.parse(row))
    .flatMap(({ id, ranges = [] }) => (id === backup ? ranges.map(({ timeline }) => timeline) : []));
}

describe('a recovery and its cut-over in one run', () => {
  it('after a finished cut-over no undo touches anything, whatever is typed, and no acknowledged write is lost', async () => {
    await accidentUnderWrites();
    const run = await on('recover.yml', { ...aim(), auto_start: 'true', new_backup: 'false' });
    expect(run.error).toBeUndefined();
    expect(run.events.at(-1)).toMatchObject({ type: 'run.ways' });
    await healthy(lab);
    await undoesNothing([run.runId]);
  });
});

describe('a recovery, and its cut-over as a run of its own', () => {
  let recovery: Played;
  let cutOver: Played;

  beforeAll(async () => {
    await accidentUnderWrites();
    recovery = await on('recover.yml', aim());
    expect(recovery.error).toBeUndefined();
    cutOver = await on('cutover.yml', { new_backup: 'false' });
    expect(cutOver.error).toBeUndefined();
    await healthy(lab);
  });

  const keptOn = (host: DatabaseHost) =>
    `${dataDirectory(host)}.pre-pitr.${host === scene.target ? recovery.runId : cutOver.runId}`;
  const told = (host: DatabaseHost) =>
    cutOver.events.flatMap((event) =>
      event.type === 'host.result' && event.host === host ? [event.message ?? ''] : [],
    );

  it('every host is told where its own old data is, and there it is', async () => {
    for (const host of databaseHosts) {
      expect(told(host)).toContain(`${host}: the old data is kept in ${keptOn(host)}.`);
      await lab.mustExec(host, ['test', '-f', `${keptOn(host)}/PG_VERSION`]);
    }
  });

  it('no undo of either run touches anything, and no acknowledged write is lost', async () => {
    await undoesNothing([recovery.runId, cutOver.runId]);
  });

  it('the wizard shows both timelines of a backup, and takes a moment on the one that was left', async () => {
    const { backup, after } = scene.accident;
    const timelines = await timelinesOf(backup.id);
    const { screen, exitCode } = await onTerminal(
      ['recover', '-i', chosenInventory(lab), '--output', 'text'],
      [
        ['Backup (r reads them again)', `${backup.id}\n`],
        ['Target time', `${after}\n`],
        ['Target node', CTRL_C],
      ],
    );
    expect(exitCode, screen).toBe(130);
    const [old = 0, following = 0, ...more] = timelines;
    expect([following > old, more]).toEqual([true, []]);
    const first = screen.indexOf(backup.id);
    expect(screen.slice(first)).toMatch(
      new RegExp(`^${backup.id} .* ${old}  \\d{4}-.*\\n +${following}  \\d{4}-`),
    );
    for (const timeline of timelines)
      expect(screen).toMatch(new RegExp(`  of timeline ${timeline}: after \\d{4}-.* and until \\d{4}-`));
    expect(screen).toContain(`  on timeline ${old}; WAL: `);
  });

  it('pitr commit removes no old data in which somebody has started a PostgreSQL, and does when it is stopped', async () => {
    const member = databaseHosts.find((host) => host !== scene.target && host !== scene.leader);
    if (member === undefined) throw new Error('the lab has no third member');
    const kept = keptOn(member);
    const byHand = [`${postgresBin}/pg_ctl`, '-D', kept, '-w'];
    const answers = () =>
      lab.mustExec(member, [`${postgresBin}/psql`, '-XAtq', '-p', '6000', '-c', 'select 1'], {
        user: 'postgres',
      });
    // Alone: neither the WAL of the cluster nor its archive is for it.
    const alone = ['primary_conninfo', 'primary_slot_name', 'restore_command'].map((name) => `-c ${name}=`);
    onTestFinished(async () => {
      await lab.exec(member, ['rm', '-f', LOG]);
      await lab.exec(member, [...byHand, 'stop'], { user: 'postgres' });
    });
    const start = [...byHand, '-l', LOG, '-o', `-p 6000 ${alone.join(' ')}`, 'start'];
    await lab.mustExec(member, start, { user: 'postgres' });
    const refused = await pitr(['commit', cutOver.runId, '--yes']);
    expect(refused.exitCode, refused.stderr).toBe(5);
    const words = refused.stderr.replaceAll(/\s+/g, ' ');
    expect(words).toContain(`PostgreSQL works in ${kept} (processes `);
    expect(await answers()).toBe('1\n');
    await lab.mustExec(member, ['test', '-f', `${kept}/PG_VERSION`]);

    // It is stopped as it is told, and not what serves on that host.
    const stop = /\(pg_ctl ([^)]+)\)/.exec(words)?.[1]?.split(' ') ?? [];
    await lab.mustExec(member, [`${postgresBin}/pg_ctl`, ...stop], { user: 'postgres' });
    expect(words).not.toContain('Patroni, most often');
    const committed = withoutWaits(await pitr(['commit', cutOver.runId, '--yes']));
    expect([committed.exitCode, committed.stderr]).toEqual([0, '']);
    for (const host of databaseHosts)
      expect((await lab.exec(host, ['test', '-e', keptOn(host)])).exitCode).toBe(1);
    await healthy(lab);
  });
});
