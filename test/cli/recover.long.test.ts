import { beforeAll, describe, expect, it } from 'vitest';
import { ailments, currentLeader } from '../../lab/cluster.ts';
import type { Lab } from '../../lab/lab.ts';
import { proveRecovery } from '../../lab/proof.ts';
import { dataDirectory, postgresBin } from '../../lab/topology.ts';
import type { PitrErrorJson } from '../../lib/base/errors/pitr-error.ts';
import { commandLine } from '../../lib/transport/quote.ts';
import { besideSegment } from '../support/beside-segment.ts';
import { accidentOn, healthy, inodeOfData, type Scene, sharedLab } from '../support/lab.ts';
import { type PitrResult, pitr } from '../support/pitr.ts';
import { lines, typeSteps } from '../support/typed-steps.ts';

let lab: Lab;
let scene: Scene;

beforeAll(async () => {
  lab = await sharedLab();
  scene = await accidentOn(lab);
});

type Transport = 'docker' | 'ssh';
const inventory = (transport: Transport): readonly string[] => [
  '-i',
  transport === 'docker' ? lab.files.dockerInventory : lab.files.sshInventory,
];

/** `pitr recover` to the moment before the accident. */
function recover(transport: Transport, ...words: readonly string[]): Promise<PitrResult> {
  const { backup, before } = scene.accident;
  return pitr(['recover', backup.id, before, ...inventory(transport), '--output', 'json', ...words]);
}

function errorOf(result: PitrResult): PitrErrorJson | undefined {
  const line = lines(result).findLast(({ error }) => error !== undefined);
  return line?.error as PitrErrorJson | undefined;
}

function succeeded(result: PitrResult): PitrResult {
  expect(errorOf(result)).toBeUndefined();
  expect({ exitCode: result.exitCode, stderr: result.stderr }).toEqual({ exitCode: 0, stderr: '' });
  return result;
}

async function rollBack(): Promise<void> {
  const back = await pitr([
    ...['play', 'rollback.yml', ...inventory('docker'), '-e', `target=${scene.target}`, '--output', 'json'],
  ]);
  expect(errorOf(back)).toBeUndefined();
  await healthy(lab);
}

const paymentsOn = async (socketDirectory: string): Promise<number> =>
  Number(
    await lab.mustExec(
      scene.target,
      [
        `${postgresBin}/psql`,
        ...[
          '-XAtq',
          '-h',
          socketDirectory,
          '-p',
          '5431',
          '-d',
          'shop',
          '-c',
          'select count(*) from payments',
        ],
      ],
      { user: 'postgres' },
    ),
  );

describe('pitr recover without --target', () => {
  it('over ssh: prepares the files, touches no node, and its printed steps lead to the moment and back', async () => {
    const inode = await inodeOfData(lab, scene.target);
    const leader = await currentLeader(lab);
    const result = succeeded(await recover('ssh', '--for', scene.target));
    expect(await ailments(lab)).toEqual([]);
    expect(await inodeOfData(lab, scene.target)).toBe(inode);
    const [prepared] = lines(result).filter(({ type }) => type === 'recover.prepared');
    expect(prepared).toMatchObject({ host: 'barman', owner: 'barman' });
    const mode = await lab.mustExec('barman', ['stat', '-c', '%U %a', String(prepared?.directory)]);
    expect(mode.trim()).toBe('barman 700');

    await typeSteps(result, 'apply');
    expect(await paymentsOn(`${dataDirectory(scene.target)}.pitr-run`)).toBe(
      scene.accident.tables.payments.rowsThen,
    );
    expect(await currentLeader(lab)).toBe(leader);
    await typeSteps(result, 'back');
    await healthy(lab);
    expect(await inodeOfData(lab, scene.target)).toBe(inode);
    await lab.mustExec(scene.target, ['sh', '-c', `rm -rf ${dataDirectory(scene.target)}.recovered.*`]);
  });

  it('refuses where there is no room, before anything is written', async () => {
    // a file system of 64 MB, which is less than backup and WAL
    const result = await recover('docker', '-e', 'prepare_directory=/dev/shm/pitr');
    expect(errorOf(result)).toMatchObject({ kind: 'refused', code: 'not-enough-space' });
    expect(result.exitCode).toBe(5);
  });
});

describe('pitr recover --target', () => {
  it('without --restore stops before PostgreSQL is started; the other nodes are untouched', async () => {
    succeeded(await recover('ssh', '--target', scene.target));
    expect(await currentLeader(lab)).toBe(scene.leader);
    const running = await lab.exec(scene.target, ['pgrep', '-f', 'bin/postgres -D']);
    expect(running.exitCode).toBe(1);
    await rollBack();
  });

  it('--restore waits isolated at the moment and runs the checklist; the cluster goes on serving', async () => {
    const result = succeeded(
      await recover('docker', '--target', scene.target, '--restore', '--wal-method=barman-get-wal'),
    );
    const checks = lines(result).filter(({ type }) => type === 'recover.check');
    expect(checks.length).toBeGreaterThanOrEqual(6);
    expect(checks.filter(({ holds }) => holds === false)).toEqual([]);
    expect(await currentLeader(lab)).toBe(scene.leader);
    await rollBack();
  });
});

