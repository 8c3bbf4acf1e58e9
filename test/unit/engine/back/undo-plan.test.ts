import { expect, it } from 'vitest';
import { storyOf } from '../../../../lib/engine/back/story.ts';
import { planUndo } from '../../../../lib/engine/back/undo-plan.ts';
import { parseJournal } from '../../../../lib/engine/journal/read.ts';
import type { JournalRecord } from '../../../../lib/engine/journal/records.ts';

function promotion(notBegun?: true): string {
  const records: JournalRecord[] = [
    {
      type: 'run.started',
      version: 3,
      time: 1,
      operator: 'root@backup1',
      pid: 1,
      runId: '20261122T144512-7f3a',
      playbook: '/srv/cutover.yml',
      inventories: ['/srv/inventory.yml'],
      extraVars: {},
    },
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
