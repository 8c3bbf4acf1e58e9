import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'vitest';
import { hideBarman, slowWal, wrapBarman } from './inject-barman.ts';
import { appeared, signalTo, stopService } from './inject-process.ts';
import { COPY, COPYING, type Fault, LEAVE, NO_SPOOL, REPLAY } from './stage.ts';

/** Barman, or its host, is away, or answers slowly or never. */
export const faultsOfBarman: readonly Fault[] = [
  {
    name: "Barman's command is gone before anything is touched: refused to begin, and said so",
    play: async (stage) => {
      await stage.broken(hideBarman(stage.lab));
      const ended = await stage.recover();
      await stage.failed(ended, {
        exitCode: 2,
        code: 'barman-command-missing',
        host: 'barman',
        says: [/barman/i],
      });
      await stage.mendAll();
      await stage.untouched(ended);
    },
  },
  {
    name: 'barman recover is killed in the middle of the copy',
    play: async (stage) => {
      const ended = await stage.recover({
        [COPY]: async () => {
          await appeared(stage.lab, 'barman', COPYING);
          await signalTo(stage.lab, 'barman', 'KILL', COPYING);
        },
      });
      await stage.failed(ended, {
        exitCode: 2,
        code: 'recovery-copy-failed',
        host: 'barman',
        task: COPY,
        says: [stage.scene.accident.backup.id, `${stage.pgdata}.pitr`, /is untouched/],
      });
      await stage.goneOn(ended);
    },
  },
  {
    name: "Barman's sshd is down when replay begins, and comes back: replay waits, says so, and goes on",
    play: async (stage) => {
      const mended: Promise<void>[] = [];
      const ended = await stage.recover(
        {
          // Slow, so that replay has not ended before sshd is down.
          [LEAVE]: () => stage.broken(slowWal(stage.lab, 2)),
          [REPLAY]: async () => {
            await stage.broken(stopService(stage.lab, 'barman', 'sshd'));
            // The outage itself is what is tried: as long as some segments take, so that replay asks for one in vain.
            await pause(8_000);
            mended.push(stage.mendAll());
          },
        },
        NO_SPOOL,
      );
      await Promise.all(mended);
      expect([ended.exitCode, ended.words]).toEqual([0, '']);
      const told = ended.events.flatMap((event) =>
        event.type === 'host.progress' && event.text.includes('cannot fetch') ? [event.text] : [],
      );
      expect(told[0]).toMatch(/cannot fetch [0-9A-F]{24}: .*exit code/);
      await stage.atTheMoment();
      await stage.undone(ended);
    },
  },
  {
    name: 'get-wal never answers: told with what replay waits for, and undo leads back',
    play: async (stage) => {
      const ended = await stage.recover({ [LEAVE]: () => stage.broken(slowWal(stage.lab, 3600)) }, [
        ...NO_SPOOL,
        '-e',
        'replay_stall=8',
      ]);
      await stage.failed(ended, {
        exitCode: 2,
        code: 'replay-stalled',
        host: stage.target,
        task: REPLAY,
        says: [/nothing was replayed or fetched for 8 s/, /startup waiting for [0-9A-F]{24}/],
      });
      await stage.mendAll();
      await stage.undone(ended);
    },
  },
  {
    name: 'get-wal is slow: replay succeeds',
    play: async (stage) => {
      const ended = await stage.recover({ [LEAVE]: () => stage.broken(slowWal(stage.lab, 2)) }, [
        ...NO_SPOOL,
        '-e',
        'replay_stall=8',
      ]);
      expect([ended.exitCode, ended.words]).toEqual([0, '']);
      await stage.atTheMoment();
      await stage.mendAll();
      await stage.undone(ended);
    },
  },
  {
    name: 'barman recover never ends and copies nothing: Ctrl-C ends it, and undo leads back',
    play: async (stage) => {
      await stage.broken(wrapBarman(stage.lab, 'case "$*" in *recover*) sleep 3600;; esac'));
      const ended = await stage.recover({
        [COPY]: async (controller) => {
          await appeared(stage.lab, 'barman', 'sleep 3600');
          controller.signal('SIGINT');
        },
      });
      await stage.failed(ended, { exitCode: 130, code: 'interrupted', says: [/Ctrl-C/] });
      await stage.mendAll();
      await stage.undone(ended);
    },
  },
];
