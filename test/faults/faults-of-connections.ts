import { expect } from 'vitest';
import { cutDocker, cutSsh } from './inject-connection.ts';
import { appeared } from './inject-process.ts';
import { COPY, COPYING, type Fault, LEAVE } from './stage.ts';

/**
 * The way to a host is cut. On Barman's host the lock is lost with it, on the target the task; both say where, and that
 * the connection ended.
 */
export const faultsOfConnections: readonly Fault[] = [
  {
    name: "the ssh connection to Barman's host is cut in the middle of the copy",
    play: async (stage) => {
      const cut = async (): Promise<void> => {
        await appeared(stage.lab, 'barman', COPYING);
        await cutSsh(stage.lab, 'barman');
      };
      const ended = await stage.recover({ [COPY]: cut }, [], stage.inventory('ssh'));
      await stage.failed(ended, {
        exitCode: 2,
        code: 'lock-lost',
        host: 'barman',
        says: [/no further change was begun/, /connection/, /resumed, undone/],
      });
      await stage.goneOn(ended);
    },
  },
  {
    name: 'the ssh connection to the target is cut while nothing is at work on it: pitr connects again',
    play: async (stage) => {
      const ended = await stage.recover(
        {
          [COPY]: async () => {
            await appeared(stage.lab, 'barman', COPYING);
            await cutSsh(stage.lab, stage.target);
          },
        },
        [],
        stage.inventory('ssh'),
      );
      expect([ended.exitCode, ended.words]).toEqual([0, '']);
      await stage.atTheMoment();
      await stage.undone(ended);
    },
  },
  {
    name: 'the ssh connection to the target is cut while the node leaves the cluster',
    play: async (stage) => {
      const ended = await stage.recover(
        {
          [LEAVE]: async () => {
            await appeared(stage.lab, stage.target, 'supervisorctl.* stop');
            await cutSsh(stage.lab, stage.target);
          },
        },
        [],
        stage.inventory('ssh'),
      );
      await stage.failed(ended, {
        exitCode: 4,
        code: 'connection-lost',
        host: stage.target,
        task: LEAVE,
        says: [/connection was lost/],
      });
      await stage.goneOn(ended);
    },
  },
  {
    name: "the docker exec to Barman's host is killed in the middle of the copy",
    play: async (stage) => {
      const ended = await stage.recover(
        {
          [COPY]: async (controller) => {
            await appeared(stage.lab, 'barman', COPYING);
            await cutDocker(stage.lab, 'barman', controller);
          },
        },
        [],
        stage.inventory('docker'),
      );
      await stage.failed(ended, {
        exitCode: 2,
        code: 'lock-lost',
        host: 'barman',
        says: [/no further change was begun/, /docker client was ended/],
      });
      await stage.undone(ended);
    },
  },
  {
    name: 'the docker exec to the target is killed while the node leaves the cluster',
    play: async (stage) => {
      const ended = await stage.recover(
        {
          [LEAVE]: async (controller) => {
            await appeared(stage.lab, stage.target, 'supervisorctl.* stop');
            await cutDocker(stage.lab, stage.target, controller);
          },
        },
        [],
        stage.inventory('docker'),
      );
      await stage.failed(ended, {
        exitCode: 4,
        code: 'connection-lost',
        host: stage.target,
        task: LEAVE,
        says: [/docker client was ended/],
      });
      await stage.goneOn(ended);
    },
  },
];
