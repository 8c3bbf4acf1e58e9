import { spawn } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { asLoginUser } from '../../../lib/transport/becoming.ts';
import { channelOf } from '../../../lib/transport/child-channel.ts';
import type { Connection } from '../../../lib/transport/connection.ts';
import { Shells } from '../../../lib/transport/shells.ts';

/** This machine, where a channel takes so long to open. */
function slowToOpen(milliseconds: number): Connection {
  return {
    address: 'slow',
    loginUser: undefined,
    parallelChannels: 1,
    connect: async () => {},
    terminal: () => new Promise(() => {}),
    close: async () => {},
    open: async (text) => {
      await pause(milliseconds);
      return channelOf(spawn('sh', ['-c', text]), async (end) => end);
    },
  };
}

describe('a command that finds the standing shell busy', () => {
  it('waits for it as long as a channel of its own would take to open', async () => {
    const shells = new Shells(slowToOpen(500), undefined);
    const before = shells.patienceMs;
    const lease = await shells.lease(asLoginUser);
    await lease?.shell.began;
    lease?.release();
    shells.close();
    expect(before).toBeLessThan(200);
    expect(shells.patienceMs).toBeGreaterThan(450);
  });

  it('does not wait without end where a channel took very long', () => {
    const shells = new Shells(slowToOpen(0), undefined);
    shells.began(performance.now() - 60_000);
    expect(shells.patienceMs).toBeLessThan(5_000);
  });
});

describe('the client of a container', () => {
  it('is looked into when it ends by itself, and not when it was let go of', async () => {
    const looked: string[] = [];
    const start = (name: string) =>
      channelOf(spawn('sh', ['-c', 'read -r line; exit 3']), async (end) => {
        looked.push(name);
        return end;
      });
    const [gone, letGo] = [start('gone'), start('let go of')];
    gone.stdin.end();
    letGo.abandon();
    await Promise.all([gone.ended, letGo.ended]);
    expect(looked).toEqual(['gone']);
  });

  it('tells nothing of its shell when it was let go of: the signal was ours', async () => {
    const child = spawn('sh', ['-c', 'read -r line; exit 3']);
    const channel = channelOf(child, async (end) => end);
    channel.abandon();
    expect(await channel.ended).toMatchObject({
      kind: 'lost',
      error: { kind: 'unreachable', code: 'connection-lost' },
    });
  });
});
