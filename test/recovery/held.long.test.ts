import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { currentLeader } from '../../lab/cluster.ts';
import type { Lab } from '../../lab/lab.ts';
import { type DatabaseHost, dataDirectory, postgresHome } from '../../lab/topology.ts';
import { waitFor } from '../../lab/wait.ts';
import { others } from '../faults/cluster-state.ts';
import { accidentOn, chosenInventory, healthy, type Scene, sharedLab } from '../support/lab.ts';
import { type PitrResult, pitr, runError, tasksThat } from '../support/pitr.ts';

let lab: Lab;
let scene: Scene;

beforeAll(async () => {
  lab = await sharedLab();
  scene = await accidentOn(lab);
});
afterAll(async () => {
  await configure('');
  await healthy(lab, 180_000);
});

async function barman(script: string, ...args: readonly string[]): Promise<string> {
  return lab.mustExec('barman', ['sh', '-c', script, 'sh', ...args], { user: 'barman', deadlineMs: 300_000 });
}

/** Lines at the end of the configuration of the leader's Barman server, instead of those that were put there before. */
async function configure(lines: string): Promise<void> {
  const edit = `sed -i '/^# of a test/,$d' "$1"; [ -z "$2" ] || printf '# of a test\\n%s\\n' "$2" >>"$1"`;
  await lab.mustExec('barman', [
    'sh',
    '-c',
    edit,
    'sh',
    `/etc/barman.d/${scene.accident.backup.server}.conf`,
    lines,
  ]);
}

async function keepStatus(): Promise<string> {
  const { server, id } = scene.accident.backup;
  return /Keep: (\w+)/.exec(await barman('barman keep --status "$1" "$2"', server, id))?.[1] ?? '';
}

async function backupIds(server: string): Promise<readonly string[]> {
  return (await barman('barman list-backup --minimal "$1"', server)).split('\n').filter(Boolean);
}

function play(
  playbook: string,
  vars: Readonly<Record<string, string>> = {},
  ...more: readonly string[]
): Promise<PitrResult> {
  const extra = Object.entries(vars).flatMap(([key, value]) => ['-e', `${key}=${value}`]);
  const common = ['-i', chosenInventory(lab), '--output', 'json', '--yes', '-e', `target=${scene.target}`];
  return pitr(['play', playbook, ...common, ...extra, ...more]);
}

const toBefore = () => ({ target_time: scene.accident.before, backup: scene.accident.backup.id });
const runOf = ({ events }: PitrResult) =>
  events.flatMap((event) => (event.type === 'run.started' ? [event.runId] : []))[0] ?? '';

describe('a recovery that waits while a retention policy would delete what it rests on', () => {
  it('has its backup held, replays after newer backups, and lets go of it when it is taken back', async () => {
    const { server, id } = scene.accident.backup;
    await configure('retention_policy = REDUNDANCY 1');
    expect(await keepStatus()).toBe('nokeep');
    const run = await play('recover.yml', { ...toBefore(), restore: 'false' });
    expect(runError(run.events)).toBeUndefined();
    expect(await keepStatus()).toBe('full');

    // The first of two newer ones is obsolete: when it is gone, the policy has been enforced.
    await barman('barman -q backup --wait --wait-timeout 120 "$1"', server);
    const [between = ''] = (await backupIds(server)).filter((one) => one !== id);
    await barman('barman -q backup --wait --wait-timeout 120 "$1"', server);
    const left = await waitFor({
      what: `Barman to delete ${between}`,
      deadlineMs: 300_000,
      everyMs: 1000,
      attempt: async () => {
        await barman('barman -q cron');
        return backupIds(server);
      },
      done: (ids) => !ids.includes(between),
      describe: (ids) => ids.join(', '),
    });
    expect(left).toContain(id);

    expect(runError((await play('replay.yml')).events)).toBeUndefined();
    expect(runError((await play('rollback.yml')).events)).toBeUndefined();
    expect(await keepStatus()).toBe('nokeep');
    await configure('');
  });

  it('holds it through the cut-over, and pitr commit lets go of it', async () => {
    const run = await play('recover.yml', { ...toBefore(), auto_start: 'true' });
    expect(runError(run.events)).toBeUndefined();
    await healthy(lab);
    expect(await currentLeader(lab)).toBe(scene.target);
    expect(await keepStatus()).toBe('full');

    const list = await pitr(['backups', '-i', chosenInventory(lab), '--output', 'json']);
    const rows: readonly {
      id?: string;
      ranges?: readonly { timeline: number; from: string; to: string; gaps: readonly unknown[] }[];
    }[] = list.stdout
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line));
    const ranges = rows.find(({ id }) => id === scene.accident.backup.id)?.ranges ?? [];
    const old = ranges.find(({ timeline }) => timeline === scene.timeline);
    const before = scene.accident.before.replace('T', ' ').replace('+00:00', '+00');
    expect(old?.gaps).toEqual([]);
    expect(old !== undefined && old.from < before && before < old.to).toBe(true);
    expect(Math.max(...ranges.map(({ timeline }) => timeline))).toBeGreaterThan(scene.timeline);

    const kept = async (host: DatabaseHost) =>
      (await lab.mustExec(host, ['ls', postgresHome])).includes(runOf(run));
    const [last] = others(scene.target);
    if (last === undefined) throw new Error('the lab has one member only');
    // A limit is about what is removed: the leader is looked at for the proof all the same.
    const checked = await pitr(['commit', runOf(run), '--check', '--limit', `barman:${last}`]);
    expect(checked.exitCode, checked.stdout + checked.stderr).toBe(0);
    expect(checked.stdout).toContain(`${scene.target} leads`);
    const most = await pitr(['commit', runOf(run), '--yes', '--limit', `all:!${last}`]);
    expect(most.exitCode, most.stdout + most.stderr).toBe(0);
    expect(most.stdout).toMatch(new RegExp(`Still kept: \\S+ on ${last}`));
    expect([await kept(scene.target), await kept(last)]).toEqual([false, true]);

    const commit = await pitr(['commit', runOf(run), '--yes', '--output', 'json']);
    expect(commit.exitCode, commit.stdout + commit.stderr).toBe(0);
    expect(await kept(last)).toBe(false);
    expect(await keepStatus()).toBe('nokeep');
  });
});

