import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { resumeRequest } from '../../lib/engine/back/resume.ts';
import { readStory } from '../../lib/engine/back/story.ts';
import { type UndoOutcome, undoRun } from '../../lib/engine/back/undo.ts';
import { planUndo } from '../../lib/engine/back/undo-plan.ts';
import { readRun } from '../../lib/engine/journal/read.ts';
import { newDirectory, play } from './support.ts';

async function undo(runId: string): Promise<UndoOutcome> {
  return undoRun({
    plan: await planUndo(await readStory(runId)),
    again: `pitr undo ${runId}`,
    inventories: [],
    extraVars: {},
    signal: new AbortController().signal,
    report: () => {},
  });
}

async function resume(runId: string, yaml: string, directory: string) {
  const wish = { inventories: [], extraVars: {}, mode: 'run', forks: 10, again: 'pitr resume' } as const;
  return play(yaml, { ...resumeRequest(await readRun(runId), wish), directory });
}

it('a new directory that holds something by now is left with all that was made below it', async () => {
  const { outcome, directory } = await play(
    '- hosts: one\n  tasks:\n    - fs.directory: DIR/outer/middle/inner\n',
  );
  const outer = join(directory, 'outer');
  await writeFile(join(outer, "somebody's"), '');
  const refused = await undo(outcome.runId);
  expect(refused.error).toMatchObject({
    kind: 'refused',
    code: 'changed-since',
    message: expect.stringContaining(`${outer} was changed after the run`),
  });
  expect(await readdir(join(outer, 'middle'))).toEqual(['inner']);
  expect((await readRun(outcome.runId)).changes).toMatchObject([{ undone: false, halfUndone: false }]);
  await rm(join(outer, "somebody's"));
  expect((await undo(outcome.runId)).status).toBe('ok');
  expect(await readdir(directory)).not.toContain('outer');
});

/** Its undo takes one of two things away before it comes to its refusal. */
const PAIR = `export const module = ({ z, defineModule, pathResource, PitrError }) => defineModule({
  summary: 's', examples: 'e', freeForm: 'path',
  params: z.strictObject({ path: z.string() }),
  read: async (host, { path }) => Promise.all(['a', 'b'].map((one) => host.look(pathResource, path + '/' + one))),
  plan: (now, { path }) => {
    const missing = ['a', 'b'].filter((_, index) => now[index].kind === 'absent').map((one) => path + '/' + one);
    return missing.length === 0 ? undefined : { summary: 'make a pair', path, missing };
  },
  apply: async (host, { missing }) => { await host.must(['touch', ...missing]); return {}; },
  undo: async (host, { path }) => {
    const no = () => { throw new PitrError({ kind: 'refused', code: 'x', message: 'no' }); };
    if ((await host.look(pathResource, path + '/early')).kind !== 'absent') no();
    await host.must(['rm', '-f', path + '/a']);
    if ((await host.look(pathResource, path + '/late')).kind !== 'absent') no();
    await host.must(['rm', '-f', path + '/b']);
  },
});`;

it.each([
  ['stands as it stood where nothing was touched before', 'early', ['a', 'b']],
  ['is half taken back where something was, and is made again by whoever goes on', 'late', ['b']],
] as const)('a change whose undo is refused %s', async (_, why, left) => {
  const directory = await newDirectory();
  await mkdir(join(directory, 'modules', 'site'), { recursive: true });
  await writeFile(join(directory, 'modules', 'site', 'pair.mjs'), PAIR);
  const place = join(directory, 'place');
  const yaml = '- hosts: one\n  tasks:\n    - fs.directory: DIR/place\n    - site.pair: DIR/place\n';
  const { outcome } = await play(yaml, { directory });
  await writeFile(join(place, why), '');
  expect((await undo(outcome.runId)).error).toMatchObject({ kind: 'refused', code: 'x' });
  await rm(join(place, why));
  expect(await readdir(place)).toEqual(left);
  const touched = why === 'late';
  const [, pair] = (await readRun(outcome.runId)).changes;
  expect(pair).toMatchObject({ undone: false, halfUndone: touched });
  if (!touched) {
    await expect(resume(outcome.runId, yaml, directory)).rejects.toMatchObject({ code: 'nothing-to-resume' });
    return;
  }
  expect((await resume(outcome.runId, yaml, directory)).outcome.status).toBe('ok');
  expect(await readdir(place)).toEqual(['a', 'b']);
});
