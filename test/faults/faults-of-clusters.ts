import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'vitest';
import { archiveCurrentWal } from '../../lab/archive.ts';
import { checkoutRoot, labFiles } from '../../lab/checkout.ts';
import { currentLeader, readMembers } from '../../lab/cluster.ts';
import { proveRecovery } from '../../lab/proof.ts';
import { dataDirectory } from '../../lab/topology.ts';
import { waitFor } from '../../lab/wait.ts';
import { besideData, others, strays } from './cluster-state.ts';
import { stopService } from './inject-process.ts';
import { operate } from './operator.ts';
import { type Fault, LEAVE, type Stage } from './stage.ts';

/** Leadership, members and their memory: each of these changes the cluster for good. */
export const faultsOfClusters: readonly Fault[] = [
  {
    name: 'etcd is down before anything is touched: nobody knows who leads, and nothing is begun',
    ownScene: true,
    play: async (stage) => {
      await stage.broken(stopService(stage.lab, 'etcd', 'etcd'));
      const ended = await stage.recover();
      expect([ended.error?.code, ended.exitCode]).toEqual(['patroni-silent', 2]);
      expect(ended.words).toMatch(/DCS \(etcd\)/);
      await stage.mendAll();
      await stage.healthy();
      expect(await besideData(stage.lab, stage.target)).toEqual(stage.before.beside);
    },
  },
  {
    name: 'etcd goes down while the node leaves: the recovery reaches its moment, and undo leads back when etcd is back',
    ownScene: true,
    play: async (stage) => {
      const ended = await stage.recover({
        [LEAVE]: () => stage.broken(stopService(stage.lab, 'etcd', 'etcd')),
      });
      expect([ended.exitCode, ended.words]).toEqual([0, '']);
      await stage.mendAll();
      await waitFor({
        what: 'a leader',
        deadlineMs: 180_000,
        attempt: () => currentLeader(stage.lab),
        done: () => true,
        describe: (leader) => leader,
      });
      const undo = await operate(['undo', ended.runId, '--yes']);
      expect([undo.exitCode, undo.words]).toEqual([0, '']);
      await stage.healthy();
      expect(await besideData(stage.lab, stage.target)).toEqual(stage.before.beside);
      expect(await strays(stage.lab)).toEqual([]);
      stage.decided();
    },
  },
  {
    name: 'another member becomes leader while the target waits: the cut-over takes a timeline that nobody has',
    ownScene: true,
    play: async (stage) => {
      const { lab, scene, target } = stage;
      const ended = await stage.recover();
      expect([ended.exitCode, ended.words]).toEqual([0, '']);
      const candidate = others(target).find((host) => host !== scene.leader) ?? scene.leader;
      await lab.mustExec(
        candidate,
        ['patronictl', '-c', '/etc/patroni/patroni.yml', 'switchover', '--candidate', candidate, '--force'],
        { user: 'postgres' },
      );
      await waitFor({
        what: `${candidate} to lead`,
        deadlineMs: 180_000,
        attempt: () => currentLeader(lab),
        done: (leader) => leader === candidate,
        describe: (leader) => leader,
      });
      await archiveCurrentWal(lab, candidate);
      const taken = Math.max(...(await readMembers(lab)).map(({ timeline }) => timeline ?? 0));
      const cutover = await operate([
        ...['play', 'cutover.yml', '-i', stage.inventory(), '-e', `target=${target}`],
        '--yes',
      ]);
      expect([cutover.exitCode, cutover.words]).toEqual([0, '']);
      const undo = await operate(['undo', ended.runId, '--yes']);
      expect([undo.exitCode, undo.error?.code]).toEqual([5, 'run-closed']);
      const evidence = await proveRecovery(lab, scene.accident, target, taken);
      expect(evidence.filter(({ holds }) => !holds)).toEqual([]);
      stage.decided();
    },
  },
  {
    name: 'a member cannot be rebuilt: told, the others follow and the cluster serves; mended, resume finishes',
    ownScene: true,
    play: async (stage) => {
      const { lab, scene, target } = stage;
      const hindered = others(target).at(-1) ?? target;
      const above = dataDirectory(hindered).replace(/\/[^/]+$/, '');
      const hinder = async () => {
        await lab.mustExec(hindered, ['chown', 'root:root', above]);
        return async () => {
          await lab.exec(hindered, ['chown', 'postgres:postgres', above]);
        };
      };
      const ended = await stage.recover({ 'Open it to clients': () => stage.broken(hinder()) }, [
        ...['-e', 'auto_start=true', '-e', 'new_backup=false'],
      ]);
      expect([ended.exitCode, ended.error?.host, ended.words]).toEqual([2, hindered, ended.words]);
      expect(ended.error?.task).toBe('Start the member; Patroni copies the leader');
      expect(ended.error?.state).toContain('it does not serve');
      expect(ended.words).toMatch(new RegExp(hindered));
      expect(await currentLeader(lab)).toBe(target);
      const streaming = (await readMembers(lab)).filter(({ state }) =>
        ['streaming', 'running'].includes(state),
      );
      expect(streaming.map(({ name }) => name).sort()).toEqual(others(hindered).toSorted());
      await stage.mendAll();
      const resumed = await operate(['resume', ended.runId, '--yes']);
      expect([resumed.exitCode, resumed.words]).toEqual([0, '']);
      const evidence = await proveRecovery(lab, scene.accident, target, scene.timeline);
      expect(evidence.filter(({ holds }) => !holds)).toEqual([]);
      expect(await strays(lab)).toEqual([]);
      stage.decided();
    },
  },
];

/** Ctrl-C where the cut-over asks for consent: nothing has been promoted, and the recovery still waits. */
export const faultAtTheQuestion: Fault = {
  name: 'Ctrl-C at the question of the cut-over: nothing is done, and undo leads back',
  play: async (stage) => {
    const ended = await stage.recover();
    expect([ended.exitCode, ended.words]).toEqual([0, '']);
    expect(await ctrlCAtQuestion(stage)).toBe(130);
    await stage.atTheMoment();
    await stage.undone(ended);
  },
};

/** The exit code of a cut-over that is answered with the key, on a terminal. */
async function ctrlCAtQuestion(stage: Stage): Promise<number | null> {
  const { lab, target } = stage;
  const main = join(checkoutRoot, 'dist', 'cli', 'main.js');
  const words = [
    process.execPath,
    main,
    'play',
    'cutover.yml',
    '-i',
    stage.inventory(),
    '-e',
    `target=${target}`,
  ];
  const child = spawn('script', ['-qefc', words.map((word) => `'${word}'`).join(' '), '/dev/null'], {
    cwd: checkoutRoot,
    env: {
      ...process.env,
      PITR_STATE_DIR: join(labFiles(lab.prefix).folder, 'state'),
      CI: '',
      TERM: 'xterm',
    },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let shown = '';
  let pressed = false;
  child.stdout.on('data', (chunk: Buffer) => {
    shown += chunk.toString();
    if (pressed || !shown.includes(`cluster follow ${target}?`)) return;
    pressed = true;
    // As a person: after the question is read. What is typed before that is thrown away, and nothing shows when that ends.
    void pause(1_000).then(() => child.stdin.write('\u0003'));
  });
  const [exitCode] = (await once(child, 'close')) as [number | null];
  return exitCode;
}
