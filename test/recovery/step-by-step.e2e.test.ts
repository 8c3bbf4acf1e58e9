import { beforeAll, describe, expect, it } from 'vitest';
import { currentLeader, sql } from '../../lab/cluster.ts';
import type { Lab } from '../../lab/lab.ts';
import { proveRecovery } from '../../lab/proof.ts';
import { rowCounts } from '../../lab/seed.ts';
import { dataDirectory, postgresBin } from '../../lab/topology.ts';
import { accidentOn, chosenInventory, healthy, inodeOfData, type Scene, sharedLab } from '../support/lab.ts';
import { type PitrResult, pitr, runError } from '../support/pitr.ts';

let lab: Lab;
let scene: Scene;

beforeAll(async () => {
  lab = await sharedLab();
  scene = await accidentOn(lab);
});

async function play(playbook: string, vars: Readonly<Record<string, string>> = {}): Promise<PitrResult> {
  const extra = Object.entries({ target: scene.target, ...vars }).flatMap(([name, value]) => [
    '-e',
    `${name}=${value}`,
  ]);
  return pitr(['play', playbook, '-i', chosenInventory(lab), '--output', 'json', '--yes', ...extra]);
}

async function succeeds(playbook: string, vars: Readonly<Record<string, string>> = {}): Promise<PitrResult> {
  const run = await play(playbook, vars);
  expect(runError(run.events)).toBeUndefined();
  expect(run.exitCode).toBe(0);
  return run;
}

const aim = () => ({ backup: scene.accident.backup.id, target_time: scene.accident.before });

describe('a recovery without auto_start', () => {
  it('leaves the target isolated at the moment while the rest of the cluster serves, and rollback.yml takes it back', async () => {
    const inode = await inodeOfData(lab, scene.target);
    await succeeds('recover.yml', aim());
    expect(await currentLeader(lab)).toBe(scene.leader);
    await sql(
      lab,
      scene.leader,
      'create table if not exists still_serving (at timestamptz default now()); insert into still_serving default values',
    );
    expect((await rowCounts(lab, scene.leader)).payments).toBe(scene.accident.tables.payments.rowsNow);
    const isolated = `${dataDirectory(scene.target)}.pitr-run`;
    const rows = await lab.mustExec(
      scene.target,
      [
        `${postgresBin}/psql`,
        '-XAtq',
        '-h',
        isolated,
        '-p',
        '5431',
        '-d',
        'shop',
        '-c',
        'select count(*) from payments',
      ],
      { user: 'postgres' },
    );
    expect(Number(rows)).toBe(scene.accident.tables.payments.rowsThen);

    const again = await play('recover.yml', aim());
    expect(runError(again.events)).toMatchObject({ kind: 'refused', code: 'recovery-waiting' });

    await succeeds('rollback.yml');
    expect(await inodeOfData(lab, scene.target)).toBe(inode);
    await healthy(lab);
  });

  it('prepared with restore=false starts nothing; replay.yml replays it and cutover.yml makes the cluster follow', async () => {
    await succeeds('recover.yml', { ...aim(), restore: 'false' });
    const running = await lab.exec(scene.target, ['pgrep', '-f', 'bin/postgres -D']);
    expect(running.exitCode).toBe(1);
    await succeeds('replay.yml');
    await succeeds('cutover.yml', { new_backup: 'false' });
    const evidence = await proveRecovery(lab, scene.accident, scene.target, scene.timeline);
    expect(evidence.filter(({ holds }) => !holds)).toEqual([]);
  });
});

describe('the other playbooks', () => {
  it('backup.yml backs up the leader, status.yml looks at everything and changes nothing', async () => {
    await succeeds('backup.yml');
    const status = await succeeds('status.yml');
    expect(
      status.events.filter((event) => event.type === 'host.result' && event.status === 'changed'),
    ).toEqual([]);
  });
});
