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
