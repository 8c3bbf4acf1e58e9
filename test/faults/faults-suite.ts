import { afterEach, beforeAll, describe, it } from 'vitest';
import type { Lab } from '../../lab/lab.ts';
import { hostNames } from '../../lab/topology.ts';
import { accidentOn, healthy, type Scene, sharedLab } from '../support/lab.ts';
import { type Before, stateBefore } from './cluster-state.ts';
import { bringBack } from './inject-barman.ts';
import { type Fault, Stage } from './stage.ts';

let lab: Lab;
let stage: Stage | undefined;
/** In which recoveries are taken back, one after the other. */
let settled: Awaited<ReturnType<typeof setting>> | undefined;

/**
 * Recoveries with one fault each: how they end, what is told, what state things are in, and that `pitr resume` or
 * `pitr undo` leads to a healthy cluster. `PITR_TRANSPORT=ssh` chooses the transport where a fault does not.
 */
export function recoverWithFaults(faults: readonly Fault[]): void {
  beforeAll(async () => {
    lab = await sharedLab();
    await mendAsFound(lab);
  });

  afterEach(async ({ task }) => {
    await stage?.settle();
    stage = undefined;
    // What is left of it is not to spoil the next one.
    if (task.result?.state === 'fail') settled = undefined;
  });

  const light = faults.filter(({ ownScene }) => ownScene !== true);
  describe.runIf(light.length > 0)('a recovery that is taken back afterwards', () => {
    // Not `it.each`: it cuts long names off.
    for (const { name, play } of light) {
      it(name, async () => {
        settled ??= await setting();
        stage = new Stage(lab, settled.scene, settled.before);
        await play(stage);
      });
    }
  });

  const heavy = faults.filter(({ ownScene }) => ownScene === true);
  describe.runIf(heavy.length > 0)('a cluster that is changed for good', () => {
    for (const { name, play } of heavy) {
      it(name, async () => {
        const { scene, before } = await setting();
        stage = new Stage(lab, scene, before);
        await play(stage);
      });
    }
  });
}

/** A healthy cluster, and an accident in it. */
async function setting(): Promise<{ readonly scene: Scene; readonly before: Before }> {
  lab = await sharedLab();
  await healthy(lab);
  const scene = await accidentOn(lab);
  return { scene, before: await stateBefore(lab, scene.target) };
}

/** A suite that was killed could not take its last fault away. */
async function mendAsFound(found: Lab): Promise<void> {
  await bringBack(found);
  await Promise.all(
    hostNames.map((host) =>
      found.mustExec(host, ['sh', '-c', 'pkill -CONT -x "patroni|etcd" || :; supervisorctl start all']),
    ),
  );
}
