import { expect } from 'vitest';
import { currentLeader, readMembers } from '../../lab/cluster.ts';
import type { Lab } from '../../lab/lab.ts';
import { hiddenHost } from '../../lab/metal/host-setup.ts';
import { walDirectory } from '../../lab/metal/shape.ts';
import type { DatabaseHost } from '../../lab/topology.ts';
import { doctor } from '../doctor/stage.ts';
import { killedAt } from '../faults/killed.ts';
import { expectForeseen } from '../support/foreseen.ts';
import { asItIsNow, healthy, inodeOfData } from '../support/lab.ts';
import { pitr, runError, tasksThat, withoutWaits } from '../support/pitr.ts';
import { isFoundBelow, isMovedBelow } from './below.ts';
import { hasItsUmask, isAsked, tellsWrongPassword } from './commands.ts';
import { isHeld } from './held.ts';
import { isExamined, isFoundOut, isRecoveredAsFound } from './looks.ts';
import { withBarmanByDocker } from './mixed.ts';
import { expectPackedHistory } from './packed.ts';
import { refusesWhatCannotBe } from './refusals.ts';
import { isCutOver, isSpared } from './step-by-step.ts';
import {
  expectAsBefore,
  expectIsolated,
  expectRecovered,
  expectRows,
  played,
  recover,
  rowsOf,
  run,
  runIdOf,
  sceneOn,
  walIn,
  walOf,
} from './steps.ts';

/** A way through a recovery, by inventory alone. */
export const JOURNEYS = {
  'takes the whole cluster over, as --check said': (lab) => takesOver(lab),
  'takes it over on the host that only the jump host reaches': (lab) => takesOver(lab, hiddenHost),
  'takes it over to the latest moment, and loses nothing': takesAllOver,
  'takes it over with Barman reached by docker, and the nodes by SSH': async (lab) =>
    takesOver(await withBarmanByDocker(lab)),
  'is cut over in a run of its own, after a look': isCutOver,
  'brings a moment back beside the cluster, and removes it': isSpared,
  'recovers in isolation, looks, and rolls back': rollsBack,
  'recovers and rolls back where Barman has packed the history of its timeline': readsPackedHistory,
  'takes a recovery back with undo': undoes,
  'resumes after the controller was killed': resumes,
  'goes back to the old data after a cut-over, and lets go of what is kept': reverts,
  'replays what was prepared after Barman has deleted newer backups': isHeld,
  'is refused before anything is touched': isRefused,
  'refuses what cannot be recovered, and leaves all as it was': refusesWhatCannotBe,
  'has its data moved below the mount, and is taken over then': isMovedBelow,
  'is found out by pitr init where its data has moved to': isFoundBelow,
  'is examined by pitr doctor, which finds nothing wrong': isExamined,
  'is found out by pitr init, and recover.yml runs with what it has written': isFoundOut,
  'is recovered and rolled back with what pitr init has written': isRecoveredAsFound,
  'gives what runs on it the umask of the login': hasItsUmask,
  'answers ping, exec, backups and runs': isAsked,
  'tells a password that sudo does not take': tellsWrongPassword,
} as const satisfies Readonly<Record<string, (lab: Lab) => Promise<void>>>;

export type Journey = keyof typeof JOURNEYS;

async function takesOver(lab: Lab, target?: DatabaseHost): Promise<void> {
  const scene = await sceneOn(lab, target);
  const words = recover(lab, scene, 'auto_start=true');
  const check = await run(words, '--check');
  const { events } = await run(words);
  expectForeseen(check.events, events);
  await expectRecovered(lab, scene, events);
}

/** `latest`: the leader archives what it has first, and that is recovered, too. */
async function takesAllOver(lab: Lab): Promise<void> {
  const scene = await sceneOn(lab);
  const words = recover(lab, scene, 'target_time=latest', 'auto_start=true');
  const check = await run(words, '--check');
  const { events } = await run(words);
  expectForeseen(check.events, events);
  await expectRecovered(lab, asItIsNow(scene), events);
}

