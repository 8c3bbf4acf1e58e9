import { expect } from 'vitest';
import { containerName } from '../../lab/topology.ts';
import { waitFor } from '../../lab/wait.ts';
import { holdWal } from './inject-barman.ts';
import { processes } from './inject-process.ts';
import { type Ended, operate } from './operator.ts';
import { type Fault, LEAVE, NO_SPOOL, REPLAY, type Stage } from './stage.ts';

/** Patroni is started on the target while it is meant to be out: by somebody, or with its host. */
export const faultsOfStarts: readonly Fault[] = [
  {
    name: 'Patroni is started beside the isolated PostgreSQL: undo stops both and leads back',
    play: async (stage) => {
      const ended = await recovered(stage);
      await startPatroni(stage);
      await stage.undone(ended);
    },
  },
  {
    name: 'the host is started again while the recovery waits, and Patroni takes the restored data: undo leads back',
    play: async (stage) => {
      const ended = await recovered(stage);
      await restartHost(stage);
      await stage.undone(ended);
    },
  },
  {
    name: 'the host is started again while the recovery waits: rollback.yml leads back',
    play: async (stage) => {
      await recovered(stage);
      await restartHost(stage);
      await rolledBack(stage, ['recovered']);
    },
  },
  {
    name: 'the host is started again in replay: resume never takes what Patroni has opened for the moment, undo leads back',
    play: async (stage) => {
      const kill = `kill -9 "$(head -n 1 ${stage.pgdata}/postmaster.pid)"`;
      const ended = await stage.recover(
        {
          [LEAVE]: () => stage.broken(holdWal(stage.lab)),
          [REPLAY]: () => stage.lab.mustExec(stage.target, ['sh', '-c', kill]),
        },
        NO_SPOOL,
      );
      await stage.failed(ended, { exitCode: 2, code: 'postgres-ended', says: [] });
      await stage.mendAll();
      await restartHost(stage);
      await refusesToGoOn(stage, ended, 'postgres-runs-already');
      await stage.lab.mustExec(stage.target, ['supervisorctl', 'stop', 'patroni']);
      await refusesToGoOn(stage, ended, 'opened-meanwhile');
      await stage.undone(ended);
    },
  },
  {
    name: 'Patroni copies the leader to where the restored data was to come: resume is refused, undo leads back',
    play: async (stage) => {
      const ended = await betweenTheMoves(stage);
      await refusesToGoOn(stage, ended, 'destination-exists');
      await stage.undone(ended, [`${stage.pgdata}.foreign.${ended.runId}`]);
    },
  },
  {
    name: 'Patroni copies the leader to where the restored data was to come: rollback.yml leads back',
    play: async (stage) => {
      await betweenTheMoves(stage);
      await rolledBack(stage, ['foreign']);
    },
  },
];

async function recovered(stage: Stage): Promise<Ended> {
  const ended = await stage.recover();
  expect([ended.exitCode, ended.words]).toEqual([0, '']);
  return ended;
}

/** Until its first round is over, in which it finds a PostgreSQL that does not answer. */
async function startPatroni({ lab, target }: Stage): Promise<void> {
  await lab.mustExec(target, ['supervisorctl', 'start', 'patroni']);
  await waitFor({
    what: `Patroni on ${target} to have looked around`,
    deadlineMs: 180_000,
    attempt: () => lab.mustExec(target, ['tail', '-n', '3', '/var/log/patroni/patroni.log']),
    done: (log) => log.includes('Error communicating with PostgreSQL'),
    describe: (log) => log,
  });
}

/** A reboot, after which Patroni makes what lies in its data directory a replica of the leader. */
async function restartHost(stage: Stage): Promise<void> {
  const { lab, target } = stage;
  await lab.engine.getContainer(containerName(lab.prefix, target)).restart({ t: 5 });
  await stage.healthy();
  expect(await processes(lab, target, '\\.pitr-run')).toEqual([]);
}

/** The restored data cannot come to its place, and Patroni copies the leader there. */
async function betweenTheMoves(stage: Stage): Promise<Ended> {
  const { lab, target } = stage;
  const staging = `${stage.pgdata}.pitr`;
  const ended = await stage.recover({
    [LEAVE]: () => lab.mustExec(target, ['mv', staging, `${staging}.away`]),
  });
  await stage.failed(ended, { exitCode: 2, code: 'nothing-to-move', host: target, says: [staging] });
  await lab.mustExec(target, ['mv', `${staging}.away`, staging]);
  await lab.mustExec(target, ['supervisorctl', 'start', 'patroni']);
  await stage.healthy();
  return ended;
}

async function refusesToGoOn(stage: Stage, { runId }: Ended, code: string): Promise<void> {
  const resumed = await operate(['resume', runId, '--yes']);
  await stage.failed(resumed, { exitCode: 5, code, says: [stage.pgdata] });
}

/** `rollback.yml` brings the old data back, and leaves what lay in its place under these names. */
async function rolledBack(stage: Stage, names: readonly string[]): Promise<void> {
  const back = await operate([
    ...['play', 'rollback.yml', '-i', stage.inventory(), '-e', `target=${stage.target}`],
    '--yes',
  ]);
  expect([back.exitCode, back.words]).toEqual([0, '']);
  const left = names.map((name) => `${stage.pgdata}.${name}.${back.runId}`);
  const notes = [`${stage.pgdata}.recovered.${back.runId}.json`, `${stage.pgdata}.pitr`];
  await stage.decidedWith(left, notes);
}