describe('what is refused', () => {
  it('files and steps for the leader, unless that is meant; nothing is prepared', async () => {
    const result = await recover('docker', '--for', scene.leader);
    expect(result.exitCode).toBe(5);
    expect(errorOf(result)).toMatchObject({ kind: 'refused', code: 'prepare-for-leader' });
    expect(errorOf(result)?.next?.join(' ')).toContain(`--allow-leader --for ${scene.leader}`);
    expect(lines(result).filter(({ type }) => type === 'run.started')).toEqual([]);
  });

  it.each(['any server', 'the server that is named'])(
    'a backup that is not on %s, with those that are there',
    async (where) => {
      const { id, server } = scene.accident.backup;
      const named = where === 'any server' ? [] : ['--server', server];
      const result = await pitr([
        ...['recover', '20010101T000000', 'latest', ...named, '--target', scene.target],
        ...[...inventory('docker'), '--output', 'json'],
      ]);
      expect(result.exitCode).toBe(5);
      const error = errorOf(result);
      expect(error).toMatchObject({ kind: 'refused', code: 'backup-unknown' });
      expect(error?.message).toContain(
        named.length === 0 ? 'not found on any server' : `not found on server: ${server}`,
      );
      expect(error?.details?.join('\n')).toContain(id);
    },
  );

  it('a time before the end of the backup, in the words of the manual', async () => {
    const result = await pitr([
      ...['recover', scene.accident.backup.id, '2001-01-01 00:00:00+00', '--target', scene.target],
      ...[...inventory('docker'), '--restore'],
    ]);
    expect(result.exitCode).toBe(5);
    expect(result.stdout).toContain('[1/8] Verifying backup exists...');
    expect(result.stdout).toContain('Target time is before backup end time!');
    expect(result.stdout).toContain('You can only recover to a time AFTER the backup completed.');
    expect(result.stdout).toContain('Valid recovery times:');
  });

  it('a gap in the WAL without anybody to ask; --yes is no answer, --accept-gap recovers up to it', async () => {
    const wals = `/var/lib/barman/${scene.accident.backup.server}/wals`;
    const last = scene.accident.lastArchivedWal;
    const gap = besideSegment(last, -1);
    const file = `${wals}/${gap.slice(0, 16)}/${gap}`;
    await lab.mustExec('barman', ['mv', file, `/tmp/${gap}`]);
    try {
      const words = ['recover', scene.accident.backup.id, 'latest', '--target', scene.target, '--restore'];
      const beside = [...inventory('docker'), '-e', 'marker=false'];
      const refused = await pitr([...words, ...beside, '--yes', '--output', 'json']);
      expect(refused.exitCode).toBe(5);
      expect(errorOf(refused)).toMatchObject({ kind: 'refused', code: 'gap-not-accepted' });
      // what is offered is the same order, with all that was said beside it
      expect(errorOf(refused)?.next?.join(' ')).toContain(`--accept-gap ${commandLine(beside)}`);
      expect(lines(refused).find(({ type }) => type === 'recover.gap')).toMatchObject({ missing: [gap] });
      expect(await ailments(lab)).toEqual([]);

      const accepted = await pitr([...words, ...inventory('docker'), '--accept-gap', '--output', 'json']);
      succeeded(accepted);
      await rollBack();
    } finally {
      await lab.mustExec('barman', ['mv', `/tmp/${gap}`, file]);
    }
  });
});

describe('the whole cluster', () => {
  it('follows the target after --restore --auto-start, and the checklist says so', async () => {
    const result = await recover('ssh', '--target', scene.target, '--restore', '--auto-start', '--yes');
    succeeded(result);
    const checks = lines(result).filter(({ type }) => type === 'recover.check');
    expect(checks.filter(({ holds }) => holds === false)).toEqual([]);
    const evidence = await proveRecovery(lab, scene.accident, scene.target, scene.timeline);
    expect(evidence.filter(({ holds }) => !holds)).toEqual([]);
  });

  it('follows a node that was recovered by hand, by the steps that were printed over docker', async () => {
    scene = await accidentOn(lab);
    const result = succeeded(await recover('docker', '--for', scene.target));
    await typeSteps(result, 'apply');
    await typeSteps(result, 'take-over');
    const evidence = await proveRecovery(lab, scene.accident, scene.target, scene.timeline);
    expect(evidence.filter(({ holds }) => !holds)).toEqual([]);
  });
});