async function rollsBack(lab: Lab): Promise<void> {
  const scene = await sceneOn(lab);
  const before = await inodeOfData(lab, scene.target);
  await run(recover(lab, scene));
  await expectIsolated(lab, scene);
  await expectRows(lab, scene);
  const status = await pitr(['status', '-i', lab.files.metalInventory]);
  expect(status.stdout).toMatch(new RegExp(`${scene.leader} +leader`));
  await run(played(lab, 'rollback.yml', `target=${scene.target}`));
  await expectAsBefore(lab, scene, before);
  // From now on a recovery was tried.
  const { findings } = await doctor(lab.files.metalInventory, ['--only', 'backups.drill']);
  expect(findings).toMatchObject([{ check: 'backups.drill', severity: 'ok' }]);
}

/** A timeline that has a history began with a recovery: one before it, or its own where it is made alone. */
async function readsPackedHistory(lab: Lab): Promise<void> {
  await healthy(lab, 180_000);
  if ((await timelineOf(lab)) === 1) await takesOver(lab);
  await expectPackedHistory(lab, await timelineOf(lab));
  await rollsBack(lab);
}

async function timelineOf(lab: Lab): Promise<number> {
  return Math.max(...(await readMembers(lab)).map(({ timeline }) => timeline ?? 0));
}

async function undoes(lab: Lab): Promise<void> {
  const scene = await sceneOn(lab);
  const before = await inodeOfData(lab, scene.target);
  const { events } = await run(recover(lab, scene));
  const undo = withoutWaits(await pitr(['undo', runIdOf(events), '--yes']));
  expect([undo.stderr, undo.exitCode]).toEqual(['', 0]);
  await expectAsBefore(lab, scene, before);
}

async function resumes(lab: Lab): Promise<void> {
  const scene = await sceneOn(lab);
  const words = recover(lab, scene, 'auto_start=true');
  const killed = await killedAt({ during: 'Stop the old leader, last', afterMs: 300 }, words);
  expect([killed.error, killed.killed]).toEqual([undefined, true]);
  const { events } = await run(['resume', killed.runId]);
  await expectRecovered(lab, scene, events);
}

async function reverts(lab: Lab): Promise<void> {
  const scene = await sceneOn(lab);
  const before = await keptBeside(lab);
  const words = recover(lab, scene, 'auto_start=true');
  const check = await run(words, '--check');
  const { events } = await run(words);
  expectForeseen(check.events, events);
  await expectRecovered(lab, scene, events);
  const runs = [runIdOf(events)];
  const { events: reverted } = await run(
    played(lab, 'revert.yml', `recovery_run=${runs[0]}`, `leader=${scene.leader}`),
  );
  runs.push(runIdOf(reverted));
  await healthy(lab, 180_000);
  expect(await currentLeader(lab)).toBe(scene.leader);
  const { rowsNow } = scene.accident.tables.payments;
  expect(await rowsOf(lab, scene.leader)).toBe(String(rowsNow));
  for (const host of lab.shape.members) expect([host, await walOf(lab, host)]).toEqual([host, walIn(lab)]);
  for (const runId of runs) {
    const commit = withoutWaits(await pitr(['commit', runId, '--yes']));
    expect([commit.stderr, commit.exitCode]).toEqual(['', 0]);
  }
  // What journeys before it have kept is not theirs.
  expect((await keptBeside(lab)).filter((path) => !before.includes(path))).toEqual([]);
  await healthy(lab, 180_000);
}

/** What lies beside the data and the WAL of each node, as `node: path`. */
async function keptBeside(lab: Lab): Promise<readonly string[]> {
  const lists = lab.shape.members.map(async (host) => {
    const places = `${lab.shape.dataDirectory(host)}.* ${walDirectory}.*`;
    const { stdout } = await lab.exec(host, ['sh', '-c', `ls -d ${places}`]);
    return stdout
      .split('\n')
      .filter((path) => path !== '')
      .map((path) => `${host}: ${path}`);
  });
  return (await Promise.all(lists)).flat();
}

/** With --check and without, in the first plays: what cannot be renamed. */
async function isRefused(lab: Lab): Promise<void> {
  const scene = await sceneOn(lab);
  const before = await inodeOfData(lab, scene.target);
  for (const more of [[], ['--check']]) {
    const words = [...recover(lab, scene, 'auto_start=true'), '--output', 'json', '--yes', ...more];
    const { events } = await pitr(words);
    expect(runError(events)?.code).toBe('data-is-mount-point');
    expect(runError(events)?.next?.length ?? 0).toBeGreaterThan(1);
    expect(tasksThat('changed', events)).toEqual([]);
  }
  await expectAsBefore(lab, scene, before);
}
