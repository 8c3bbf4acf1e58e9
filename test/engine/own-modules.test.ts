import { access, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readRun } from '../../lib/engine/journal/read.ts';
import type { RunRequest } from '../../lib/engine/run/run-request.ts';
import { newDirectory, type Played, play } from './support.ts';

/** The parts of a change that is made each time. */
const FRAME = {
  read: 'async () => ({})',
  plan: "() => ({ summary: 'make it' })",
  apply: "async (host) => { await host.writeFile('DIR/made', ''); return {}; }",
  undo: "async (host) => { await host.must(['rm', '-f', 'DIR/made']); }",
};

/** Plays a task of a module in JavaScript, whose types nobody has checked, on one of two hosts. */
async function played(
  made: 'defineModule' | 'defineLook' | 'defineControl',
  parts: Readonly<Record<string, string>>,
  mode: RunRequest['mode'] = 'run',
): Promise<Played> {
  const directory = await newDirectory();
  await mkdir(join(directory, 'modules', 'site'), { recursive: true });
  const all = { params: 'z.strictObject({ n: z.number().optional() })', ...parts };
  const text = Object.entries(all).map(([name, code]) => `${name}: ${code},\n`);
  await writeFile(
    join(directory, 'modules', 'site', 'odd.js'),
    `export const module = ({ z, ${made}, probe, pathResource }) =>\n${made}({ summary: 'Odd.', examples: '- site.odd:',\n${text.join('')}});\n`.replaceAll(
      'DIR',
      directory,
    ),
  );
  const yaml = `
- hosts: one
  tasks:
    - { name: odd, site.odd: { n: 1 } }
`;
  return play(yaml, { directory, mode });
}

const isThere = ({ directory }: Played, name: string): Promise<boolean> =>
  access(join(directory, name)).then(
    () => true,
    () => false,
  );

/** That it was told as the module's own. */
function expectFault({ outcome, directory }: Played, words: string): void {
  expect(outcome.error).toMatchObject({
    kind: 'failed',
    code: 'module-fault',
    host: 'one',
    task: 'odd',
    message: `module "site.odd" is at fault: its ${words}`,
    at: { file: join(directory, 'modules/site/odd.js') },
  });
}

describe('a user’s module in JavaScript', () => {
  it('whose plan is async is told so before anything is changed', async () => {
    const run = await played('defineModule', { ...FRAME, plan: "async () => ({ summary: 'make it' })" });
    expectFault(run, 'plan gives a Promise');
    expect(await isThere(run, 'made')).toBe(false);
    expect((await readRun(run.outcome.runId)).changes).toEqual([]);
  });

  const WRITES: readonly (readonly [string, string])[] = [
    ['itself', "await host.writeFile('DIR/written', ''); return {}"],
    ['by a command', "await host.must(['touch', 'DIR/written']); return {}"],
    ['on another host', "await host.peer('two').writeFile('DIR/written', ''); return {}"],
    [
      'in a resource of its own',
      "await host.look({ kind: 'odd', scope: 'host', read: async (at) => { await at.run(['touch', 'DIR/written']); } }, 'x'); return {}",
    ],
    ['by a command that no probe is', "await host.query({ argv: ['touch', 'DIR/written'] }); return {}"],
  ];
  it.each(
    WRITES.flatMap(([way, code]) =>
      (['run', 'check'] as const).flatMap((mode) =>
        (['defineLook', 'defineModule'] as const).map((made) => [way, mode, made, code] as const),
      ),
    ),
  )('cannot write in its read: %s (%s, %s)', async (_, mode, made, code) => {
    const read = `async (host) => { ${code}; }`;
    const run = await played(made, made === 'defineLook' ? { read } : { ...FRAME, read }, mode);
    expect(run.outcome.error).toMatchObject({
      code: 'module-fault',
      message: expect.stringMatching(/^module "site\.odd" is at fault: its read ends with TypeError: /),
    });
    expect(await isThere(run, 'written')).toBe(false);
    expect(await isThere(run, 'made')).toBe(false);
  });

  it('looks in its read at all that there is to look at, also on another host', async () => {
    const run = await played('defineLook', {
      read: `async (host) => {
        const [one, two] = await host.queryAll([probe(['true']), probe(['id', '-u'])]);
        const there = await host.peer('two').look(pathResource, 'DIR/play.yml');
        return { codes: [one.exitCode, two.exitCode, (await host.query(probe(['true']))).exitCode], kind: there.kind };
      }`,
    });
    expect(run.outcome.error).toBeUndefined();
  });

  it.each([
    ['apply', 'async () => ({ size: 1n })', 'apply gives result.size, which is a bigint'],
    ['commandLine', "() => 'rm'", 'commandLine gives no list of texts'],
    ['undoable', '() => false', 'undoable gives false'],
  ])('that changes, with %s: %s, is told', async (part, code, words) => {
    const run = await played('defineModule', { ...FRAME, [part]: code });
    expectFault(run, words);
    expect(await readRun(run.outcome.runId)).toMatchObject({ started: { runId: run.outcome.runId } });
  });

  it('has the secrets of its change masked wherever they stand', async () => {
    const plan = "() => ({ summary: 'make it', password: 'of-the-change', url: 'u:of-the-change@h' })";
    const run = await played('defineModule', { ...FRAME, plan });
    const [change] = (await readRun(run.outcome.runId)).changes;
    expect(change?.intent.change).toMatchObject({ password: '********', url: 'u:********@h' });
  });

  it.each([
    ['() => ({ resources: 7 })', 'predict gives "resources" that are no list'],
    ['() => ({ resources: [undefined] })', 'predict gives resources[0], which is no prediction'],
  ])('with predict: %s is told in a check', async (predict, words) => {
    expectFault(await played('defineModule', { ...FRAME, predict }, 'check'), words);
  });

  it('that looks and says nothing is told, and so is one that says nothing of what it depends on', async () => {
    expectFault(await played('defineLook', { read: 'async () => {}' }), 'read gives nothing');
    const read = 'async () => ({})';
    const checked = await played('defineLook', { read, dependsOn: '() => undefined' }, 'check');
    expectFault(checked, 'dependsOn gives no list of resources');
  });

  it('that runs and says nothing is told', async () => {
    expectFault(await played('defineControl', { run: 'async () => {}' }), 'run gives nothing');
  });

  it.each([
    [
      'end with an error',
      'z.strictObject({ n: z.number() }).refine((p) => p.gone.too)',
      /they end with TypeError: Cannot read properties of undefined \(reading 'too'\) \(.*modules\/site\/odd\.js:3:1\)/,
    ],
    [
      'give what no journal could keep',
      'z.strictObject({ n: z.coerce.bigint() })',
      /they give params\.n, which is a bigint \(.*modules\/site\/odd\.js:3:1\)/,
    ],
  ])('whose params %s is named with its file before the run', async (_, params, words) => {
    await expect(played('defineModule', { ...FRAME, params })).rejects.toMatchObject({
      kind: 'validation',
      code: 'module-fault',
      message: expect.stringMatching(words),
    });
  });
});
