import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkoutRoot } from '../../lab/checkout.ts';
import { keptBy, whyNotYet } from '../../lib/engine/back/kept-data.ts';
import { resumeRequest } from '../../lib/engine/back/resume.ts';
import { carriesOlder } from '../../lib/engine/back/standing-changes.ts';
import { readStory } from '../../lib/engine/back/story.ts';
import { readRun } from '../../lib/engine/journal/read.ts';
import { newDirectory, type Played, play } from './support.ts';

/** Modules of somebody else, for a database of their own: nothing in pitr knows their names. */
const ASIDE = `
export const module = ({ z, defineModule, pathResource }) =>
  defineModule({
    summary: 'Moves the data of the shop aside.',
    examples: '- shop.aside: { data: /srv/shop }',
    params: z.strictObject({ data: z.string(), to: z.string() }),
    read: async (host, { data }) => host.look(pathResource, data),
    plan: (now, { data, to }) => (now.kind === 'absent' ? undefined : { summary: 'move ' + data, data, to }),
    effects: ({ data, to }) =>
      ['path', 'shop'].map((kind) => ({
        kind, id: data, state: 'moved', lasts: 'for good', supersedes: true,
        movedTo: { id: to, as: 'old data' },
      })),
    apply: async (host, { data, to }) => { await host.must(['mv', data, to]); return {}; },
    undo: async (host, { data, to }) => { await host.must(['mv', to, data]); },
  });
`;
const SERVE = `
export const module = ({ z, defineModule, pathResource }) =>
  defineModule({
    summary: 'Starts the server of the shop.',
    examples: '- shop.serve: { data: /srv/shop }',
    params: z.strictObject({ data: z.string(), step: z.string().optional() }),
    read: async (host, { data }) => host.look(pathResource, data + '/pid'),
    plan: (now, { data, step }) =>
      now.kind === 'absent' || step !== undefined ? { summary: 'serve ' + data, data, step } : undefined,
    effects: ({ data, step }) => [
      { kind: 'shop', id: data, state: 'running', lasts: step === undefined ? 'until it ends' : 'for good', cluster: step,
        leaves: { path: data + '.log', as: 'log' } },
    ],
    apply: async (host, { data }) => { await host.must(['mkdir', '-p', data + '/pid']); return {}; },
    undo: async (host, { data }) => { await host.must(['rm', '-rf', data + '/pid']); },
  });
`;

const SIZE = `
export const module = ({ z, defineLook, probeScript }) => {
  const COUNT = probeScript('ls -A "$1" | wc -l');
  const shop = {
    kind: 'shop',
    scope: 'host',
    read: async (host, data) => Number((await host.query(COUNT([data]))).stdout),
  };
  return defineLook({
    summary: 'Counts what the shop has.',
    examples: '- shop.size: { data: /srv/shop }',
    params: z.strictObject({ data: z.string() }),
    read: async (host, { data }) => ({ entries: await host.look(shop, data) }),
  });
};
`;

async function shop(): Promise<string> {
  const directory = await newDirectory();
  await mkdir(join(directory, 'modules', 'shop'), { recursive: true });
  await writeFile(join(directory, 'modules', 'shop', 'aside.mjs'), ASIDE);
  await writeFile(join(directory, 'modules', 'shop', 'serve.mjs'), SERVE);
  await mkdir(join(directory, 'data'));
  return directory;
}

const run = async ({ outcome }: Played) => readRun(outcome.runId);

