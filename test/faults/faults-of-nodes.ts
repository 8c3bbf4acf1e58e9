import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'vitest';
import { postgresBin } from '../../lab/topology.ts';
import { holdWal } from './inject-barman.ts';
import { fillSmall, SMALL, walOnSmall } from './inject-disk.ts';
import { freeze, type Mend } from './inject-process.ts';
import { COPY, type Fault, ISOLATED, LEAVE, NO_SPOOL, REPLAY, type Stage } from './stage.ts';

/** Something is wrong on the target. */
export const faultsOfNodes: readonly Fault[] = [
  {
    name: 'the disk has no room for the copy: refused, before anything is touched',
    play: async (stage) => {
      await stage.broken(fillSmall(stage.lab, stage.target, 8_192));
      const ended = await stage.recover({}, ['-e', `staging=${SMALL}/restored`]);
      await stage.failed(ended, {
        exitCode: 5,
        code: 'not-enough-space',
        host: stage.target,
        says: [/needed/, SMALL],
      });
      await stage.mendAll();
      await stage.untouched(ended);
    },
  },
  {
    name: 'the disk fills up in the middle of the copy',
    play: async (stage) => {
      const onSmall = [
        '-e',
        `staging=${SMALL}/restored`,
        '-e',
        'target_time=',
        '-e',
        'target_immediate=true',
      ];
      const ended = await stage.recover(
        { [COPY]: () => stage.broken(fillSmall(stage.lab, stage.target, 8_192)) },
        onSmall,
      );
      await stage.failed(ended, {
        exitCode: 2,
        code: 'recovery-disk-full',
        host: 'barman',
        task: COPY,
        says: [/[Nn]o space/, `${SMALL}/restored`],
      });
      await stage.mendAll();
      await stage.undone(ended);
    },
  },
  {
    name: 'the disk for WAL fills up in replay: told, and replay goes on when there is room',
    play: async (stage) => {
      const ended = await stage.recover(
        {
          [LEAVE]: async () => {
            await stage.broken(walOnSmall(stage.lab, stage.target));
            await stage.broken(fillSmall(stage.lab, stage.target, 8_192));
          },
        },
        ['-e', 'replay_stall=20'],
      );
      await stage.failed(ended, {
        exitCode: 2,
        code: 'replay-stalled',
        host: stage.target,
        task: REPLAY,
        says: [/no room for it in pg_wal/],
      });
      await stage.lab.mustExec(stage.target, ['rm', '-f', `${SMALL}/filled`]);
      await stage.goneOn(ended);
    },
  },
  {
    name: 'Patroni does not let itself be stopped: it is killed, its PostgreSQL shut down, and the recovery goes on',
    play: async (stage) => {
      const ended = await stage.recover({
        [COPY]: () => stage.broken(freeze(stage.lab, stage.target, 'bin/patroni /etc')),
      });
      expect([ended.exitCode, ended.words]).toEqual([0, '']);
      await stage.atTheMoment();
      await stage.undone(ended);
    },
  },
  {
    name: 'PostgreSQL is killed in replay: told, and resume goes on from there',
    play: async (stage) => {
      const ended = await stage.recover(
        {
          [LEAVE]: () => stage.broken(holdWal(stage.lab)),
          [REPLAY]: () => stage.lab.mustExec(stage.target, ['sh', '-c', killPostmaster(stage)]),
        },
        NO_SPOOL,
      );
      await stage.failed(ended, {
        exitCode: 2,
        code: 'postgres-ended',
        host: stage.target,
        task: REPLAY,
        says: [/PostgreSQL has ended/, stage.pgdata],
      });
      await stage.mendAll();
      await stage.goneOn(ended);
    },
  },
  {
    name: 'somebody stops PostgreSQL in replay: told, and undo leads back',
    play: async (stage) => {
      const stop = [`${postgresBin}/pg_ctl`, 'stop', '-D', stage.pgdata, '-m', 'immediate'];
      const ended = await stage.recover(
        {
          [LEAVE]: () => stage.broken(holdWal(stage.lab)),
          [REPLAY]: () => stage.lab.mustExec(stage.target, stop, { user: 'postgres' }),
        },
        NO_SPOOL,
      );
      await stage.failed(ended, {
        exitCode: 2,
        code: 'postgres-stopped',
        host: stage.target,
        task: REPLAY,
        says: [/somebody has stopped PostgreSQL/, /immediate shutdown/],
      });
      await stage.mendAll();
      await stage.undone(ended);
    },
  },
  {
    name: 'the restored files belong to somebody else: told, and resume goes on when it is mended',
    play: async (stage) => {
      const staging = `${stage.pgdata}.pitr`;
      const ended = await stage.recover({
        [LEAVE]: () => stage.lab.mustExec(stage.target, ['chown', '-R', 'root:root', staging]),
      });
      await stage.failed(ended, {
        exitCode: 2,
        code: 'postgres-did-not-start',
        host: stage.target,
        says: [/owner|own|permission/i],
      });
      await stage.lab.mustExec(stage.target, ['chown', '-R', 'postgres:postgres', stage.pgdata]);
      await stage.goneOn(ended);
    },
  },
  {
    name: 'the restored directory may be read by everybody: told, and undo leads back',
    play: async (stage) => {
      const ended = await stage.recover({
        [LEAVE]: () => stage.lab.mustExec(stage.target, ['chmod', '755', `${stage.pgdata}.pitr`]),
      });
      await stage.failed(ended, {
        exitCode: 2,
        code: 'postgres-did-not-start',
        host: stage.target,
        task: ISOLATED,
        says: [/invalid permissions|0700/],
      });
      await stage.undone(ended);
    },
  },
  {
    name: 'Ctrl-C in replay: the state is told, and resume goes on',
    play: async (stage) => {
      const ended = await stage.recover(
        {
          [LEAVE]: () => stage.broken(holdWal(stage.lab)),
          [REPLAY]: (controller) => controller.signal('SIGINT'),
        },
        NO_SPOOL,
      );
      await stage.failed(ended, {
        exitCode: 130,
        code: 'interrupted',
        says: [/Ctrl-C/, /it goes on by itself, isolated, and pauses at the target/],
      });
      await stage.mendAll();
      await stage.goneOn(ended);
    },
  },
  {
    name: 'etcd stands still for some seconds while the node leaves: nothing comes of it',
    play: async (stage) => {
      const mended: Promise<void>[] = [];
      const ended = await stage.recover({
        [LEAVE]: async () => {
          const mend: Mend = await stage.broken(freeze(stage.lab, 'etcd', '/usr/bin/etcd'));
          // The outage itself is what is tried: some seconds, far less than the 30 after which Patroni's leader key ends.
          await pause(6_000);
          mended.push(mend());
        },
      });
      await Promise.all(mended);
      expect([ended.exitCode, ended.words]).toEqual([0, '']);
      await stage.atTheMoment();
      await stage.undone(ended);
    },
  },
];

/** Kills the postmaster and, as the kernel's memory killer would not, waits for nothing. */
function killPostmaster({ pgdata }: Stage): string {
  return `kill -9 "$(head -n 1 ${pgdata}/postmaster.pid)"`;
}
