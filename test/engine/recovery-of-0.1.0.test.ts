import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { keptBy } from '../../lib/engine/back/kept-data.ts';
import { resumeRequest } from '../../lib/engine/back/resume.ts';
import { storyOf } from '../../lib/engine/back/story.ts';
import { planUndo } from '../../lib/engine/back/undo-plan.ts';
import { effectsOf } from '../../lib/engine/journal/effects-of.ts';
import { pastOf } from '../../lib/engine/journal/past.ts';
import { believed, type JournalledRun, readRun } from '../../lib/engine/journal/read.ts';
import { runStatus } from '../../lib/engine/journal/status.ts';
import { aMinuteAgo } from './aged.ts';
import { newDirectory } from './support.ts';

/** What pitr 0.1.0 has written on the lab; results and params are left out, and long texts are cut. */
const KEPT = join(import.meta.dirname, '../fixtures/journals-0.1.0/runs');
/** A recovery that waits for a decision; and one that was cut over in the same run. */
const WAITS = '20261127T234116-0f11';
const CUT_OVER = '20261127T233522-7c41';

/** As pitr 0.1.0 left it a minute ago on this machine: whole, or killed in the middle of a change. */
async function left(id: string, killedIn?: number): Promise<JournalledRun> {
  const lines = (await readFile(join(KEPT, id, 'journal.jsonl'), 'utf8')).split('\n');
  const last = lines.findIndex((line) => line.includes(`"change.intended"`) && numberIn(line) === killedIn);
  if (killedIn !== undefined && last < 0) throw new Error(`it has no change ${killedIn}`);
  const written = killedIn === undefined ? lines : [...lines.slice(0, last + 1), ''];
  const state = await newDirectory();
  await mkdir(join(state, 'runs', id), { recursive: true, mode: 0o700 });
  const text = aMinuteAgo(written.join('\n')).replace('root@backup1', `root@${hostname()}`);
  await writeFile(join(state, 'runs', id, 'journal.jsonl'), text, { mode: 0o600 });
  return readRun(id, state);
}

function numberIn(line: string): number {
  const { number }: { readonly number: number } = JSON.parse(line);
  return number;
}

/** From the newest to the oldest. */
const down = (from: number, to: number): readonly number[] =>
  Array.from({ length: from - to + 1 }, (_, index) => from - index);

const numbers = (changes: JournalledRun['changes']): readonly number[] =>
  changes.map(({ intent }) => intent.number);

describe('a recovery by pitr 0.1.0 that waits', () => {
  it('is read: how it ended, what it keeps, and what its changes mean to the cluster', async () => {
    const run = await left(WAITS);
    expect([run.started.version, runStatus(run), run.origin.own, run.believed]).toEqual([
      3,
      'ok',
      false,
      false,
    ]);
    expect(run.changes.flatMap(({ intent }) => intent.effects ?? [])).toEqual([]);
    expect(keptBy([run])).toMatchObject([
      { host: 'db3', path: `/var/lib/postgresql/15/patroni3.pre-pitr.${WAITS}`, kind: 'old data' },
      { host: 'db3', path: '/var/lib/postgresql/15/patroni3.pitr-run', kind: 'log' },
    ]);
    expect(meanings(run)).toEqual(['4 leaves']);
  });

  it('is taken back as a whole', async () => {
    const { steps, wall, shown } = await planUndo(storyOf(await left(WAITS), []));
    expect([numbers(steps), wall]).toEqual([down(8, 1), undefined]);
    expect([...shown.values()].flat()).toEqual([
      'renames /var/lib/postgresql/15/patroni3 to /var/lib/postgresql/15/patroni3.pitr',
      `renames /var/lib/postgresql/15/patroni3.pre-pitr.${WAITS} to /var/lib/postgresql/15/patroni3`,
    ]);
  });

  it.each(down(8, 1))('and was killed in its change %i: is taken back, or gone on with', async (killedIn) => {
    const run = await left(WAITS, killedIn);
    expect(runStatus(run)).toBe('died');
    const { steps, wall } = await planUndo(storyOf(run, []));
    expect([numbers(steps), wall]).toEqual([down(killedIn, 1), undefined]);
    const wish = { inventories: [], extraVars: {}, mode: 'run', forks: 10, again: 'pitr resume' } as const;
    expect(resumeRequest(believed(run), wish)).toMatchObject({ extraVars: { target: 'db3' } });
    // All but the lock, which each process takes anew, and what was being made.
    expect(pastOf(run.records).changeCount).toBe(Math.max(0, killedIn - 2));
  });
});

describe('a recovery by pitr 0.1.0 that was cut over', () => {
  it('is read: what its changes mean to the cluster', async () => {
    const run = await left(CUT_OVER);
    expect(runStatus(run)).toBe('ok');
    expect(meanings(run)).toEqual([
      '4 leaves',
      '9 begins a history',
      '13 leaves',
      '14 leaves',
      '15 leaves as leader',
      '16 joins',
      '20 joins',
      '23 joins',
      '24 joins',
    ]);
  });

  it.each(down(26, 1))(
    'and was killed in its change %i: is taken back as far as anything leads',
    async (killedIn) => {
      const run = await left(CUT_OVER, killedIn);
      expect(runStatus(run)).toBe('died');
      const { steps, wall, story } = await planUndo(storyOf(run, []));
      expect(story.closed?.why).toBe(killedIn >= 16 ? 'cut over' : undefined);
      if (killedIn >= 16) expect([steps, wall]).toEqual([[], undefined]);
      else if (killedIn <= 8) expect([numbers(steps), wall]).toEqual([down(killedIn, 1), undefined]);
      else
        expect([numbers(steps), wall?.change.intent.module]).toEqual(
          killedIn === 9 ? [[], 'postgres.promote'] : [down(killedIn, 11), 'postgres.recovery'],
        );
    },
  );
});

function meanings({ changes }: JournalledRun): readonly string[] {
  return changes.flatMap(({ intent }) =>
    effectsOf(intent).flatMap(({ cluster }) =>
      cluster === undefined ? [] : [`${intent.number} ${cluster}`],
    ),
  );
}
