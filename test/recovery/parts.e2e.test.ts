import { beforeAll, expect, it } from 'vitest';
import type { Lab } from '../../lab/lab.ts';
import { dataDirectory } from '../../lab/topology.ts';
import { accidentOn, chosenInventory, healthy, inodeOfData, type Scene, sharedLab } from '../support/lab.ts';
import { pitr, runError } from '../support/pitr.ts';
import { folder } from '../unit/language/playbook/support/folder.ts';

/** Old data beside the live node: pitr's own proofs and restore, in a playbook that leaves the cluster alone. */
const LOOK = `
- hosts: patroni
  any_errors_fatal: true
  defaults_files: [vars/recovery.yml]
  tasks:
    - patroni.cluster: {}
      register: cluster
      run_once: true
      delegate_to: "{{ target }}"
    - import_tasks: choose-backup.yml
    - import_tasks: prove-wal.yml

- hosts: "{{ target }}"
  any_errors_fatal: true
  defaults_files: [vars/recovery.yml]
  vars:
    staging: "{{ pgdata }}.look"
  tasks:
    - import_tasks: restore-tools.yml
    - import_tasks: own-data.yml
    - import_tasks: can-restore.yml
    - import_tasks: restore.yml
    - postgres.start: { pgdata: "{{ staging }}", mode: isolated }
    - postgres.replay:
        pgdata: "{{ staging }}"
        target: "{{ aimed.aim }}"
        last: "{{ wal.archived_until.wal }}"
    - postgres.query:
        pgdata: "{{ staging }}"
        database: shop
        sql: select count(*)::int as payments from payments
      stage: payments
`;

let lab: Lab;
let scene: Scene;

beforeAll(async () => {
  lab = await sharedLab();
  scene = await accidentOn(lab);
});

it("a playbook of one's own looks at old data beside the live node with the proofs and the restore of recover.yml", async () => {
  await using place = await folder({ 'look.yml': LOOK });
  const playbook = place.file('look.yml');
  const at = `${dataDirectory(scene.target)}/postmaster.pid`;
  const live = [await inodeOfData(lab, scene.target), await lab.mustExec(scene.target, ['head', '-1', at])];
  const vars = { target: scene.target, backup: scene.accident.backup.id, target_time: scene.accident.before };
  const run = await pitr([
    ...['play', playbook, '-i', chosenInventory(lab), '--output', 'json'],
    ...Object.entries(vars).flatMap(([name, value]) => ['-e', `${name}=${value}`]),
  ]);
  expect(runError(run.events)).toBeUndefined();
  const seen = run.events.flatMap((event) =>
    event.type === 'host.result' && event.task.stage === 'payments' ? [event.result] : [],
  );
  expect(seen).toMatchObject([{ rows: [{ payments: scene.accident.tables.payments.rowsThen }] }]);
  await healthy(lab);
  expect([
    await inodeOfData(lab, scene.target),
    await lab.mustExec(scene.target, ['head', '-1', at]),
  ]).toEqual(live);

  const [first] = run.events;
  const runId = first?.type === 'run.started' ? first.runId : '';
  expect((await pitr(['undo', runId, '--yes'])).exitCode).toBe(0);
  const left = await lab.exec(scene.target, ['test', '-e', `${dataDirectory(scene.target)}.look`]);
  expect(left.exitCode).toBe(1);
});
