import { expect, it } from 'vitest';
import { MASK } from '../../../../lib/base/values/secret.ts';
import type { Change } from '../../../../lib/contract/module.ts';
import { storyOf } from '../../../../lib/engine/back/story.ts';
import { planUndo } from '../../../../lib/engine/back/undo-plan.ts';
import { parseJournal } from '../../../../lib/engine/journal/read.ts';
import type { JournalRecord } from '../../../../lib/engine/journal/records.ts';

const STARTED: JournalRecord = {
  type: 'run.started',
  version: 3,
  time: 1,
  operator: 'root@backup1',
  pid: 1,
  runId: '20261122T144512-7f3a',
  playbook: '/srv/cutover.yml',
  inventories: ['/srv/inventory.yml'],
  extraVars: {},
};

function promotion(notBegun?: true): string {
  const records: JournalRecord[] = [
    STARTED,
    {
      type: 'change.intended',
      time: 2,
      number: 1,
      host: 'db2',
      module: 'postgres.promote',
      params: {},
      change: { summary: 'promote' },
      undoable: 'a promotion starts a new timeline',
    },
    {
      type: 'change.failed',
      time: 3,
      number: 1,
      error: { kind: 'failed', code: 'lock-lost', message: 'the lock is lost' },
      notBegun,
    },
  ];
  return records.map((record) => JSON.stringify(record)).join('\n');
}

it('is not held up by a promotion before which the lock was lost, and is by one that failed', async () => {
  expect((await planUndo(storyOf(parseJournal(promotion(true), 'journal.jsonl'), []))).wall).toBeUndefined();
  expect((await planUndo(storyOf(parseJournal(promotion(), 'journal.jsonl'), []))).wall).toMatchObject({
    change: { intent: { number: 1 } },
  });
});

it('writes no mask in what a newer pitr changed in a run that an older one had begun', async () => {
  const change: Change & { readonly text: string } = { summary: 'write', text: `password=${MASK}` };
  const written = (effects?: readonly []): JournalRecord => ({
    type: 'change.intended',
    time: 2,
    number: 1,
    host: 'db2',
    module: 'fs.file',
    params: {},
    change,
    effects,
    undoable: true,
  });
  const wallOf = async (record: JournalRecord) => {
    const text = [STARTED, record].map((one) => JSON.stringify(one)).join('\n');
    return (await planUndo(storyOf(parseJournal(text, 'journal.jsonl'), []))).wall;
  };
  expect(await wallOf(written())).toBeUndefined();
  expect(await wallOf(written([]))).toMatchObject({ why: expect.stringContaining('"text"') });
});

function made(number: number, module: string, undoable: true | string = true): readonly JournalRecord[] {
  return [
    {
      type: 'change.intended',
      time: 2,
      number,
      host: 'db2',
      module,
      params: {},
      change: { summary: module },
      effects: [],
      undoable,
    },
    { type: 'change.done', time: 3, number, result: {} },
  ];
}

async function wayAround(...records: readonly (readonly JournalRecord[])[]) {
  const text = [STARTED, ...records.flat()].map((one) => JSON.stringify(one)).join('\n');
  const story = storyOf(parseJournal(text, 'journal.jsonl'), []);
  const { wayAround: way } = await planUndo(story);
  if (way !== undefined) expect((await planUndo(story, way)).wall).toBeUndefined();
  return way;
}

it('names every change that has to stay for older ones to be taken back, so that one command does it', async () => {
  const copy = (number: number) => made(number, 'fs.copy');
  const command = (number: number) => made(number, 'core.command', 'the task gives no "undo" command');
  const promoted = made(2, 'postgres.promote', 'a promotion starts a new timeline');
  expect(await wayAround(command(1), copy(2), command(3), copy(4), command(5))).toEqual({ keep: [5, 3, 1] });
  expect(await wayAround(command(1), promoted, command(3), copy(4), command(5))).toEqual({
    keep: [5],
    from: 4,
  });
  expect(await wayAround(copy(1), promoted, command(3))).toBeUndefined();
  expect(await wayAround(command(1), command(2))).toBeUndefined();
});
