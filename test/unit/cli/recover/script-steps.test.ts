import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { RecoverOrder } from '../../../../cli/recover/order.ts';
import { ScriptSteps } from '../../../../cli/recover/script-steps.ts';
import type { PitrEvent } from '../../../../lib/engine/events/events.ts';
import { productPlaybooks } from '../../../../lib/language/playbook/assets.ts';
import { loadPlaybook } from '../../../../lib/language/playbook/load.ts';
import { flatTasks } from '../../../../lib/language/playbook/load-steps.ts';

const order: RecoverOrder = {
  backup: '20260123T120000',
  targetTime: 'latest',
  target: 'db2',
  restore: true,
  autoStart: true,
  acceptGap: false,
  allowLeader: false,
};

/** What the script's reader sees of tasks that all went well, each `[stage, host, result]`. */
function told(
  tasks: readonly (readonly [stage: string, host: string, result: object, status?: 'ok'])[],
): string {
  const steps = new ScriptSteps(order);
  const lines = tasks.flatMap(([stage, host, result, status]) => {
    const task = { id: '1', name: stage, module: 'any.module', at: { file: 'a', line: 1, column: 1 }, stage };
    const events: PitrEvent[] = [
      { type: 'task.started', time: 0, task, hosts: [host], handler: false },
      { type: 'host.result', time: 0, task, host, status: status ?? 'changed', durationMs: 1, result },
    ];
    return events.flatMap((event) => steps.lines(event) ?? []);
  });
  return lines.map(({ kind, text }) => `${kind === 'done' ? '✓ ' : ''}${text}`).join('\n');
}

const backup = {
  id: '20260123T120000',
  server: 'db1',
  begin_time: '2026-01-23 12:00:00+00',
  end_time: '2026-01-23 12:00:15+00',
  begin_wal: '0000000100000006000000CC',
  end_wal: '0000000100000006000000CC',
};
const wal = {
  target_time: 'latest',
  latest: true,
  timeline: 1,
  segments: 3,
  archived_until: { wal: '0000000100000006000000CD', time: '2026-01-23 12:30:00+00' },
};

/** Stages that only some recoveries have something to tell at. */
const SILENT = ['verify'];

/** A whole takeover: what the tasks that the script had a step for give. */
const TAKEOVER = [
  ['backup', 'db1', backup],
  ['wal', 'db1', wal],
  ['space', 'db2', { free_bytes: 4e9, needed_bytes: 2e9, mount: '/' }],
  ['wal-again', 'db2', wal],
  ['restore', 'db2', { destination: '/data/p2.pitr', bytes: 2e9, files: 1000 }],
  ['aim', 'db2', {}],
  ['leave', 'db2', { service: 'stopped' }],
  ['keep-data', 'db2', { src: '/data/p2', dest: '/data/p2.pre-pitr.r' }],
  ['place-data', 'db2', { src: '/data/p2.pitr', dest: '/data/p2' }],
  ['start', 'db2', {}],
  ['replay', 'db2', { reached: 'end-of-wal', lsn: '6/CE000000', last_commit: '2026-01-23 12:29:58+00' }],
  ['promote', 'db2', { timeline: 2 }],
  ['stop-member', 'db1', { service: 'stopped' }],
  ['hand-over', 'db2', { service: 'running' }],
  ['lead', 'db2', {}],
  ['rejoin-stop', 'db1', { service: 'stopped' }],
  ['rejoin-keep', 'db1', { src: '/data/p1', dest: '/data/p1.pre-pitr.r' }],
  [
    'rejoin-rewind',
    'db1',
    { rewound: true, how: 'servers diverged at WAL location 0/9000000 on timeline 1' },
  ],
  ['rejoin-rewind', 'db3', { rewound: false, why: 'pg_rewind has failed' }],
  ['rejoin-copy', 'db1', { copied_by: 'patroni', member: 'db1', leader: 'db2', timeline: 2 }],
  // Of a run that was resumed: somebody had started it meanwhile, so that nothing was rebuilt, and it was proved.
  ['rejoin-copy', 'db3', {}, 'ok'],
  ['rejoin', 'db3', { member: 'db3', leader: 'db2', timeline: 2 }],
] as const;

