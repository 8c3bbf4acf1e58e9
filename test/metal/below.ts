import { readFile, writeFile } from 'node:fs/promises';
import { expect } from 'vitest';
import { currentLeader } from '../../lab/cluster.ts';
import type { Lab } from '../../lab/lab.ts';
import type { DatabaseHost } from '../../lab/topology.ts';
import { killedAt } from '../faults/killed.ts';
import { healthy } from '../support/lab.ts';
import { pitr, runError, tasksThat, withoutWaits } from '../support/pitr.ts';
import { isFoundOut } from './looks.ts';
import { expectRecovered, recover, run, sceneOn } from './steps.ts';

/** Where a lab is whose data has moved below its mount point, and the inventory that says so. */
async function below(lab: Lab): Promise<Lab> {
  const place = `${lab.shape.dataDirectory('db1')}/data`;
  const inventory = lab.files.metalInventory.replace(/\.yml$/, '-below.yml');
  const text = await readFile(lab.files.metalInventory, 'utf8');
  await writeFile(inventory, text.replace(/^( *pgdata:).*$/m, `$1 ${place}`));
  return {
    ...lab,
    shape: { ...lab.shape, dataDirectory: () => place },
    files: { ...lab.files, metalInventory: inventory },
  };
}

/** What data-below-mount.yml may touch of a node, but for what PostgreSQL itself writes. */
async function laidOut(lab: Lab): Promise<readonly string[]> {
  const script =
    'ls -A "$1" | grep -v -e "^postmaster" -e "^backup_label" -e "^standby.signal"; stat -c "%a %U %n" "$1" "$2"; sha256sum "$2"';
  const data = lab.shape.dataDirectory('db1');
  const look = (host: DatabaseHost) =>
    lab.mustExec(host, ['sh', '-c', script, 'sh', data, lab.shape.patroniConfig]);
  return Promise.all(lab.shape.members.map(look));
}

/** Killed in the middle and taken back; killed twice and gone on with; then recovered where it is by then. */
export async function isMovedBelow(lab: Lab): Promise<void> {
  // Its backup says the old place in its own configuration.
  const scene = await sceneOn(lab);
  const members = lab.shape.members;
  const data = lab.shape.dataDirectory('db1');
  for (const host of members) {
    const made = ['install', '-d', '-o', 'postgres', '-m', '700', `${data}/lost+found`];
    await lab.mustExec(host, made);
  }
  const { leader } = scene;
  const before = await laidOut(lab);
  const words = ['play', 'data-below-mount.yml', '-i', lab.files.metalInventory];
  const check = await run(words, '--check');
  expect(await laidOut(lab)).toEqual(before);

  const first = await killedAt({ during: 'Start the member there', afterMs: 1000 }, words);
  expect([first.error, first.killed]).toEqual([undefined, true]);
  expect(await laidOut(lab)).not.toEqual(before);
  const undo = withoutWaits(await pitr(['undo', first.runId, '--yes']));
  expect([undo.stderr, undo.exitCode]).toEqual(['', 0]);
  await healthy(lab, 180_000);
  expect([await currentLeader(lab), await laidOut(lab)]).toEqual([leader, before]);

  const second = await killedAt({ during: 'Stop the member', afterMs: 300 }, words);
  expect([second.error, second.killed]).toEqual([undefined, true]);
  const again = ['resume', second.runId];
  const third = await killedAt(
    { during: "Let Patroni's configuration name the new place", afterMs: 50 },
    again,
  );
  expect([third.error, third.killed]).toEqual([undefined, true]);
  const { events } = await run(again);
  expect(tasksThat('failed', events)).toEqual([]);
  const all = [...second.events, ...third.events, ...events];
  expect(tasksThat('changed', all)).toEqual(expect.arrayContaining([...tasksThat('changed', check.events)]));
  const moved = await below(lab);
  await healthy(moved, 180_000);
  expect(await currentLeader(lab)).not.toBe(leader);
  for (const host of members) {
    expect((await lab.mustExec(host, ['ls', '-A', data])).trim()).toBe('data\nlost+found');
    const facts = await lab.mustExec(host, ['stat', '-c', '%a %U', `${data}/data`]);
    expect(facts.trim()).toBe('700 postgres');
  }

  // An inventory that still says the old place.
  for (const [old, code] of [
    [words, 'data-moved-already'],
    [
      ['play', 'recover.yml', '-i', lab.files.metalInventory, '-e', 'target=db1', '-e', 'auto_start=true'],
      'data-not-in-mount-point',
    ],
  ] as const) {
    const refused = await pitr([...old, '--output', 'json', '--yes']);
    expect(runError(refused.events)?.code).toBe(code);
    expect(tasksThat('changed', refused.events)).toEqual([]);
  }
  const led = await currentLeader(moved);
  const target = members.find((host) => host !== leader && host !== led) ?? scene.target;
  const { events: recovered } = await run(recover(moved, { ...scene, target }, 'auto_start=true'));
  await expectRecovered(moved, { ...scene, target }, recovered);
}

/** Behind that. */
export async function isFoundBelow(lab: Lab): Promise<void> {
  await isFoundOut(await below(lab));
}
