import { describe, expect, it } from 'vitest';
import { judgeRightRun, type NamedRun } from '../../../../cli/peek/right-run.ts';
import type { JournalledRun } from '../../../../lib/engine/journal/read.ts';
import { errorOf } from '../../../support/errors.ts';

/** A run that has started an isolated PostgreSQL, as far as peek looks at it. */
function started(runId: string, time: number, facts: { pgdata?: string; host?: string; undone?: true } = {}) {
  const { pgdata = '/data', host = 'spare1', undone = false } = facts;
  const effects = [{ kind: 'postgres', id: pgdata, state: 'running, isolated', lasts: 'until it ends' }];
  const changes = [{ intent: { host, time, effects }, ended: 'done', undone }];
  return { started: { runId, time }, changes } as unknown as JournalledRun;
}

const judge = (run: JournalledRun, ...others: readonly JournalledRun[]) => {
  const named: NamedRun = { run, host: 'spare1', pgdata: '/data', beside: ['-i', 'lab.yml'], notes: [] };
  return async () => judgeRightRun(named, 'none', others);
};

describe('a recovery without a note, outside the cluster', () => {
  const first = started('r1', 1);

  it.each([
    ['alone', []],
    ['beside one in another place', [started('r2', 2, { pgdata: '/other' })]],
    ['beside one on another host', [started('r2', 2, { host: 'db1' })]],
    ['after one that was taken back', [started('r2', 2, { undone: true })]],
  ])('is that of the run that was the last to start it: %s', async (_, others) => {
    await expect(judge(first, ...others)()).resolves.toBeUndefined();
  });

  it('is not that of a run after which another has started it', async () => {
    const error = await errorOf(judge(first, started('r2', 2))());
    expect(error).toMatchObject({ kind: 'refused', code: 'peek-other-recovery' });
    expect(error.next.at(-1)).toBe('Look at what waits there: pitr peek spare1 -i lab.yml');
  });

  it('is nobody’s where all who started it have taken that back', async () => {
    const error = await errorOf(judge(started('r1', 1, { undone: true }))());
    expect(error).toMatchObject({ kind: 'refused', code: 'peek-recovery-unknown' });
  });
});
