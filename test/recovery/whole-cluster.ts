import { beforeAll, describe, expect, it } from 'vitest';
import type { Lab } from '../../lab/lab.ts';
import { proveRecovery } from '../../lab/proof.ts';
import { expectForeseen } from '../support/foreseen.ts';
import { accidentOn, asItIsNow, type Scene, sharedLab } from '../support/lab.ts';
import { pitr, runError } from '../support/pitr.ts';

/** One way of recovering: how hosts are reached, to which moment, and how WAL is fetched. */
export interface Way {
  readonly transport: 'docker' | 'ssh';
  readonly moment: 'time' | 'latest';
  readonly walMethod: 'barman-wal-restore' | 'barman-get-wal';
}

/** Each recovery finds the cluster as the one before left it: other leader, newer timeline, several Barman servers. */
export function recoverInEachWay(ways: readonly Way[]): void {
  describe.each(ways)(
    'recover.yml over $transport to $moment with $walMethod',
    ({ transport, moment, walMethod }) => {
      let lab: Lab;
      let scene: Scene;
      let arguments_: readonly string[];

      beforeAll(async () => {
        lab = await sharedLab();
        scene = await accidentOn(lab);
        const inventory = transport === 'docker' ? lab.files.dockerInventory : lab.files.sshInventory;
        arguments_ = [
          'play',
          'recover.yml',
          '-i',
          inventory,
          '--output',
          'json',
          '--yes',
          '-e',
          `target=${scene.target}`,
          '-e',
          `backup=${scene.accident.backup.id}`,
          '-e',
          `target_time=${moment === 'latest' ? 'latest' : scene.accident.before}`,
          '-e',
          `wal_method=${walMethod}`,
          '-e',
          'auto_start=true',
        ];
      });

      it('brings the whole cluster to the moment, and --check said beforehand what would change', async () => {
        const check = await pitr([...arguments_, '--check']);
        expect(runError(check.events)).toBeUndefined();
        expect(check.exitCode).toBe(0);

        const run = await pitr(arguments_);
        expect(runError(run.events)).toBeUndefined();
        expect(run.exitCode).toBe(0);
        expectForeseen(check.events, run.events);

        const wanted = moment === 'latest' ? asItIsNow(scene) : scene;
        const evidence = await proveRecovery(lab, wanted.accident, scene.target, scene.timeline);
        expect(evidence.filter(({ holds }) => !holds)).toEqual([]);
      });
    },
  );
}
