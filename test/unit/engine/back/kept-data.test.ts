import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { concernsPostgres, whyNotYet } from '../../../../lib/engine/back/kept-data.ts';
import { atWorkElsewhere } from '../../../../lib/engine/back/refuse-at-work.ts';
import { type JournalledRun, parseJournal, readRun } from '../../../../lib/engine/journal/read.ts';
import type { JournalRecord } from '../../../../lib/engine/journal/records.ts';

/** A run that has ended so, after changes by these modules: `patroni.member stopped` by what it made. */
async function run(
  runId: string,
  status: 'ok' | 'failed' | 'interrupted',
  ...modules: readonly string[]
): Promise<JournalledRun> {
  const directory = await mkdtemp(join(tmpdir(), 'pitr-kept-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const here = { time: 0, operator: 'root@here', pid: 1, inventories: [], extraVars: {} };
  const records: readonly JournalRecord[] = [
    { type: 'run.started', version: 2, ...here, runId, playbook: 'play.yml', tags: [], skipTags: [] },
    ...modules
      .map((made) => made.split(' '))
      .flatMap(([module = '', how], index): JournalRecord[] => [
        {
          type: 'change.intended',
          time: 0,
          number: index + 1,
          host: 'db2',
          module,
          params: {},
          change: {
            summary: module,
            ...{
              pgdata: '/data',
              state: how ?? 'running',
              mode: how,
              src: '/data',
              dest: '/data.pre-pitr.a',
            },
          },
          ...(module === 'core.lock' ? { everyRun: true as const } : {}),
          undoable: true,
        },
        { type: 'change.done', time: 0, number: index + 1, result: {} },
      ]),
    { type: 'run.finished', time: 0, status, recap: {} },
  ];
  await mkdir(join(directory, 'runs', runId), { recursive: true });
  const path = join(directory, 'runs', runId, 'journal.jsonl');
  await writeFile(path, records.map((record) => `${JSON.stringify(record)}\n`).join(''));
  return readRun(runId, directory);
}

it('a way back that was answered with no does not keep the old data from being let go', async () => {
  const recovered = await run('a', 'ok', 'core.lock', 'postgres.promote', 'patroni.member');
  const declined = await run('b', 'interrupted', 'core.lock');
  expect(whyNotYet([recovered, declined])).toBeUndefined();
});

it('a way back that failed after it had changed something keeps it', async () => {
  const recovered = await run('a', 'ok', 'core.lock', 'postgres.promote', 'patroni.member');
  const broken = await run('b', 'failed', 'core.lock', 'patroni.member');
  expect(whyNotYet([recovered, broken])).toBe('the last run of this recovery, b, did not end well');
});

/** Processes of another controller, of which nobody here can tell whether they are at work. */
const ELSEWHERE = { time: 1, operator: 'root@another-machine', pid: 7 };

/** The same journal, as somebody has gone on with it. */
function goneOn(one: JournalledRun, ...more: readonly JournalRecord[]): JournalledRun {
  return parseJournal([...one.records, ...more].map((record) => JSON.stringify(record)).join('\n'), one.path);
}

/** The same run, as it died on another controller. */
function withoutEnd(one: JournalledRun): JournalledRun {
  const records = one.records.flatMap((record): JournalRecord[] => {
    if (record.type === 'run.finished') return [];
    return [record.type === 'run.started' ? { ...record, ...ELSEWHERE } : record];
  });
  return parseJournal(records.map((record) => JSON.stringify(record)).join('\n'), one.path);
}

it('an undo that died on another controller keeps nothing once the run was gone on with to its good end', async () => {
  const recovered = await run('a', 'ok', 'core.lock', 'postgres.promote', 'patroni.member');
  const begun = goneOn(recovered, { ...ELSEWHERE, type: 'undo.started' });
  const resumed: JournalRecord = { ...ELSEWHERE, type: 'run.resumed', inventories: [], extraVars: {} };
  const ended: JournalRecord = { type: 'run.finished', time: 2, status: 'ok', recap: {} };
  expect(whyNotYet([goneOn(begun, { type: 'change.undoing', time: 1, number: 3 })])).toBe(
    'run a was only partly taken back',
  );
  expect(whyNotYet([goneOn(begun, resumed, ended)])).toBeUndefined();
  expect(atWorkElsewhere(goneOn(begun, resumed, ended))).toBeUndefined();
});

it('a run that died on another controller keeps nothing once it was taken back whole', async () => {
  const recovered = await run('a', 'ok', 'core.lock', 'fs.move', 'postgres.start isolated');
  const died = withoutEnd(await run('b', 'ok', 'core.lock', 'fs.move'));
  const cutOver = await run('c', 'ok', 'core.lock', 'postgres.promote', 'patroni.member');
  const undone = [2, 1].map((number): JournalRecord => ({ type: 'change.undone', time: 3, number }));
  const end: JournalRecord = { type: 'undo.finished', time: 4, status: 'ok' };
  const back = goneOn(died, { ...ELSEWHERE, type: 'undo.started' }, ...undone, end);
  expect(whyNotYet([recovered, back, cutOver])).toBeUndefined();
  expect(atWorkElsewhere(back)).toBeUndefined();
});

it('a run that may be at work elsewhere keeps it while it is the last one, and is asked about where another came after it', async () => {
  const recovered = await run('a', 'ok', 'core.lock', 'fs.move', 'postgres.start isolated');
  const perhaps = withoutEnd(await run('b', 'ok', 'core.lock', 'postgres.promote'));
  expect(whyNotYet([recovered, perhaps])).toBe('run b has not ended');
  const cutOver = await run('c', 'ok', 'core.lock', 'postgres.promote', 'patroni.member');
  expect(whyNotYet([recovered, perhaps, cutOver])).toBeUndefined();
  expect(atWorkElsewhere(perhaps)).toContain(
    'Run b did not say that it ended. It was started on another-machine',
  );
});

it('what stands beside the cluster waits for no cut-over, but for its own good end', async () => {
  expect(
    whyNotYet([await run('a', 'ok', 'barman.keep', 'postgres.start', 'postgres.promote')]),
  ).toBeUndefined();
  expect(whyNotYet([await run('b', 'failed', 'barman.keep', 'postgres.start')])).toBe(
    'the last run of this recovery, b, did not end well',
  );
  expect(whyNotYet([await run('c', 'ok', 'core.lock', 'patroni.member stopped', 'fs.move')])).toBe(
    'its recovery has not been cut over: no node was promoted',
  );
  // A member that was down already when it was recovered: no change has stopped it.
  expect(whyNotYet([await run('d', 'ok', 'core.lock', 'barman.keep', 'postgres.start isolated')])).toBe(
    'its recovery has not been cut over: no node was promoted',
  );
});

it('members that were rebuilt, and a recovery that was taken back, wait for no cut-over', async () => {
  const rejoined = await run('a', 'ok', 'core.lock', 'patroni.member stopped', 'fs.move', 'patroni.member');
  expect(whyNotYet([rejoined])).toBeUndefined();
  const recovered = await run(
    'a',
    'ok',
    'core.lock',
    'patroni.member stopped',
    'fs.move',
    'postgres.start isolated',
  );
  const notCutOver = 'its recovery has not been cut over: no node was promoted';
  expect(whyNotYet([recovered])).toBe(notCutOver);
  expect(whyNotYet([recovered, await run('b', 'ok', 'core.lock', 'fs.move')])).toBe(notCutOver);
  expect(
    whyNotYet([recovered, await run('b', 'ok', 'core.lock', 'fs.move', 'patroni.member')]),
  ).toBeUndefined();
});

it('a cluster is concerned as soon as a member was touched, also by a journal of 0.1.0', async () => {
  for (const module of ['postgres.promote', 'patroni.member'])
    expect(concernsPostgres([await run('a', 'ok', 'core.lock'), await run('b', 'ok', module)]), module).toBe(
      true,
    );
  expect(concernsPostgres([await run('c', 'ok', 'core.lock', 'barman.keep', 'fs.move')])).toBe(false);
});
