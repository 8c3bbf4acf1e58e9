import { describe, expect, it } from 'vitest';
import { supervise } from '../../../lib/transport/supervise.ts';

describe('a command that is interrupted', () => {
  it('before its shell has begun it is ended once more, and is told as interrupted', async () => {
    let end = (): void => {};
    const work = new Promise<void>((resolve) => {
      end = resolve;
    });
    const kills: string[] = [];
    const supervised = supervise(work, {
      what: 'sleep 60',
      signal: AbortSignal.abort(),
      pid: () => 1,
      kill: async (reason) => {
        kills.push(reason);
        // The first time nothing runs below the shell.
        if (kills.length === 2) end();
      },
    });
    await expect(supervised).rejects.toMatchObject({ kind: 'interrupted' });
    expect(kills).toEqual(['abort', 'abort']);
  });

  it('is ended once where that is enough', async () => {
    let end = (): void => {};
    const work = new Promise<void>((resolve) => {
      end = resolve;
    });
    const kills: string[] = [];
    const kill = async (reason: string): Promise<void> => {
      kills.push(reason);
      end();
    };
    const supervised = supervise(work, { what: 'sleep 60', signal: AbortSignal.abort(), pid: () => 1, kill });
    await expect(supervised).rejects.toMatchObject({ kind: 'interrupted' });
    expect(kills).toEqual(['abort']);
  });
});

it('a limit of more days than a timer of Node.js can count is none that is over at once', async () => {
  const kill = async (): Promise<void> => {};
  const days = 24 * 3_600_000;
  for (const timeoutMs of [25 * days, 1_000 * days, Number.POSITIVE_INFINITY]) {
    const work = new Promise((resolve) => setTimeout(resolve, 50, 'done'));
    const ended = await supervise(work, { what: 'long', timeoutMs, pid: () => 1, kill });
    expect(ended).toEqual({ value: 'done', timedOut: false });
  }
});
