import { type FileHandle, open, readFile, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { resumeRequest } from '../../lib/engine/back/resume.ts';
import { readStory } from '../../lib/engine/back/story.ts';
import { type UndoOutcome, undoRun } from '../../lib/engine/back/undo.ts';
import { planUndo, type UndoPlan } from '../../lib/engine/back/undo-plan.ts';
import { readRun } from '../../lib/engine/journal/read.ts';
import { newDirectory, type Played, play } from './support.ts';

/** From the first record on that holds the text, the disk of the controller is full, until `mend`. */
async function fullFrom(text: string, directory: string): Promise<{ readonly mend: () => void }> {
  const handle = await open(join(directory, 'any'), 'w');
  await handle.close();
  const handles: FileHandle = Object.getPrototypeOf(handle);
  const { write } = handles;
  let full = false;
  const spy = vi.spyOn(handles, 'write');
  onTestFinished(() => spy.mockRestore());
  spy.mockImplementation(async function writes(this: FileHandle, ...given: unknown[]) {
    full ||= String(given[0]).includes(text);
    if (full) throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
    return Reflect.apply(write, this, given);
  });
  return { mend: () => spy.mockRestore() };
}

async function resumed(runId: string, directory: string, yaml: string): Promise<Played> {
  const run = await readRun(runId);
  const wish = { inventories: [], extraVars: {}, mode: 'run', forks: 10, again: '' } as const;
  return play(yaml, { ...resumeRequest(run, wish), directory });
}

function undo(plan: UndoPlan): Promise<UndoOutcome> {
  return undoRun({
    plan,
    again: 'pitr undo run',
    inventories: [],
    extraVars: {},
    signal: new AbortController().signal,
    report: () => {},
  });
}

/** As if the run's process were gone. */
async function die(runId: string): Promise<void> {
  const { path } = await readRun(runId);
  const text = await readFile(path, 'utf8');
  await writeFile(path, text.replace(/"process":"[^"]*"/, '"process":"gone"'));
}

const logOf = async (directory: string): Promise<string[]> =>
  (await readFile(join(directory, 'log'), 'utf8')).trimEnd().split('\n');

const step = (name: string): string =>
  `{ name: ${name}, core.shell: { script: "echo ${name} >> DIR/log", undo: "echo undo-${name} >> DIR/log" } }`;

describe('a controller whose disk is full', () => {
  const YAML = `
- hosts: one
  tasks:
    - ${step('first')}
    - ${step('second')}
`;

  it('stops the run before its next change, and the run is gone on with when there is room', async () => {
    const directory = await newDirectory();
    const disk = await fullFrom('"number":2', directory);
    const { outcome } = await play(YAML, { directory });
    expect(outcome).toMatchObject({ status: 'failed', error: { code: 'journal-not-written' } });
    expect(outcome.error?.next.at(-1)).toBe(`Then go on: pitr resume ${outcome.runId}`);
    expect(await logOf(directory)).toEqual(['first']);
    disk.mend();
    await die(outcome.runId);
    expect((await resumed(outcome.runId, directory, YAML)).outcome.status).toBe('ok');
    expect(await logOf(directory)).toEqual(['first', 'second']);
  });

  it('stops an undo, which says what is back and how to go on', async () => {
    const directory = await newDirectory();
    const { outcome } = await play(YAML, { directory });
    await fullFrom('change.undone', directory);
    const undone = await undo(await planUndo(await readStory(outcome.runId)));
    expect(undone).toMatchObject({ status: 'failed', error: { code: 'journal-not-written' } });
    expect(undone.error?.next.at(-1)).toContain('pitr undo run');
    expect(await logOf(directory)).toEqual(['first', 'second', 'undo-second']);
  });
});

describe('two processes on one run', () => {
  const YAML = `
- hosts: one
  tasks:
    - ${step('first')}
    - { name: fails, core.shell: { script: "test -e DIR/mended", undo: "true" } }
    - ${step('last')}
`;

  async function failed(): Promise<{ readonly runId: string; readonly directory: string }> {
    const directory = await newDirectory();
    const { outcome } = await play(YAML, { directory });
    await writeFile(join(directory, 'mended'), '');
    return { runId: outcome.runId, directory };
  }

  it('refuses an undo whose question was answered after somebody had resumed the run', async () => {
    const { runId, directory } = await failed();
    const plan = await planUndo(await readStory(runId));
    expect((await resumed(runId, directory, YAML)).outcome.status).toBe('ok');
    const before = await readRun(runId);
    await expect(undo(plan)).rejects.toMatchObject({
      kind: 'refused',
      code: 'run-moved-on',
      next: [`Look how it stands now: pitr runs ${runId}`],
    });
    expect(await logOf(directory)).toEqual(['first', 'last']);
    expect(await readRun(runId)).toEqual({ ...before, length: before.length + 1 });
    expect((await undo(await planUndo(await readStory(runId)))).status).toBe('ok');
  });

  it('refuses a resume whose question was answered after another run had taken back what it did', async () => {
    const { runId, directory } = await failed();
    const before = await readRun(runId);
    const wish = { inventories: [], extraVars: {}, mode: 'run', forks: 10, again: '' } as const;
    const request = resumeRequest(before, wish);
    const back = await play(
      `
- hosts: one
  tasks:
    - core.lock:
        { name: shop, user: ${userInfo().username}, directory: DIR/locks, allow: ${runId}, takes_back: true }
    - ${step('back')}
`,
      { directory },
    );
    expect(back.outcome.status).toBe('ok');
    await expect(play(YAML, { ...request, directory })).rejects.toMatchObject({
      kind: 'refused',
      code: 'run-closed',
      state: 'nothing was changed',
    });
    expect(await logOf(directory)).toEqual(['first', 'back']);
    expect(await readRun(runId)).toEqual(before);
  });

  it('lets one of two resumes that begin at once go on', async () => {
    const { runId, directory } = await failed();
    const both = await Promise.allSettled([1, 2].map(() => resumed(runId, directory, YAML)));
    expect(both.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
    expect(both.find(({ status }) => status === 'rejected')).toMatchObject({
      reason: { code: 'run-moved-on' },
    });
    expect(await logOf(directory)).toEqual(['first', 'last']);
    const run = await readRun(runId);
    expect(run).toMatchObject({ resumed: 1, finished: { status: 'ok' } });
    expect(run.changes.map(({ intent }) => intent.number)).toEqual([1, 2, 3, 4]);
  });
});
