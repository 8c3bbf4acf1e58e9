import { beforeAll, expect, it } from 'vitest';
import { silent } from '../../lab/progress.ts';
import { labSeed } from '../../lab/seed.ts';
import type { Finding } from '../../lib/recovery/doctor/finding.ts';
import { CHECKS } from '../../lib/recovery/doctor/registry.ts';
import { healthy, sharedLab } from '../support/lab.ts';
import { pitr } from '../support/pitr.ts';
import { play } from '../support/play.ts';
import { ARCHIVE_FAULTS } from './faults-of-archives.ts';
import { CLUSTER_FAULTS } from './faults-of-clusters.ts';
import { HOST_FAULTS } from './faults-of-hosts.ts';
import { examined, type Fault, openStage, type Planted } from './stage.ts';

const FAMILIES = { hosts: HOST_FAULTS, archives: ARCHIVE_FAULTS, clusters: CLUSTER_FAULTS } as const;

const FAULTS = Object.values(FAMILIES).flat();

// A lab that was just made has no backup, and nobody has tried a recovery on it.
beforeAll(async () => {
  await labSeed(await sharedLab(), silent);
  const { lab, replica, inventory } = await openStage();
  const tried = await play(inventory, 'recover.yml', { target: replica, target_time: 'latest' });
  expect(tried.error).toBeUndefined();
  const undo = await pitr(['undo', tried.runId, '--yes']);
  expect([undo.stderr, undo.exitCode]).toEqual(['', 0]);
  // A recovery leaves its logs until pitr commit.
  await lab.mustExec(replica, ['rm', '-rf', `${lab.shape.dataDirectory(replica)}.pitr-run`]);
  await healthy(lab);
});

it('every check has a fault that it finds', () => {
  const planted = new Set(FAULTS.map(({ check }) => check));
  const ids = CHECKS.map(({ id }) => id);
  expect(ids.filter((id) => !planted.has(id))).toEqual([]);
});

/** The faults that no finding tells, or that one tells without a meaning or a way to mend it. */
function missed(faults: readonly Fault[], found: readonly Finding[]): readonly string[] {
  const tells = ({ check, says }: Fault): boolean =>
    found.some(
      ({ check: id, text = '', meaning = '', mend = [] }) =>
        id === check && says.test(text) && meaning.endsWith('.') && mend.length > 0,
    );
  return faults.filter((fault) => !tells(fault)).map(({ check, what }) => `${check} does not tell: ${what}`);
}

const noise = (found: readonly Finding[]): readonly string[] =>
  found.map(({ check, text }) => `${check} tells what is not there: ${text ?? ''}`);

/** Planted one after the other, looked for all at once, and taken back in the reverse order. */
async function plantedAndFound(faults: readonly Fault[]): Promise<void> {
  // who leads may have changed with the faults before
  const stage = await openStage();
  const checks = faults.map(({ check }) => check);
  await examined(stage, checks, noise);
  const planted: Planted[] = [];
  try {
    for (const fault of faults) planted.push(await fault.plant(stage));
    const words = planted.find(({ args, inventory, env }) => args ?? inventory ?? env);
    const found = await examined(stage, checks, (seen) => missed(faults, seen), words);
    expect(missed(faults, found)).toEqual([]);
  } finally {
    const stays: unknown[] = [];
    for (const { takeBack } of planted.reverse()) await takeBack().catch((thrown) => stays.push(thrown));
    expect(stays).toEqual([]);
  }
  await healthy(stage.lab, 180_000);
  expect(noise(await examined(stage, checks, noise))).toEqual([]);
}

it.each(Object.entries(FAMILIES))(
  'faults of %s are found, all of them at once, and not any more when they are taken back',
  { timeout: 1_200_000 },
  (_, faults) => plantedAndFound(faults.filter(({ apart }) => apart !== true)),
);

it.each(FAULTS.filter(({ apart }) => apart === true))(
  '$check finds it alone: $what',
  { timeout: 900_000 },
  (fault) => plantedAndFound([fault]),
);
