import { readFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { Masker } from '../../lib/base/values/masker.ts';
import { commitRuns } from '../../lib/engine/back/commit.ts';
import { readStory } from '../../lib/engine/back/story.ts';
import { undoRun } from '../../lib/engine/back/undo.ts';
import { planUndo } from '../../lib/engine/back/undo-plan.ts';
import { readRun } from '../../lib/engine/journal/read.ts';
import { errorOf } from '../support/errors.ts';
import { newDirectory, play } from './support.ts';

it('a lock whose change is kept is held all the same while the rest is taken back', async () => {
  const directory = await newDirectory();
  const { outcome } = await play(
    `
- hosts: one
  tasks:
    - core.lock: { name: shop, user: ${userInfo().username}, directory: DIR/locks }
    - core.shell: { script: "true", undo: "cp DIR/locks/shop.json DIR/claim" }
`,
    { directory },
  );
  const undone = await undoRun({
    plan: await planUndo(await readStory(outcome.runId), { keep: [1] }),
    again: 'pitr undo',
    inventories: [],
    extraVars: {},
    signal: new AbortController().signal,
    report: () => {},
  });
  expect(undone).toMatchObject({ status: 'ok', undone: [{ intent: { number: 2 } }] });
  const claim = async (path: string) => JSON.parse(await readFile(join(directory, path), 'utf8'));
  expect(await claim('claim')).toMatchObject({ run: outcome.runId, state: 'working' });
  // Its change stands: the same undo without --keep gives it back.
  expect(await claim('locks/shop.json')).toMatchObject({ run: outcome.runId, ended: 'partly undone' });
});

it('a commit that was refused before it began leaves the claim of the run as it was', async () => {
  const directory = await newDirectory();
  const { outcome } = await play(
    `
- hosts: one
  tasks:
    - core.lock: { name: shop, user: ${userInfo().username}, directory: DIR/locks }
    - core.shell: "false"
`,
    { directory },
  );
  const claim = async () => JSON.parse(await readFile(join(directory, 'locks/shop.json'), 'utf8'));
  const before = await claim();
  expect(before).toMatchObject({ state: 'unfinished' });
  const request = {
    ...{ runs: [await readRun(outcome.runId)], inventories: [], extraVars: {}, masker: new Masker() },
    ...{ signal: new AbortController().signal, leftOut: new Set<string>(), report: () => {}, warn: () => {} },
    again: 'pitr commit',
    prove: () => Promise.reject(new Error('the cluster is not healthy')),
  };
  expect((await errorOf(commitRuns(request, []))).message).toContain('not healthy');
  expect(await claim()).toEqual(before);
});
