import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { readStory } from '../../lib/engine/back/story.ts';
import { undoRun } from '../../lib/engine/back/undo.ts';
import { planUndo } from '../../lib/engine/back/undo-plan.ts';
import { newDirectory, play } from './support.ts';

/** A module that writes down what is done to it. */
const GATE = `
import { appendFileSync } from 'node:fs';
const told = (log, word, name) => appendFileSync(log, word + ' ' + name + '\\n');
export const module = {
  kind: 'change',
  summary: 'A gate.',
  examples: '- site.gate: {}',
  params: PARAMS,
  read: async () => ({}),
  plan: (_state, { log, name }) => ({ summary: 'close ' + name, log, name }),
  apply: async () => ({}),
  undo: async (_host, { log, name }) => told(log, 'open', name),
  again: async (_host, { log, name }) => told(log, 'close again', name),
};
`;

it('what newer changes of a host rest on is made true again first, once, and only then', async () => {
  const directory = await newDirectory();
  const log = join(directory, 'log');
  await writeFile(log, '');
  await mkdir(join(directory, 'modules', 'site'), { recursive: true });
  const zod = import.meta.resolve('zod');
  await writeFile(
    join(directory, 'modules', 'site', 'gate.mjs'),
    `import { z } from '${zod}';${GATE.replace('PARAMS', 'z.strictObject({ log: z.string(), name: z.string() })')}`,
  );
  const { outcome } = await play(
    `
- hosts: one
  tasks:
    - site.gate: { log: DIR/log, name: older }
    - site.gate: { log: DIR/log, name: newer }
    - fs.copy: { dest: DIR/first, content: "1" }
    - fs.copy: { dest: DIR/second, content: "2" }
`,
    { directory },
  );
  expect(outcome.status).toBe('ok');
  const undo = async (from: number) =>
    undoRun({
      plan: await planUndo(await readStory(outcome.runId), { from }),
      again: 'pitr undo',
      inventories: [],
      extraVars: {},
      signal: new AbortController().signal,
      report: () => {},
    });
  const lines = async () => (await readFile(log, 'utf8')).trim().split('\n');
  // The gate is not among what is taken back.
  expect((await undo(4)).status).toBe('ok');
  expect(await lines()).toEqual(['']);
  expect((await undo(1)).status).toBe('ok');
  expect(await lines()).toEqual(['close again newer', 'open newer', 'open older']);
});
