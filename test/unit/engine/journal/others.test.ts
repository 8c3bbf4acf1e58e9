import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Effect } from '../../../../lib/contract/effects.ts';
import { beginningHere } from '../../../../lib/engine/journal/beginning.ts';
import { readOthers, readTelling } from '../../../../lib/engine/journal/others.ts';
import { listRuns, readRun } from '../../../../lib/engine/journal/read.ts';
import { JOURNAL_VERSION, type JournalRecord } from '../../../../lib/engine/journal/records.ts';

let state: string;

beforeEach(async () => {
  state = await mkdtemp(join(tmpdir(), 'pitr-others-'));
});

afterEach(() => rm(state, { recursive: true }));

const FILE: Effect = { kind: 'path', id: '/etc/motd', state: 'file', lasts: 'for good' };

function begun(runId: string, extraVars: Record<string, unknown> = {}): JournalRecord {
  const given = { playbook: '/srv/site.yml', inventories: ['/srv/inventory.yml'], extraVars };
  return { type: 'run.started', version: JOURNAL_VERSION, ...beginningHere(), ...given, runId };
}

function changed(effects: readonly Effect[] | undefined, summary = 'a change'): JournalRecord {
  const step = { task: '1.1', turn: 1, host: 'db2' };
  const intent = {
    time: 2,
    number: 1,
    host: 'db2',
    step,
    module: 'site.odd',
    params: {},
    undoable: true,
  } as const;
  return {
    type: 'change.intended',
    ...intent,
    change: { summary },
    ...(effects === undefined ? {} : { effects }),
  };
}

async function keeps(runId: string, ...records: readonly (JournalRecord | string)[]): Promise<void> {
  await mkdir(join(state, 'runs', runId), { recursive: true });
  const lines = records.map((record) => (typeof record === 'string' ? record : JSON.stringify(record)));
  await writeFile(join(state, 'runs', runId, 'journal.jsonl'), lines.map((line) => `${line}\n`).join(''));
}

async function others(): Promise<readonly string[]> {
  return (await readOthers(await readRun('asked', state), state)).map(({ started }) => started.runId);
}

async function telling(): Promise<readonly string[]> {
  return (await readTelling(await listRuns(state), { directory: state })).map(({ reference }) => reference);
}

it.each<[string, readonly Effect[]]>([
  ['nothing behind', []],
  ['files', [FILE, { ...FILE, id: '/etc/hosts', supersedes: true }]],
])('a run that has left %s tells nothing of others', async (_, effects) => {
  await keeps('asked', begun('asked'), changed([]));
  await keeps(
    'plain',
    begun('plain', { runId: 'something else' }),
    changed(effects, 'says "about": and "cluster":'),
  );
  expect(await others()).toEqual([]);
  expect(await telling()).toEqual([]);
});

it.each<[string, Effect]>([
  ['has taken a member out of its cluster', { ...FILE, cluster: 'leaves' }],
  ['is about others', { ...FILE, about: { runs: [], takesBack: false, ways: [] } }],
  ['has moved data', { ...FILE, movedTo: { id: '/srv/old' } }],
  ['has left old data', { ...FILE, leaves: { path: '/srv/old', as: 'old data' } }],
  ['has started a server', { ...FILE, lasts: 'until it ends' }],
  ['holds a lock', { ...FILE, lasts: 'while pitr holds it' }],
  ['holds a backup', { ...FILE, lasts: 'until commit' }],
])('a run that %s is read', async (_, effect) => {
  await keeps('asked', begun('asked'), changed([]));
  await keeps('other', begun('other'), changed([]), changed([FILE, effect]));
  expect(await others()).toEqual(['other']);
  expect(await telling()).toEqual(['other']);
});

it('a run whose changes do not say what they leave, as those of pitr 0.1.0, is read', async () => {
  await keeps('asked', begun('asked'));
  await keeps('old', begun('old'), changed(undefined));
  expect(await others()).toEqual(['old']);
});

it('a run that names the one that is asked about is read, and so is one that another is about', async () => {
  const about = (...runs: string[]): Effect => ({ ...FILE, about: { runs, takesBack: false, ways: [] } });
  await keeps('asked', begun('asked'), changed([about('a')]));
  await keeps('a', begun('a'), changed([]));
  await keeps('b', begun('b', { recovery_run: 'asked' }), changed([]));
  await keeps('c', begun('c'), changed([about('d')]));
  await keeps('d', begun('d'), changed([]));
  await keeps('e', begun('e'), changed([]));
  expect(await others()).toEqual(['a', 'b', 'c', 'd']);
});

it('a damaged one is told still where it names the run', async () => {
  await keeps('asked', begun('asked'));
  await keeps('damaged', begun('damaged'), '{"type":', changed([], 'of asked'));
  await expect(others()).rejects.toMatchObject({ code: 'journal-unreadable' });
});
