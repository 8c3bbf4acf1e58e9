import { beforeAll, expect, it } from 'vitest';
import type { Lab } from '../../lab/lab.ts';
import { proveRecovery } from '../../lab/proof.ts';
import { type DatabaseHost, databaseHosts } from '../../lab/topology.ts';
import { accidentOn, chosenInventory, healthy, type Scene, sharedLab } from '../support/lab.ts';
import { play } from '../support/play.ts';

const LONG = 1_200_000;
const CONFIG = '/etc/supervisor/conf.d/patroni.conf';

let lab: Lab;
let scene: Scene;

beforeAll(async () => {
  lab = await sharedLab();
});

/** Whoever stops Patroni on this node ends it with this signal. */
async function stopsBy(node: DatabaseHost, signal: 'TERM' | 'KILL'): Promise<void> {
  const change = `sed -i 's/^stopsignal=.*/stopsignal=${signal}/' ${CONFIG} && supervisorctl update patroni`;
  await lab.mustExec(node, ['sh', '-c', change]);
}

it(
  'a leader whose Patroni is killed keeps the leader lock until its ttl is over: a cut-over waits for that, and its node leads',
  async () => {
    for (const node of databaseHosts) await stopsBy(node, 'KILL');
    try {
      await healthy(lab, 180_000);
      scene = await accidentOn(lab);
      const recovered = await play(chosenInventory(lab), 'recover.yml', {
        target: scene.target,
        backup: scene.accident.backup.id,
        target_time: scene.accident.before,
        auto_start: 'true',
      });
      expect(recovered.error).toBeUndefined();
      const waited = recovered.events.flatMap((event) =>
        event.type === 'host.progress' && event.text.includes('holds the leader lock') ? [event.text] : [],
      );
      expect(waited).toContain(`${scene.leader} still holds the leader lock`);
      const evidence = await proveRecovery(lab, scene.accident, scene.target, scene.timeline);
      expect(evidence.filter(({ holds }) => !holds)).toEqual([]);
    } finally {
      for (const node of databaseHosts) await stopsBy(node, 'TERM');
      await healthy(lab, 180_000);
    }
  },
  LONG,
);