describe("a change of somebody else's module", () => {
  it('is laid over what later tasks look at in check mode, and is seen as kept afterwards, with its log', async () => {
    const directory = await shop();
    const yaml = `
- hosts: one
  tasks:
    - shop.aside: { data: DIR/data, to: "DIR/data.old.{{ run_id }}" }
    - fs.stat: { path: "DIR/data.old.{{ run_id }}" }
      register: moved
    - core.debug: "{{ moved.exists }}"
    - fs.directory: DIR/data
    - shop.serve: { data: DIR/data }
`;
    const checked = await play(yaml, { directory, mode: 'check' });
    expect([checked.outcome.error, checked.messages]).toEqual([undefined, ['true']]);
    expect(await readdir(directory)).toContain('data');
    const played = await play(yaml, { directory });
    expect([played.outcome.error, played.messages]).toEqual([undefined, ['true']]);
    expect(keptBy([await run(played)])).toMatchObject([
      { host: 'one', path: `${directory}/data.old.${played.outcome.runId}`, kind: 'old data' },
      { host: 'one', path: `${directory}/data.log`, kind: 'log' },
    ]);
    expect((await run(played)).changes.map(carriesOlder)).toEqual([true, false, true]);
  });

  it('that says what it leaves behind, but not how that is then, makes it unknown to later tasks of a check', async () => {
    const directory = await shop();
    await writeFile(join(directory, 'modules', 'shop', 'size.mjs'), SIZE);
    const yaml = `
- hosts: one
  tasks:
    - shop.size: { data: DIR/data }
      register: before
    - shop.serve: { data: DIR/data, step: joins }
    - shop.size: { data: DIR/data }
      register: after
    - core.debug: "{{ before.entries }}, {{ after.entries }}"
`;
    const checked = await play(yaml, { directory, mode: 'check' });
    expect(checked.outcome.error).toBeUndefined();
    expect(checked.messages).toEqual([
      expect.stringMatching(/unknown until the run: .*data would be: running/),
    ]);
    expect((await play(yaml, { directory })).messages).toEqual(['0, 1']);
  });

  it('that moves data of a kind of its own is foreseen, kept and let go as docs/writing-modules.md says', async () => {
    const directory = await newDirectory();
    const page = await readFile(join(checkoutRoot, 'docs', 'writing-modules.md'), 'utf8');
    const [, text] = [...page.matchAll(/```ts\n(.*?)```/gs)].map(([, code = '']) => code);
    await mkdir(join(directory, 'modules', 'site'), { recursive: true });
    await writeFile(join(directory, 'modules', 'site', 'store.ts'), text ?? '');
    await mkdir(join(directory, 'data'));
    // The second task finds, by its own kind, what the first one has moved or would have moved.
    const yaml = `
- hosts: one
  tasks:
    - { name: begin, site.store: { data: DIR/data } }
    - { name: again, site.store: { data: DIR/data } }
`;
    const expected = ['one: begin: changed', 'one: again: ok'];
    const checked = await play(yaml, { directory, mode: 'check' });
    expect([checked.outcome.error, checked.results]).toEqual([undefined, expected]);
    const played = await play(yaml, { directory });
    expect([played.outcome.error, played.results]).toEqual([undefined, expected]);
    const runs = [await run(played)];
    expect(keptBy(runs)).toMatchObject([
      { path: `${directory}/data.${played.outcome.runId}`, kind: 'old data' },
    ]);
    expect(whyNotYet(runs)).toBeUndefined();
    expect((await readStory(played.outcome.runId)).closed).toMatchObject({ why: 'cut over' });
  });

  it('that gave what may end is looked at again by a resumed run, unless a later one has moved it away', async () => {
    const directory = await shop();
    const yaml = (last: string): string => `
- hosts: one
  tasks:
    - shop.serve: { data: DIR/data }
    - fs.directory: DIR/other
    ${last}
    - core.assert: { that: "fine" }
`;
    const results = async (last: string): Promise<readonly string[]> => {
      const first = await play(yaml(last), { directory, extraVars: { fine: false } });
      expect(first.outcome.status).toBe('failed');
      const { playbook: _, ...request } = resumeRequest(await run(first), {
        inventories: [],
        extraVars: { fine: true },
        mode: 'run',
        forks: 1,
        again: 'pitr resume',
      });
      const second = await play(yaml(last), { ...request, directory });
      expect(second.outcome.status).toBe('ok');
      return second.results.filter((line) => line.includes('shop.'));
    };
    expect(await results('')).toEqual(['one: shop.serve: ok']);
    expect(await results('- shop.aside: { data: DIR/data, to: "DIR/gone.{{ run_id }}" }')).toEqual([]);
  });

  it('that says wrongly what it leaves behind is told as such before anything is changed', async () => {
    const directory = await shop();
    const aside = join(directory, 'modules', 'shop', 'aside.mjs');
    await writeFile(aside, ASIDE.replace("'for good'", "'forever'"));
    const { outcome } = await play(
      `
- hosts: one
  tasks:
    - shop.aside: { data: DIR/data, to: DIR/gone }
`,
      { directory },
    );
    expect(outcome.error).toMatchObject({
      code: 'module-effects',
      state: 'nothing was changed',
      at: { file: aside, line: expect.any(Number) },
    });
    expect(outcome.error?.message).toContain('shop.aside says wrongly');
    expect(await readdir(directory)).toContain('data');
  });

  it('from which on the cluster follows it closes the run', async () => {
    const directory = await shop();
    const steps = (...more: string[]): string => `
- hosts: one
  tasks:
    ${more.map((step) => `- shop.serve: { data: DIR/data, step: ${step} }`).join('\n    ')}
`;
    const begun = await play(steps('begins a history'), { directory });
    expect((await readStory(begun.outcome.runId)).closed).toBeUndefined();
    const followed = await play(steps('begins a history', 'joins'), { directory });
    expect((await readStory(followed.outcome.runId)).closed).toMatchObject({ why: 'cut over' });
  });
});
