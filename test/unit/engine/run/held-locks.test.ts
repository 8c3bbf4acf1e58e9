import { describe, expect, it } from 'vitest';
import { asPitrError, PitrError } from '../../../../lib/base/errors/pitr-error.ts';
import type { Holder, HolderEnding } from '../../../../lib/contract/module.ts';
import { HeldLocks, journalUnderLocks } from '../../../../lib/engine/run/held-locks.ts';

const gone = new PitrError({ kind: 'failed', code: 'lock-lost', message: 'it is gone' });

/** A lock in memory. */
function keeper(): Holder & { lose(): void; readonly endings: HolderEnding[] } {
  let lost = false;
  let lose: (error: PitrError) => void = () => {};
  const endings: HolderEnding[] = [];
  return {
    name: 'lock',
    lost: new Promise((resolve) => {
      lose = resolve;
    }),
    prove: async () => {
      if (lost) throw gone;
    },
    release: async (ending) => void endings.push(ending),
    lose: () => {
      lost = true;
      lose(gone);
    },
    endings,
  };
}

describe('what a run holds', () => {
  it('stops the run with its own reason when it is lost', async () => {
    const held = new HeldLocks();
    const lock = keeper();
    const signal = held.with(new AbortController().signal);
    held.hold(lock);
    await held.beginChange();
    lock.lose();
    await expect(held.beginChange()).rejects.toBe(gone);
    expect(signal.reason).toBe(gone);
    expect(held.lost).toBe(gone);
  });

  it.each([
    ['ok', 0, { kind: 'done' }],
    ['ok', 2, { kind: 'done' }],
    ['failed', 0, { kind: 'unchanged' }],
    ['failed', 1, { kind: 'unfinished', how: 'failed' }],
    ['interrupted', 3, { kind: 'unfinished', how: 'interrupted' }],
  ] as const)('is told how the run ended: %s after %i changes', async (status, changes, ending) => {
    const held = new HeldLocks();
    const lock = keeper();
    // What was changed before it was held is not its concern.
    await held.beginChange();
    held.hold(lock);
    for (let i = 0; i < changes; i++) await held.beginChange();
    await held.release(status);
    await held.release('failed');
    expect(lock.endings).toEqual([ending]);
    expect(held.held('lock')).toBeUndefined();
  });

  it('lets no change begin when it is lost while the intent is written, and says that it was not begun', async () => {
    const held = new HeldLocks();
    const lock = keeper();
    held.hold(lock);
    const told: string[] = [];
    const journal = journalUnderLocks(
      {
        intend: async () => {
          lock.lose();
          return 7;
        },
        done: async () => {},
        failed: async () => void told.push('failed'),
        notBegun: async (number, error) => void told.push(`${number} ${asPitrError(error).code}`),
        result: () => {},
        met: () => {},
        rescued: () => {},
        left: () => {},
      },
      held,
    );
    const entry = {
      host: 'db2',
      turn: { task: '1.1', turn: 1, host: 'db2' },
      module: 'postgres.promote',
      params: {},
      change: { summary: 'promote' },
      user: undefined,
      env: undefined,
      effects: [],
      elsewhere: [],
      undoable: 'it is a promotion',
    };
    await expect(journal.intend(entry)).rejects.toBe(gone);
    expect(told).toEqual(['7 lock-lost']);
    await held.release('failed');
    expect(lock.endings).toEqual([{ kind: 'unchanged' }]);
  });

  it('has nothing left to settle when the only change was refused by its own safety check', async () => {
    const held = new HeldLocks();
    const lock = keeper();
    held.hold(lock);
    await held.beginChange();
    held.changeRefused();
    await held.release('failed');
    expect(lock.endings).toEqual([{ kind: 'unchanged' }]);
  });
});
