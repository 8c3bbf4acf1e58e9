import { afterAll, beforeAll, expect, it } from 'vitest';
import { currentLeader, sql } from '../../lab/cluster.ts';
import type { Lab } from '../../lab/lab.ts';
import { silent } from '../../lab/progress.ts';
import { labSeed } from '../../lab/seed.ts';
import type { DatabaseHost } from '../../lab/topology.ts';
import { waitFor } from '../../lab/wait.ts';
import { expectForeseen } from '../support/foreseen.ts';
import { chosenInventory, healthy, sharedLab } from '../support/lab.ts';
import { type PitrResult, pitr, runError, tasksThat } from '../support/pitr.ts';

let lab: Lab;
let leader: DatabaseHost;

beforeAll(async () => {
  lab = await sharedLab();
  await labSeed(lab, silent);
  leader = await currentLeader(lab);
});

afterAll(async () => {
  await archivesBy(undefined);
  await healthy(lab, 180_000);
});

async function archivesBy(command: string | undefined): Promise<void> {
  const said = command === undefined ? 'reset archive_command' : `set archive_command = '${command}'`;
  await sql(lab, leader, `alter system ${said}`);
  await sql(lab, leader, 'select pg_reload_conf()');
}

/** Gives its name, once the archiver has said that it is archived. */
async function segmentSent(): Promise<string> {
  await sql(lab, leader, 'select pg_logical_emit_message(false, $$$$, $$x$$)');
  const segment = await sql(lab, leader, 'select pg_walfile_name(pg_switch_wal() - 1)');
  await waitFor({
    what: `${segment} to be sent`,
    deadlineMs: 60_000,
    attempt: () => sql(lab, leader, 'select last_archived_wal from pg_stat_archiver'),
    done: (last) => last >= segment,
    describe: (last) => `the last one is ${last}`,
  });
  return segment;
}

async function saveWal(...more: string[]): Promise<PitrResult> {
  return pitr([
    'play',
    'save-wal.yml',
    '-i',
    chosenInventory(lab),
    '-e',
    `node=${leader}`,
    '--output',
    'json',
    ...more,
  ]);
}

it('WAL that the archive_command of a running leader has said yes to without storing it is found, and saved', async () => {
  await archivesBy('/bin/true');
  const lost = [await segmentSent(), await segmentSent()];
  const found = await pitr(['doctor', '-i', chosenInventory(lab), '--output', 'json']);
  expect(found.stdout).toContain('archive_command says yes without storing');
  expect(found.stdout).toContain(`save-wal.yml -i ${chosenInventory(lab)} -e node=${leader}`);
  expect(runError((await saveWal()).events)).toMatchObject({ code: 'node-does-not-archive' });

  await archivesBy(undefined);
  const check = await saveWal('--check');
  const saved = await saveWal();
  expectForeseen(check.events, saved.events);
  expect(runError(saved.events)).toBeUndefined();
  for (const segment of lost) expect(saved.stdout).toContain(segment);
  const again = await saveWal();
  expect([again.exitCode, tasksThat('changed', again.events)]).toEqual([0, []]);
});