describe('a compressed backup', () => {
  it('is refused before anything is touched without a staging path, and is counted unpacked', async () => {
    scene = await accidentOn(lab);
    const { server } = scene.accident.backup;
    await configure('backup_method = postgres\nbackup_compression = gzip\nreuse_backup = off');
    await barman('barman -q backup --wait --wait-timeout 120 "$1"', server);
    const id = (await barman('barman list-backup --minimal "$1" | head -n 1', server)).trim();
    const vars = { backup: id, target_time: 'latest' };
    const refused = await play('recover.yml', vars);
    expect(runError(refused.events)).toMatchObject({ kind: 'refused', code: 'staging-path-missing' });
    expect(tasksThat('changed', refused.events)).toEqual([]);

    const run = await play('recover.yml', { ...vars, staging_path: '/var/tmp', restore: 'false' });
    expect(runError(run.events)).toBeUndefined();
    const files = Number(
      (
        await lab.mustExec(scene.target, [
          'sh',
          '-c',
          'du -sb --exclude=pg_wal "$1" | cut -f1',
          'sh',
          `${postgresHome}/patroni${scene.target.slice(2)}`,
        ])
      ).trim(),
    );
    const space = run.events.flatMap((event) =>
      event.type === 'host.result' &&
      event.task.name === 'There is space for the restored data beside the live data'
        ? [Number((event.result as { needed_bytes?: number } | undefined)?.needed_bytes)]
        : [],
    )[0];
    expect(space).toBeGreaterThan(files * 0.95);
    expect(runError((await play('rollback.yml')).events)).toBeUndefined();
    await barman('barman delete "$1" "$2"', server, id);
    await configure('');
  });
});

describe('a recovery whose backup was deleted in Barman while it waited', () => {
  it('is taken back all the same, and leaves no note behind', async () => {
    scene = await accidentOn(lab);
    const { server } = scene.accident.backup;
    await barman('barman -q backup --wait --wait-timeout 120 "$1"', server);
    const id = (await barman('barman list-backup --minimal "$1" | head -n 1', server)).trim();
    const run = await play('recover.yml', { backup: id, target_time: 'latest', restore: 'false' });
    expect(runError(run.events)).toBeUndefined();
    await barman('barman keep --release "$1" "$2" && barman delete "$1" "$2"', server, id);

    const back = await play('rollback.yml');
    expect(runError(back.events)).toBeUndefined();
    const warned = back.events.flatMap((event) => (event.type === 'warning' ? [event.text] : []));
    expect(warned.join()).toContain(`Barman has no backup ${id} of ${server} any more`);
    const note = await lab.exec(scene.target, ['test', '-e', `${dataDirectory(scene.target)}.pitr.json`]);
    expect(note.exitCode).toBe(1);
  });
});
