import { describe, expect, it } from 'vitest';
import { PitrError } from '../../../../lib/base/errors/pitr-error.ts';
import { formatDuration, parseDuration } from '../../../../lib/base/wait/duration.ts';
import {
  type Clock,
  deadlinePassed,
  lastSeen,
  pauseAfter,
  until,
  type Waiting,
} from '../../../../lib/base/wait/until.ts';

/** A clock that stands still but for the pauses. */
class ManualClock implements Clock {
  time = 0;
  readonly pauses: number[] = [];
  now(): number {
    return this.time;
  }
  async pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    this.pauses.push(ms);
    this.time += ms;
  }
}

function waiting(seen: readonly number[], more: Partial<Waiting<number>> = {}) {
  const clock = new ManualClock();
  const left = [...seen];
  const outcome = until(async () => left.shift() ?? -1, {
    deadlineMs: 1000,
    everyMs: 400,
    done: (value) => value === 3,
    late: (value) =>
      deadlinePassed({ what: 'the number to be 3', deadlineMs: 1000, lastSeen: `it was ${value}` }),
    clock,
    ...more,
  });
  return { clock, outcome };
}

describe('waiting', () => {
  it('does not pause when it is so at once', async () => {
    const { clock, outcome } = waiting([3]);
    expect(await outcome).toBe(3);
    expect(clock.pauses).toEqual([]);
  });

  it('looks again until it is so', async () => {
    const { clock, outcome } = waiting([1, 2, 3]);
    expect(await outcome).toBe(3);
    expect(clock.pauses).toEqual([400, 400]);
  });

  it('pauses as long as the look took, so that looks alone do not keep a slow host busy: 5 s at most', async () => {
    const clock = new ManualClock();
    const left = [[100, 1] as const, [700, 2] as const, [60_000, 2] as const, [0, 3] as const];
    await until(
      async () => {
        const [took, value] = left.shift() ?? [0, -1];
        clock.time += took;
        return value;
      },
      {
        deadlineMs: 100_000,
        everyMs: 400,
        done: (value) => value === 3,
        late: () => new PitrError({ kind: 'failed', code: 'late', message: 'late' }),
        clock,
      },
    );
    expect(clock.pauses).toEqual([400, 700, 5_000]);
  });

  it('pauses for no less than it was told to, however long the look took', () => {
    expect([0, 6_000, 60_000].map((lookMs) => pauseAfter(lookMs, 30_000))).toEqual([30_000, 30_000, 30_000]);
  });

  it('looks once more at the deadline, then says what it waited for and last saw', async () => {
    const { clock, outcome } = waiting([0, 1, 2, 9, 3]);
    await expect(outcome).rejects.toMatchObject({
      kind: 'failed',
      code: 'deadline-passed',
      message: 'waited 1 s for the number to be 3; last seen: it was 9',
    });
    expect(clock.pauses).toEqual([400, 400, 200]);
  });

  it('gives what it last saw at the deadline where that is an answer, too', async () => {
    const clock = new ManualClock();
    const left = [0, 1, 2, 9, 3];
    const seen = await lastSeen(async () => left.shift(), {
      deadlineMs: 1000,
      everyMs: 400,
      done: (value) => value === 3,
      clock,
    });
    expect(seen).toBe(9);
    expect(clock.pauses).toEqual([400, 400, 200]);
  });

  it('ends at once when it is stopped', async () => {
    const stop = new AbortController();
    const { outcome } = waiting([1, 2, 3], { signal: stop.signal, onSeen: () => stop.abort() });
    await expect(outcome).rejects.toMatchObject({ kind: 'interrupted' });
  });

  it('does not hide a failed look', async () => {
    const outcome = until(() => Promise.reject(new Error('host is gone')), {
      deadlineMs: 1000,
      everyMs: 400,
      done: () => false,
      late: () => deadlinePassed({ what: 'the host', deadlineMs: 1000, lastSeen: 'nothing' }),
    });
    await expect(outcome).rejects.toThrow('host is gone');
  });

  it('goes on over a look that may fail once; at the deadline that is told, with what was seen before', async () => {
    const silent = new PitrError({ kind: 'failed', code: 'silent', message: 'no answer', next: ['Ask it.'] });
    const over = (seen: readonly (number | PitrError)[], passing: readonly string[]) => {
      const clock = new ManualClock();
      const left = [...seen];
      return until(
        async () => {
          const found = left.shift() ?? silent;
          if (found instanceof PitrError) throw found;
          return found;
        },
        {
          deadlineMs: 1000,
          everyMs: 400,
          done: (value) => value === 3,
          late: (value) => deadlinePassed({ what: '3', deadlineMs: 1000, lastSeen: `it was ${value}` }),
          passing,
          clock,
        },
      );
    };
    expect(await over([1, silent, 3], ['silent'])).toBe(3);
    await expect(over([1, silent, 3], ['other'])).rejects.toBe(silent);
    await expect(over([silent, 1, 2, 4], ['silent'])).rejects.toMatchObject({ code: 'deadline-passed' });
    const blind = over([1, 2], ['silent']);
    await expect(blind).rejects.toMatchObject({ code: 'silent', message: 'no answer', next: ['Ask it.'] });
    await expect(blind).rejects.toMatchObject({
      details: [
        'It was asked again and again for 1 s, at last without an answer.',
        'Seen before: waited 1 s for 3; last seen: it was 2',
      ],
    });
  });

  it('tells the reason that the signal has', async () => {
    const stop = new AbortController();
    const reason = new PitrError({ kind: 'failed', code: 'task-timeout', message: 'the task took too long' });
    const { outcome } = waiting([1, 2, 3], { signal: stop.signal, onSeen: () => stop.abort(reason) });
    await expect(outcome).rejects.toBe(reason);
  });
});

describe('durations', () => {
  it.each([
    [30, 30_000],
    [0.5, 500],
    ['30', 30_000],
    ['30 s', 30_000],
    ['250ms', 250],
    ['5 min', 300_000],
    ['1.5 h', 5_400_000],
  ])('%j is %d ms', (given, expected) => {
    expect(parseDuration(given)).toBe(expected);
  });

  it.each(['', 'soon', '-1', '5 fortnights', '1:30', Number.NaN, -1])('%j is not a duration', (given) => {
    expect(parseDuration(given)).toBeUndefined();
  });

  it.each([
    [450, '450 ms'],
    [12_300, '12 s'],
    [60_000, '1 min'],
    [185_000, '3 min 5 s'],
    [7_800_000, '2 h 10 min'],
  ])('%d ms is shown as %s', (ms, expected) => {
    expect(formatDuration(ms)).toBe(expected);
  });
});
