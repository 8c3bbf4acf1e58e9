import { mkdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { Masker } from '../../lib/base/values/masker.ts';
import { measureKept } from '../../lib/engine/back/commit.ts';
import { keptBy, whyNotYet } from '../../lib/engine/back/kept-data.ts';
import { resumeRequest } from '../../lib/engine/back/resume.ts';
import { readStory } from '../../lib/engine/back/story.ts';
import { undoRun } from '../../lib/engine/back/undo.ts';
import { planUndo } from '../../lib/engine/back/undo-plan.ts';
import { parseJournal, readRun } from '../../lib/engine/journal/read.ts';
import type { JournalRecord } from '../../lib/engine/journal/records.ts';
import { newDirectory, play } from './support.ts';

const RUN = '20261122T144512-7f3a';

it('finds old data whose rename failed behind a lost connection, where it is that very directory', async () => {
  const directory = await newDirectory();
  const inventory = join(directory, 'inventory.yml');
  await writeFile(inventory, 'all: { hosts: { one: { ansible_connection: local } } }\n');
  const dest = (name: string): string => join(directory, `${name}.pre-pitr.${RUN}`);
  await mkdir(dest('moved'));
  await mkdir(dest('other'));
  const { dev, ino } = await stat(dest('moved'));
  const records = ['moved', 'other', 'missing'].flatMap((name, index): JournalRecord[] => {
    const move = { summary: 'move', src: join(directory, name), dest: dest(name), identity: `${dev}:${ino}` };
    return [
      {
        type: 'change.intended',
        time: 2,
        number: index + 1,
        host: 'one',
        module: 'fs.move',
        params: {},
        change: move,
        undoable: true,
      },
      {
        type: 'change.failed',
        time: 3,
        number: index + 1,
        error: { kind: 'unreachable', code: 'connection-lost', message: 'lost' },
      },
    ];
  });
  const started: JournalRecord = {
    type: 'run.started',
    version: 3,
    time: 1,
    operator: 'root@backup1',
    pid: 1,
    runId: RUN,
    playbook: '/srv/recover.yml',
    inventories: [inventory],
    extraVars: {},
  };
  const text = [started, ...records].map((record) => JSON.stringify(record)).join('\n');
  const runs = [parseJournal(text, 'journal.jsonl')];
  const { signal } = new AbortController();
  const measured = await measureKept(
    { runs, inventories: [], extraVars: {}, signal, masker: new Masker(), again: 'pitr commit' },
    keptBy(runs),
  );
  expect(measured.filter(({ bytes }) => bytes !== undefined).map(({ kept }) => kept.path)).toEqual([
    dest('moved'),
  ]);
  expect(measured.filter(({ error }) => error !== undefined)).toEqual([]);
});

/** Moves what somebody else's module says it is. */
const MOVE = `export const module = ({ z, defineModule, pathResource }) => defineModule({
  summary: 's', examples: 'e',
  params: z.strictObject({ from: z.string(), to: z.string(), as: z.string().optional() }),
  read: async (host, { from }) => host.look(pathResource, from),
  plan: (now, p) => (now.kind === 'absent' ? undefined : { summary: 'move ' + p.from, ...p }),
  effects: ({ from, to, as }) => [
    { kind: 'path', id: from, state: 'moved', lasts: 'for good', supersedes: true, movedTo: { id: to, as } },
  ],
  apply: async (host, { from, to }) => { await host.must(['mv', from, to]); return {}; },
  undo: async (host, { from, to }) => { await host.must(['mv', to, from]); },
});`;

it('is kept as what the effect says it is, whatever its name; not where the effect does not say it', async () => {
  const directory = await newDirectory();
  await mkdir(join(directory, 'modules', 'site'), { recursive: true });
  await writeFile(join(directory, 'modules', 'site', 'move.mjs'), MOVE);
  for (const name of ['a', 'b', 'c', 'd', 'e', 'f', 'g']) await mkdir(join(directory, name));
  const { outcome } = await play(
    `
- hosts: one
  tasks:
    - site.move: { from: DIR/a, to: DIR/a.old, as: old data }
    - site.move: { from: DIR/b, to: DIR/b.txt, as: note }
    - site.move: { from: DIR/c, to: "DIR/c.{{ run_id }}", as: note }
    - site.move: { from: DIR/d, to: "DIR/d.{{ run_id }}" }
    - site.move: { from: DIR/e, to: DIR/e.old }
    - fs.move: { src: DIR/f, dest: "DIR/f.{{ run_id }}" }
    - fs.move: { src: DIR/g, dest: "DIR/f.{{ run_id }}.json" }
`,
    { directory },
  );
  expect(outcome.error).toBeUndefined();
  const run = await readRun(outcome.runId);
  const at = (name: string): string => join(directory, name);
  expect(keptBy([run]).map(({ path, kind }) => [path, kind])).toEqual([
    [at('a.old'), 'old data'],
    [at('b.txt'), 'note'],
    [at(`c.${outcome.runId}`), 'note'],
    [at(`f.${outcome.runId}`), 'old data'],
    [at(`f.${outcome.runId}.json`), 'note'],
  ]);
  const says = run.changes.flatMap(({ intent }) => intent.effects?.map(({ movedTo }) => movedTo?.as));
  expect(says.slice(-4)).toEqual(['old data', 'old data', 'note', 'note']);
});

it('may be let go of a run that was partly taken back and then gone on with to its good end', async () => {
  const directory = await newDirectory();
  const touch = (name: string) => `core.shell: { script: "touch DIR/${name}", undo: "rm DIR/${name}" }`;
  const yaml = `
- hosts: one
  tasks:
    - ${touch('first')}
    - ${touch('second')}
    - core.shell: { script: "test -e DIR/mended", undo: "true" }
`;
  const { outcome } = await play(yaml, { directory });
  expect(outcome.status).toBe('failed');
  const { signal } = new AbortController();
  const reach = { inventories: [], extraVars: {} };
  const plan = await planUndo(await readStory(outcome.runId), { from: 2 });
  const undone = await undoRun({ plan, again: 'pitr undo', ...reach, signal, report: () => {} });
  expect(undone.status).toBe('ok');
  expect(whyNotYet([await readRun(outcome.runId)])).toBe(`run ${outcome.runId} was only partly taken back`);
  await writeFile(join(directory, 'mended'), '');
  const wish = { ...reach, mode: 'run', forks: 1, again: 'pitr resume' } as const;
  const resumed = await play(yaml, { ...resumeRequest(await readRun(outcome.runId), wish), directory });
  expect(resumed.outcome.status).toBe('ok');
  expect(whyNotYet([await readRun(outcome.runId)])).toBeUndefined();
});
