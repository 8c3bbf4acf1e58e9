import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { labAccident } from '../../lab/accident.ts';
import { readMembers, sql } from '../../lab/cluster.ts';
import type { Lab } from '../../lab/lab.ts';
import { silent } from '../../lab/progress.ts';
import { labSeed } from '../../lab/seed.ts';
import { database } from '../../lab/shop.ts';
import { type DatabaseHost, databaseHosts, dataDirectory } from '../../lab/topology.ts';
import { readRun } from '../../lib/engine/journal/read.ts';
import { startWriter } from '../faults/writer.ts';
import { chosenInventory, healthy, sharedLab } from '../support/lab.ts';
import { pitr, runError } from '../support/pitr.ts';

let lab: Lab;
let leader: DatabaseHost;
let target: DatabaseHost;
let runId = '';

/** What must not change by a command that is refused: every data directory, who leads, and who is shut out. */
async function picture(): Promise<unknown> {
  const data = await Promise.all(
    databaseHosts.map((host) => lab.mustExec(host, ['sh', '-c', 'ls -di "$1"*', 'sh', dataDirectory(host)])),
  );
  const members = (await readMembers(lab)).map(({ name, role, timeline }) => [name, role, timeline]);
  const claims = await lab.mustExec('barman', ['sh', '-c', 'cat ~barman/.pitr/*.json 2>/dev/null || :']);
  return { data, members, claims };
}

beforeAll(async () => {
  lab = await sharedLab();
  ({ leader } = await labSeed(lab, silent));
  await sql(lab, leader, 'create table written (node text, seq bigint)', { database });
  const accident = await labAccident(lab, silent);
  target = databaseHosts.find((host) => host !== leader) ?? leader;
  const words = [
    '-e',
    `target=${target}`,
    '-e',
    `backup=${accident.backup.id}`,
    '-e',
    `target_time=${accident.before}`,
  ];
  const run = await pitr([
    ...['play', 'recover.yml', '-i', chosenInventory(lab), ...words, '-e', 'auto_start=true'],
    ...['-e', 'new_backup=false', '--yes', '--output', 'json'],
  ]);
  expect(runError(run.events)).toBeUndefined();
  const started = run.events.find(({ type }) => type === 'run.started');
  runId = started?.type === 'run.started' ? started.runId : '';
  expect(run.events.at(-1)).toMatchObject({ type: 'run.ways' });
});

it('after a finished cut-over no undo touches anything, whatever is typed, and no acknowledged write is lost', async () => {
  await healthy(lab);
  const { path, changes } = await readRun(join(process.cwd(), '.lab', lab.prefix, 'state', 'runs', runId));
  const journal = await readFile(path, 'utf8');
  const before = await picture();
  const writer = await startWriter(lab);
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
    const undo = await pitr(['undo', runId, ...more, '--yes']);
    expect([more, undo.exitCode]).toEqual([more, 5]);
    expect(undo.stderr).toContain('pitr play revert.yml');
    expect(undo.stderr).toContain(`pitr commit ${runId}`);
    expect(undo.stderr).not.toMatch(/--keep|--from/);
  }
  const acknowledged = (await writer.stop()).map(({ node, seq }) => `${node} ${seq}`);
  const rows = await sql(lab, target, "select node || ' ' || seq from written", { database });
  const there = new Set(rows.split('\n'));
  expect(acknowledged.length).toBeGreaterThan(0);
  expect(acknowledged.filter((row) => !there.has(row))).toEqual([]);
  expect(await picture()).toEqual(before);
  expect(await readFile(path, 'utf8')).toBe(journal);
});
