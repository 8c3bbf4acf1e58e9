import { describe, expect, it } from 'vitest';
import { RejoinProgress } from '../../../../lib/recovery/patroni/rejoin-progress.ts';

const waits = { flaws: ['its state is creating replica'] };
const stopped = { flaws: ['its state is stopped'] };

describe('a member on its way back', () => {
  it('is stalled when the same is seen for the whole time, and not a moment earlier', () => {
    const progress = new RejoinProgress(90, 0);
    expect(progress.saw(waits, 1)).toBe('goes-on');
    expect(progress.saw(waits, 90)).toBe('goes-on');
    expect(progress.saw(waits, 91)).toBe('stalled');
  });

  it('is stalled too when its states only come and go, as they do when a copy fails at once for ever', () => {
    const progress = new RejoinProgress(90, 0);
    const verdicts = Array.from({ length: 20 }, (_, turn) =>
      progress.saw(turn % 2 === 0 ? waits : stopped, turn * 10),
    );
    expect(verdicts.indexOf('stalled')).toBe(10);
  });

  it('goes on for as long as its copy grows', () => {
    const progress = new RejoinProgress(90, 0);
    for (let turn = 1; turn < 100; turn += 1) {
      expect(progress.saw({ ...waits, copiedKib: turn }, turn * 80)).toBe('goes-on');
    }
  });

  it('goes on for as long as WAL comes in that counts', () => {
    const progress = new RejoinProgress(90, 0);
    for (let turn = 1; turn < 100; turn += 1) {
      expect(progress.saw({ flaws: ['behind'], received: turn }, turn * 80)).toBe('goes-on');
    }
  });

  it('does not begin anew where its copy could not be measured for a moment', () => {
    const progress = new RejoinProgress(90, 0);
    for (let turn = 1; turn < 20; turn += 1) {
      expect(progress.saw(turn % 2 === 0 ? waits : { ...waits, copiedKib: turn }, turn)).toBe('goes-on');
    }
    expect(progress.copies).toBe(1);
  });

  it('goes on for as long as the disks fill where there was no time to measure its copy', () => {
    const progress = new RejoinProgress(90, 0);
    progress.saw({ ...waits, copiedKib: 1000 }, 1);
    for (let turn = 1; turn < 100; turn += 1) {
      // Others remove something there now and then.
      const usedKib = 9000 + turn - (turn % 10 === 0 ? 500 : 0);
      expect(progress.saw({ ...waits, creates: true, usedKib }, turn * 40)).toBe('goes-on');
    }
    expect(progress.saw({ ...waits, creates: true, usedKib: 9099 }, 99 * 40 + 90)).toBe('stalled');
    expect(progress.copies).toBe(1);
  });

  it('starts over when its copy breaks off for the fifth time, however far it came', () => {
    const progress = new RejoinProgress(90, 0);
    const verdicts = [10, 20, 5, 900, 0, 30, 1, 40, 2, 50, 3].map((copiedKib, turn) =>
      progress.saw({ ...waits, copiedKib }, turn),
    );
    expect(verdicts.indexOf('starts-over')).toBe(10);
    expect(progress.copies).toBe(6);
  });

  const starts = { flaws: ['its state is starting'], started: true };

  it('goes on for as long as a server on its copy replays one segment after the other', () => {
    const progress = new RejoinProgress(90, 0);
    for (let turn = 1; turn < 100; turn += 1) {
      const look = { ...starts, replays: `postgres: startup recovering ${turn}`, copiedKib: 1000 };
      expect(progress.saw(look, turn * 80)).toBe('goes-on');
    }
  });

  it('does not begin anew when a server on its copy lets go of WAL that it has replayed', () => {
    const progress = new RejoinProgress(90, 0);
    expect(progress.saw({ ...waits, copiedKib: 1000 }, 0)).toBe('goes-on');
    const verdicts = [900, 990, 800, 850, 700, 790, 600, 650, 500].map((copiedKib, turn) =>
      progress.saw({ ...starts, copiedKib }, turn),
    );
    expect([new Set(verdicts).size, verdicts[0], progress.copies]).toEqual([1, 'goes-on', 1]);
    // What it writes where WAL was is nothing new, and a copy that begins anew after it is seen.
    expect(progress.saw({ ...starts, copiedKib: 650 }, 92)).toBe('stalled');
    progress.saw({ ...waits, copiedKib: 100 }, 93);
    expect(progress.copies).toBe(2);
  });

  it('is stalled when its server replays nothing, whatever that writes into its log', () => {
    const progress = new RejoinProgress(90, 0);
    const waitsFor = { ...starts, replays: 'postgres: startup waiting for 00000002000000000000000A' };
    const verdicts = [0, 30, 60, 89, 90].map((now) =>
      progress.saw({ ...waitsFor, copiedKib: 1000 + now, logKib: undefined }, now),
    );
    expect(verdicts).toEqual(['goes-on', 'goes-on', 'goes-on', 'goes-on', 'stalled']);
  });

  const fetching = (segment: number) => ({
    ...starts,
    replays: `postgres: startup waiting for 0000000${segment}000000000000000A`,
    copiedKib: 1000,
  });

  it('goes on for as long as one large segment comes in from the archive', () => {
    const progress = new RejoinProgress(90, 0);
    for (let turn = 1; turn < 100; turn += 1) {
      const look = { ...fetching(2), copiedKib: 1000 + turn, fetchedBytes: 1024 * turn };
      expect(progress.saw(look, turn * 80)).toBe('goes-on');
    }
  });

  it('goes on likewise where it lets in who reads, and stands still meanwhile', () => {
    const progress = new RejoinProgress(90, 0);
    for (let turn = 1; turn < 100; turn += 1) {
      const look = { flaws: ['it receives no WAL'], replayed: turn - (turn % 3), fetchedBytes: turn % 3 };
      expect(progress.saw(look, turn * 60)).toBe('goes-on');
    }
  });

  it('is stalled when its fetches break off and begin again, on one timeline after the other', () => {
    const progress = new RejoinProgress(90, 0);
    const verdicts = Array.from({ length: 16 }, (_, turn) =>
      progress.saw({ ...fetching(1 + (turn % 2)), fetchedBytes: 500 * (1 + (turn % 4)) }, turn * 10),
    );
    expect(verdicts.indexOf('stalled')).toBe(12);
  });

  it('is stalled when all that grows is the log of a server that does not name what it replays', () => {
    const progress = new RejoinProgress(90, 0);
    progress.saw({ ...waits, copiedKib: 1000 }, 0);
    const state = (now: number) => (now % 20 === 0 ? stopped : { ...starts, replays: 'postgres: startup' });
    const verdicts = [10, 20, 50, 80, 109, 110].map((now) =>
      progress.saw({ ...state(now), copiedKib: 1000 + now, logKib: 300 + now }, now),
    );
    expect(verdicts).toEqual(['goes-on', 'goes-on', 'goes-on', 'goes-on', 'goes-on', 'stalled']);
  });

  it('goes on for as long as a server that does not name what it replays writes more than its log', () => {
    const progress = new RejoinProgress(90, 0);
    progress.saw({ ...waits, copiedKib: 1000 }, 0);
    for (let turn = 1; turn < 100; turn += 1) {
      const look = { ...starts, copiedKib: 900 + 3 * turn, logKib: 300 + turn };
      expect(progress.saw(look, turn * 80)).toBe('goes-on');
    }
    expect(progress.copies).toBe(1);
  });

  const waiting = { ...waits, waits: true, empty: true, copiedKib: 4 };

  it('goes on for an hour while nothing of its copy comes and its leader is at a base backup, and not for ever', () => {
    const progress = new RejoinProgress(90_000, 0);
    for (let now = 0; now < 3_600_000; now += 30_000) expect(progress.saw(waiting, now)).toBe('goes-on');
    expect(progress.saw(waiting, 3_600_000)).toBe('goes-on');
    expect(progress.saw(waiting, 3_690_000)).toBe('stalled');
  });

  it('starts over when its copy is broken off each time before anything of it has come', () => {
    const progress = new RejoinProgress(90_000, 0);
    const verdicts = Array.from({ length: 12 }, (_, turn) =>
      progress.saw(turn % 2 === 0 ? waiting : { ...waiting, waits: false }, turn * 10_000),
    );
    expect(verdicts.indexOf('starts-over')).toBe(9);
  });

  it('is stalled when its file systems fill, and Patroni is not at the copy', () => {
    const progress = new RejoinProgress(90, 0);
    const seen = (creates: boolean, now: number) =>
      progress.saw({ ...stopped, creates, usedKib: 1000 + now }, now);
    expect([0, 50, 100, 150].map((now) => seen(true, now))).not.toContain('stalled');
    expect([200, 241].map((now) => seen(false, now))).toEqual(['goes-on', 'stalled']);
  });
});
