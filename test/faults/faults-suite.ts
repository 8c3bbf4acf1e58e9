import { afterEach, beforeAll, describe, it } from 'vitest';
import type { Lab } from '../../lab/lab.ts';
import { hostNames } from '../../lab/topology.ts';
import { accidentOn, healthy, type Scene, sharedLab } from '../support/lab.ts';
import { type Before, stateBefore } from './cluster-state.ts';
import { bringBack } from './inject-barman.ts';
import { type Fault, Stage } from './stage.ts';

// A member that does not come back is given up after a while in which nothing new is seen of it.
const OWN_SCENE_MS = 600_000;

let lab: Lab;
let stage: Stage | undefined;

/**
 * Recoveries with one fault each: how they end, what is told, what state things are in, and that `pitr resume` or
 * `pitr undo` leads to a healthy cluster. `PITR_TRANSPORT=ssh` chooses the transport where a fault does not.
 */
export function recoverWithFaults(faults: readonly Fault[]): void {
  beforeAll(async () => {
    lab = await sharedLab();
    await mendAsFound(lab);
  });

  afterEach(async () => {
    await stage?.settle();
    stage = undefined;
  });

  const light = faults.filter(({ ownScene }) => ownScene !== true);
  describe.runIf(light.length > 0)('a recovery that is taken back afterwards', () => {
    let scene: Scene;
    let before: Before;
    beforeAll(async () => {
      scene = await accidentOn(lab);
      before = await stateBefore(lab, scene.target);
    });

    // Not `it.each`: it cuts long names off.
    for (const { name, play } of light) {
      it(name, async () => {
        stage = new Stage(lab, scene, before);
        await play(stage);
      });
    }
  });

  const heavy = faults.filter(({ ownScene }) => ownScene === true);
  describe.runIf(heavy.length > 0)('a cluster that is changed for good', () => {
    for (const { name, play } of heavy) {
      it(
        name,
        async () => {
          await healthy(lab);
          const scene = await accidentOn(lab);
          stage = new Stage(lab, scene, await stateBefore(lab, scene.target));
          await play(stage);
        },
        OWN_SCENE_MS,
      );
    }
  });
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
