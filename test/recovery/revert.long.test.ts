import { beforeAll, expect, it } from 'vitest';
import { currentLeader } from '../../lab/cluster.ts';
import type { Lab } from '../../lab/lab.ts';
import { rowCounts } from '../../lab/seed.ts';
import { databaseHosts, dataDirectory } from '../../lab/topology.ts';
import { others } from '../faults/cluster-state.ts';
import { accidentOn, chosenInventory, healthy, type Scene, sharedLab } from '../support/lab.ts';
import { pitr, runError } from '../support/pitr.ts';

let lab: Lab;
let scene: Scene;

beforeAll(async () => {
  lab = await sharedLab();
  scene = await accidentOn(lab);
});

const PATRONICTL = ['patronictl', '-c', '/etc/patroni/patroni.yml'];

async function play(playbook: string, vars: Readonly<Record<string, string>>, ...more: readonly string[]) {
  const extra = Object.entries(vars).flatMap(([name, value]) => ['-e', `${name}=${value}`]);
  const run = await pitr([
    'play',
    playbook,
    '-i',
    chosenInventory(lab),
    '--output',
    'json',
    '--yes',
    ...extra,
    ...more,
  ]);
  const started = run.events.find((event) => event.type === 'run.started');
  return { ...run, error: runError(run.events), runId: started?.runId ?? '' };
}

async function beside(): Promise<readonly string[]> {
  const lists = await Promise.all(
    databaseHosts.map((host) =>
      lab.mustExec(host, ['sh', '-c', 'ls -d "$1".* 2>/dev/null || true', 'sh', dataDirectory(host)]),
    ),
  );
  return lists.join('\n').split('\n').filter(Boolean);
}

it('after the cut-over revert.yml leads the whole cluster back, and pitr commit lets go of what is kept', async () => {
  const recovered = await play('recover.yml', {
    target: scene.target,
    backup: scene.accident.backup.id,
    target_time: scene.accident.before,
    auto_start: 'true',
    new_backup: 'false',
  });
  expect(recovered.error).toBeUndefined();
  expect((await rowCounts(lab, scene.target)).payments).toBe(scene.accident.tables.payments.rowsThen);

  const wrong = await play('revert.yml', { recovery_run: recovered.runId, leader: scene.target });
  expect(wrong.error).toMatchObject({ kind: 'refused', code: 'not-the-old-leader' });

  const [last] = others(scene.leader).filter((host) => host !== scene.target);
  const back = { recovery_run: recovered.runId, leader: scene.leader };
  const withoutOne = await play('revert.yml', back, '--limit', `all:!${last}`);
  expect(withoutOne.error).toMatchObject({ kind: 'refused', code: 'member-not-in-inventory' });
  await lab.mustExec(scene.target, [...PATRONICTL, 'pause', '--wait'], { user: 'postgres' });
  const paused = await play('revert.yml', back);
  expect(paused.error).toMatchObject({ kind: 'refused', code: 'cluster-paused' });
  await lab.mustExec(scene.target, [...PATRONICTL, 'resume', '--wait'], { user: 'postgres' });
  expect(await currentLeader(lab)).toBe(scene.target);

  const reverted = await play('revert.yml', back);
  expect(reverted.error).toBeUndefined();
  expect(await currentLeader(lab)).toBe(scene.leader);
  expect((await rowCounts(lab, scene.leader)).payments).toBe(scene.accident.tables.payments.rowsNow);
  await healthy(lab);

  expect((await beside()).filter((path) => path.endsWith(`.reverted.${reverted.runId}`))).toHaveLength(4);
  const asked = await pitr(['commit', reverted.runId]);
  expect(asked.exitCode).toBe(5);
  expect(asked.stderr).toContain('there is no terminal to ask');
  const committed = await pitr(['commit', reverted.runId, '--yes']);
  expect(committed.exitCode).toBe(0);
  const left = (await beside()).filter(
    (path) => path.includes(recovered.runId) || path.includes(reverted.runId),
  );
  expect(left).toEqual([]);

  for (const run of [recovered.runId, reverted.runId]) {
    const undo = await pitr(['undo', run, '--yes']);
    expect({ exitCode: undo.exitCode, refused: undo.stderr.includes('was committed by') }).toEqual({
      exitCode: 5,
      refused: true,
    });
  }
});
