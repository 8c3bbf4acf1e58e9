import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'vitest';
import { slowWal } from './inject-barman.ts';
import { cutDocker, cutSsh, pauseHost } from './inject-connection.ts';
import { appeared, freeze, type Mend } from './inject-process.ts';
import type { Ended } from './operator.ts';
import { COPY, COPYING, type Fault, LEAVE, NO_SPOOL, REPLAY, type Stage } from './stage.ts';

/** The outage itself is what is tried: longer than any look takes, and shorter than Patroni's leader key lives. */
const OUTAGE_MS = 20_000;

/** After an outage the run has come to its end, or it was broken off, says what is true, and leads on. */
async function cameThrough(stage: Stage, ended: Ended, says: readonly (RegExp | string)[]): Promise<void> {
  if (ended.exitCode === 0) {
    await stage.atTheMoment();
    await stage.undone(ended);
    return;
  }
  for (const words of [...says, `: pitr resume ${ended.runId}`]) expect(ended.words).toMatch(words);
  await stage.goneOn(ended);
}

/** What stands still for so long, and then goes on. */
async function forAWhile(stage: Stage, fault: Promise<Mend>): Promise<void> {
  const mend = await stage.broken(fault);
  await pause(OUTAGE_MS);
  await mend();
}

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
  {
    name: "the target's container stands still for a while in the middle of the copy: the copy waits for it, or the run leads on",
    play: async (stage) => {
      const ended = await stage.recover(
        {
          [COPY]: async () => {
            await appeared(stage.lab, 'barman', COPYING);
            await forAWhile(stage, pauseHost(stage.lab, stage.target));
          },
        },
        [],
        stage.inventory('docker'),
      );
      await cameThrough(stage, ended, [/Barman could not copy backup/, /is untouched/]);
    },
  },
  {
    name: "the target's sshd stands still for a while during the replay: that goes on, and the run goes on or leads on",
    play: async (stage) => {
      const ended = await stage.recover(
        {
          [LEAVE]: () => stage.broken(slowWal(stage.lab, 3)),
          [REPLAY]: () => forAWhile(stage, freeze(stage.lab, stage.target, 'sshd')),
        },
        NO_SPOOL,
        stage.inventory('ssh'),
      );
      await stage.mendAll();
      await cameThrough(stage, ended, [/it goes on by itself, isolated, and pauses at the target/]);
    },
  },
];
