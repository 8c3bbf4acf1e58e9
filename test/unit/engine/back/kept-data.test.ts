import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { concernsPostgres, whyNotYet } from '../../../../lib/engine/back/kept-data.ts';
import { type JournalledRun, readRun } from '../../../../lib/engine/journal/read.ts';
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
