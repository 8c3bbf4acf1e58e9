import { beforeAll, describe, expect, it } from 'vitest';
import { archiveCurrentWal } from '../../lab/archive.ts';
import { currentLeader, readMembers } from '../../lab/cluster.ts';
import type { Lab } from '../../lab/lab.ts';
import { proveRecovery } from '../../lab/proof.ts';
import { rowCounts } from '../../lab/seed.ts';
import { clusterName, databaseHosts } from '../../lab/topology.ts';
import { waitFor } from '../../lab/wait.ts';
import { expectForeseen } from '../support/foreseen.ts';
import { accidentOn, chosenInventory, healthy, type Scene, sharedLab } from '../support/lab.ts';
import { pitr, runError } from '../support/pitr.ts';

let lab: Lab;
let scene: Scene;
/** The timeline of the recovery that is reverted. */
let recovered: number;
let putAside: string;

async function play(playbook: string, vars: Readonly<Record<string, string>>, ...more: readonly string[]) {
  const extra = Object.entries(vars).flatMap(([name, value]) => ['-e', `${name}=${value}`]);
  const inventory = chosenInventory(lab);
  const run = await pitr(['play', playbook, '-i', inventory, '--output', 'json', '--yes', ...extra, ...more]);
  expect(runError(run.events)).toBeUndefined();
  const started = run.events.find((event) => event.type === 'run.started');
  return { ...run, runId: started?.runId ?? '' };
}

async function timelines(): Promise<readonly number[]> {
  return [...new Set((await readMembers(lab)).map(({ timeline }) => timeline ?? 0))];
}

async function barman(script: string): Promise<string> {
  return lab.mustExec('barman', ['sh', '-c', script], { user: 'barman' });
}

/** What Barman has put aside, since it had something else of that name: the mark of a number that was used twice. */
async function aside(): Promise<string> {
  return barman('find /var/lib/barman/*/errors -type f 2>/dev/null | sort');
}

/** Names of history files that do not say the same on every server. */
async function differing(): Promise<string> {
  return barman(
    `cd /var/lib/barman && md5sum */wals/*.history | sed 's|  .*/| |' | sort -u | cut -d' ' -f2 | sort | uniq -d`,
  );
}

function recovery(auto_start: 'true' | 'false'): Readonly<Record<string, string>> {
  const { accident, target } = scene;
  return {
    target,
    backup: accident.backup.id,
    target_time: accident.before,
    auto_start,
    new_backup: 'false',
  };
}

beforeAll(async () => {
  lab = await sharedLab();
  scene = await accidentOn(lab);
  putAside = await aside();
  const first = await play('recover.yml', recovery('true'));
  await healthy(lab);
  recovered = (await timelines())[0] ?? 0;
  const vars = { recovery_run: first.runId, leader: scene.leader };
  const check = await play('revert.yml', vars, '--check');
  const reverted = await play('revert.yml', vars);
  expectForeseen(check.events, reverted.events);
});

describe('the number of a recovered timeline, after revert.yml', () => {
  it('is passed over: the old data goes on under the next free number, and every member follows', async () => {
    await healthy(lab);
    expect(recovered).toBe(scene.timeline + 1);
    expect(await timelines()).toEqual([recovered + 1]);
    expect(await currentLeader(lab)).toBe(scene.leader);
    for (const host of databaseHosts) {
      const { payments } = await rowCounts(lab, host);
      expect([host, payments]).toEqual([host, scene.accident.tables.payments.rowsNow]);
    }
  });

  it('is not taken by a switchover, also to the node that had it, and that archives to the same server', async () => {
    const to = ['--master', scene.leader, '--candidate', scene.target];
    const patronictl = ['patronictl', '-c', '/etc/patroni/patroni.yml'];
    // Up to its next round Patroni takes the position that the abandoned data had for that of its leader, and every member for
    // one that lags behind.
    await waitFor({
      what: `a switchover to ${scene.target}`,
      deadlineMs: 60_000,
      attempt: async () => {
        await lab.mustExec(scene.leader, [...patronictl, 'switchover', clusterName, ...to, '--force']);
        await healthy(lab);
        return currentLeader(lab);
      },
      done: (leads) => leads === scene.target,
      describe: (leads) => `${leads} leads`,
    });
    expect(await timelines()).toEqual([recovered + 2]);
    await archiveCurrentWal(lab, scene.target);
    expect(await aside()).toBe(putAside);
    expect(await differing()).toBe('');
  });

  it('nor by a second recovery of the same backup to the same moment, with cut-over', async () => {
    const before = await currentLeader(lab);
    const target = databaseHosts.find((host) => host !== before && host !== scene.leader) ?? 'db3';
    await play('recover.yml', { ...recovery('true'), target });
    await healthy(lab);
    expect(await timelines()).toEqual([recovered + 3]);
    const evidence = await proveRecovery(lab, scene.accident, target, recovered + 2);
    expect(evidence.filter(({ holds }) => !holds)).toEqual([]);
    expect(await aside()).toBe(putAside);
    expect(await differing()).toBe('');
  });
});