describe('the steps of the script', () => {
  it('have the numbers, the order and the words of the manual, in a whole takeover', () => {
    const text = told(TAKEOVER);
    expect(text).toMatchInlineSnapshot(`
      "[1/8] Verifying backup exists...
      ✓ Backup found on server: db1
      [2/8] Backup details:
      Backup 20260123T120000
      Begin time: 2026-01-23 12:00:00+00
      End time: 2026-01-23 12:00:15+00
      Begin WAL: 0000000100000006000000CC
      End WAL: 0000000100000006000000CC
      [3/8] Checking WAL archiving status...
      Last archived: 0000000100000006000000CD at 2026-01-23 12:30:00+00
      ✓ WAL sequence is complete: 3 segments on timeline 1, all on disk
      [4/8] Creating recovery directory on db2...
      ✓ Room for it: 1.9 GiB needed, 3.7 GiB free on /
      Last archived: 0000000100000006000000CD at 2026-01-23 12:30:00+00
      [5/8] Performing PITR recovery...
      Recovering to latest available state (end of WAL)...
      ✓ Base backup restored; WAL is not replayed yet
      [6/8] Verifying recovery files...
      ✓ Recovery files created on db2: /data/p2.pitr
      Recovery directory size: 1.9 GiB in 1000 files
      [7.1/10] Stopping Patroni on db2...
      ✓ Patroni stopped
      [7.2/10] Verifying db2 is not in cluster...
      ✓ db2 is not in cluster: no PostgreSQL works on its data
      [7.3/10] Backing up current data directory...
      ✓ Data backed up to /data/p2.pre-pitr.r
      [7.4/10] Copying recovered data...
      ✓ Files in place: /data/p2
      [7.5/10] Setting permissions...
      ✓ Permissions set: proved in step 6
      [7.6/10] Configuring recovery settings...
      ✓ Recovery configured
      [7.7/10] Starting PostgreSQL recovery...
      ✓ PostgreSQL started in recovery mode, isolated
      [7.8/10] Monitoring recovery progress...
      Recovery in progress...
      ✓ Recovery completed at 2026-01-23 12:29:58+00 (6/CE000000, at the end of the archived WAL)
      [7.9/10] Promoting node...
      ✓ Promoted, still isolated: timeline 2
      db1: Patroni stopped
      db2: Patroni started
      ✓ db2 is now the leader!
      [7.10/10] Reinitializing other nodes...
      db1: Patroni stopped
      db1: old data kept in /data/p1.pre-pitr.r
      db1: a copy of its old data is rewound to the new history
      ✓ db1 streams from db2 on timeline 2
      ✓ db3 streams from db2 on timeline 2"
    `);
    expect([...text.matchAll(/^\[([\d./]+)\]/gm)].map((match) => match[1])).toEqual([
      ...['1/8', '2/8', '3/8', '4/8', '5/8', '6/8'],
      ...[
        '7.1/10',
        '7.2/10',
        '7.3/10',
        '7.4/10',
        '7.5/10',
        '7.6/10',
        '7.7/10',
        '7.8/10',
        '7.9/10',
        '7.10/10',
      ],
    ]);
  });

  it('are told by the stages of recover.yml, in their order', async () => {
    const { plays } = await loadPlaybook(join(productPlaybooks(), 'recover.yml'));
    const stages = plays.flatMap(({ tasks }) => flatTasks(tasks)).flatMap(({ stage }) => stage ?? []);
    const spoken = TAKEOVER.map(([stage]) => stage);
    expect([...new Set(stages)].filter((stage) => !SILENT.includes(stage))).toEqual([...new Set(spoken)]);
  });

  it('never speak of the target that was asked for where the recovery ends before a gap', () => {
    const words = 'the end of the WAL before the gap (2026-01-23 12:10:00+00)';
    const gap = { missing: ['0000000100000006000000CD'], wanted: 'latest' };
    expect(
      told([
        ['wal', 'db1', { ...wal, words, gap }],
        ['restore', 'db2', { destination: '/data/p2.pitr' }],
      ]),
    ).toContain(`
✓ WAL sequence is complete up to ${words}: 3 segments on timeline 1, all on disk
[5/8] Performing PITR recovery...
Recovering to ${words}...`);
  });

  it('no tick is given for what failed', () => {
    const steps = new ScriptSteps(order);
    const task = { id: '1', name: 'x', module: 'x', at: { file: 'a', line: 1, column: 1 }, stage: 'restore' };
    expect(
      steps.lines({ type: 'host.result', time: 0, task, host: 'db2', status: 'failed', durationMs: 1 }),
    ).toBeUndefined();
  });
});
