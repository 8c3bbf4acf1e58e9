import { expect, it } from 'vitest';
import type { PitrError } from '../../../../lib/base/errors/pitr-error.ts';
import { endOrphansOfRun } from '../../../../lib/engine/back/end-orphans-of-run.ts';
import { parseJournal } from '../../../../lib/engine/journal/read.ts';
import type { JournalRecord } from '../../../../lib/engine/journal/records.ts';
import type { HostConnection } from '../../../../lib/transport/types.ts';

const STARTED: JournalRecord = {
  type: 'run.started',
  version: 3,
  time: 1,
  operator: 'root@backup1',
  pid: 1,
  runId: '20261122T144512-7f3a',
  playbook: '/srv/recover.yml',
  inventories: ['/srv/inventory.yml'],
  extraVars: {},
};

const intended = (number: number): JournalRecord => ({
  type: 'change.intended',
  time: 2,
  number,
  host: `host${number}`,
  module: 'core.command',
  params: {},
  change: { summary: 'run rsync' },
  undoable: true,
});
const done = (number: number): JournalRecord => ({ type: 'change.done', time: 3, number, result: {} });
const failed = (number: number): JournalRecord => ({
  type: 'change.failed',
  time: 3,
  number,
  error: { kind: 'unreachable', code: 'connection-lost', message: 'lost' },
});
const undo = (type: 'change.undoing' | 'change.undone', number: number): JournalRecord => ({
  type,
  time: 4,
  number,
});

const SEARCH = {
  signal: new AbortController().signal,
  tell: () => {},
  blind: (error: PitrError) => {
    throw error;
  },
};

it('is looked for among the oldest processes, too, where the clock tells no age', async () => {
  const now = Date.now();
  const agesAt = async (started: number): Promise<readonly string[]> => {
    const text = [STARTED, { ...intended(1), time: started }].map((record) => JSON.stringify(record));
    const ages: string[] = [];
    const connection = (name: string) => {
      const run = (argv: readonly string[]) => {
        ages.push(argv.at(-1) ?? '');
        return Promise.resolve({ exitCode: 0, stdout: '@left\n', stderr: '' });
      };
      return { name, run } as unknown as HostConnection;
    };
    const run = parseJournal(text.join('\n'), 'journal.jsonl');
    await endOrphansOfRun(run, { ...SEARCH, among: run.changes, connection });
    return ages;
  };
  const [past = ''] = await agesAt(now - 60_000);
  expect(Number(past)).toBeGreaterThanOrEqual(180);
  expect(Number(past)).toBeLessThan(240);
  const [future = ''] = await agesAt(now + 3_600_000);
  expect(Number(future)).toBeGreaterThan(1e8);
});

it('is looked for wherever a change or its undo may have been cut off, and not where it may stay', async () => {
  const records = [
    STARTED,
    ...[intended(1), done(1)],
    ...[intended(2)],
    ...[intended(3), failed(3)],
    ...[intended(4), failed(4)],
    ...[intended(5), done(5), undo('change.undoing', 5)],
    ...[intended(6), undo('change.undoing', 6), undo('change.undone', 6)],
  ];
  const run = parseJournal(records.map((record) => JSON.stringify(record)).join('\n'), 'journal.jsonl');
  const looked: string[] = [];
  const connection = (name: string) => {
    looked.push(name);
    const run = () => Promise.resolve({ exitCode: 0, stdout: '@left\n', stderr: '' });
    return { name, run } as unknown as HostConnection;
  };
  const among = run.changes.filter(({ intent }) => intent.number !== 4);
  await endOrphansOfRun(run, { ...SEARCH, among, connection });
  expect(looked).toEqual(['host2', 'host3', 'host5']);
});
