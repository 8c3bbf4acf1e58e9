import { describe, expect, it } from 'vitest';
import type { AnyModule } from '../../../lib/contract/module.ts';
import { strayFault } from '../../../lib/modules/own-fault.ts';
import { loadModule } from '../../../lib/modules/registry.ts';
import { failStuck } from '../../../lib/modules/stuck.ts';
import { type Folder, folder } from '../language/playbook/support/folder.ts';

const FRAMES = {
  change: {
    read: 'async () => ({ is: 1 })',
    plan: "() => ({ summary: 'change it' })",
    apply: 'async () => ({})',
    undo: 'async () => {}',
  },
  look: { read: 'async () => ({})' },
  control: { run: 'async () => ({})' },
};
const MADE_WITH = { change: 'defineModule', look: 'defineLook', control: 'defineControl' };

/** A module of a user with one part of its own, in line 6. */
async function withPart(
  kind: keyof typeof FRAMES,
  part: string,
  code: string,
): Promise<{ readonly dir: Folder; readonly module: AnyModule }> {
  const { [part]: _, ...others }: Readonly<Record<string, string>> = FRAMES[kind];
  const dir = await folder({
    'modules/site/odd.js': `import { ${MADE_WITH[kind]}, z } from 'pitr/module';
export const module = ${MADE_WITH[kind]}({
  summary: 'Is odd.',
  examples: '- site.odd:',
  params: z.strictObject({}),
  ${part}: ${code},
${Object.entries(others)
  .map(([name, text]) => `  ${name}: ${text},\n`)
  .join('')}});
`,
  });
  return { dir, module: await loadModule('site.odd', [dir.path]) };
}

const call = async (module: AnyModule, part: string): Promise<unknown> =>
  Reflect.apply(Reflect.get(module, part), module, [{}, {}, {}, {}]);

const CYCLE = '(() => { const a = { list: [] }; a.list.push(a); return a; })()';

describe('an answer that pitr could not work with is told as a fault of the module:', () => {
  it.each([
    ['change', 'plan', "async () => ({ summary: 'x' })", 'a Promise'],
    ['change', 'plan', 'async () => { throw new Error("late") }', 'a Promise'],
    ['change', 'unchanged', 'async () => ({})', 'a Promise'],
    ['change', 'predict', 'async () => ({})', 'a Promise'],
    ['change', 'effects', 'async () => []', 'a Promise'],
    ['change', 'elsewhere', 'async () => []', 'a Promise'],
    ['change', 'undoShown', 'async () => []', 'a Promise'],
    ['change', 'undoable', 'async () => true', 'a Promise'],
    ['change', 'commandLine', 'async () => []', 'a Promise'],
    ['look', 'dependsOn', 'async () => []', 'a Promise'],
    ['control', 'sets', 'async () => []', 'a Promise'],
    ['change', 'predict', '() => ({ resources: 7 })', '"resources" that are no list'],
    ['change', 'predict', '() => ({ resources: [undefined] })', 'resources[0], which is no prediction'],
    [
      'change',
      'predict',
      "() => ({ resources: [{ kind: 'path' }] })",
      'resources[0], which is no prediction',
    ],
    ['change', 'predict', '() => ({ result: { size: 1n } })', 'result.size, which is a bigint'],
    ['change', 'predict', '() => []', 'a list'],
    [
      'change',
      'plan',
      "() => ({ summary: 'x', diff: [{ subject: '/x', before: undefined, after: 'y' }] })",
      'a "diff" that is no list of { subject, before, after }, all texts ("" where there is nothing)',
    ],
    ['change', 'commandLine', "() => 'rm -rf'", 'no list of texts'],
    ['change', 'commandLine', '() => [7]', 'no list of texts'],
    ['change', 'elsewhere', "() => 'db2'", 'no list of texts'],
    ['change', 'undoShown', "() => 'rm'", 'no list of texts'],
    ['change', 'undoable', '() => false', 'false'],
    ['change', 'undoable', "() => ''", 'an empty text'],
    ['change', 'effects', '() => ({})', 'no list of effects'],
    ['change', 'unchanged', '() => 7', 'a number'],
    ['change', 'apply', 'async () => ({ size: 1n })', 'result.size, which is a bigint'],
    ['change', 'apply', `async () => (${CYCLE})`, 'result.list[0], which holds itself'],
    ['change', 'apply', 'async () => 7', 'a number'],
    ['look', 'read', 'async () => {}', 'nothing'],
    ['look', 'read', 'async () => []', 'a list'],
    ['look', 'read', 'async () => ({ rows: [{ id: 1n }] })', 'result.rows[0].id, which is a bigint'],
    ['look', 'read', `async () => (${CYCLE})`, 'result.list[0], which holds itself'],
    ['look', 'read', 'async () => ({ text: Promise.resolve() })', 'result.text, which is a Promise'],
    ['look', 'read', 'async () => ({ all: new Map([[1, 2]]) })', 'result.all, which is a Map'],
    ['look', 'read', 'async () => ({ at: { toJSON: () => 1n } })', 'result.at, which is a bigint'],
    [
      'look',
      'read',
      "async () => ({ get size() { throw new Error('gone'); } })",
      'result, which cannot be read (gone)',
    ],
    ['look', 'dependsOn', '() => undefined', 'no list of resources'],
    ['look', 'dependsOn', "() => [{ kind: 'path' }]", 'no list of resources'],
    ['control', 'run', 'async () => {}', 'nothing'],
    ['control', 'run', 'async () => ({ facts: { n: 1n } })', 'result.facts.n, which is a bigint'],
    ['control', 'sets', '() => undefined', 'no list of names'],
  ] as const)('%s: %s: %s', async (kind, part, code, words) => {
    const { dir, module } = await withPart(kind, part, code);
    await using _ = dir;
    await expect(call(module, part)).rejects.toMatchObject({
      kind: 'failed',
      code: 'module-fault',
      message: `module "site.odd" is at fault: its ${part} gives ${words}`,
      at: { file: dir.file('modules/site/odd.js'), line: 6 },
      next: [`Mend ${dir.file('modules/site/odd.js')}.`],
    });
  });

  it.each([
    ['change', 'read', 'async () => undefined'],
    ['change', 'read', 'async () => ({ big: 1n })'],
    ['change', 'predict', "() => ({ resources: [{ kind: 'a', id: 'b', state: undefined }], result: {} })"],
    ['change', 'predict', "() => ({ resources: [{ kind: 'a', moved: { from: 'b', to: 'c' } }] })"],
    ['change', 'apply', 'async () => {}'],
    ['change', 'apply', 'async () => ({ at: new Date(), gone: undefined, none: null })'],
    ['change', 'undoable', "() => 'it has no undo'"],
    ['change', 'commandLine', '() => undefined'],
    ['look', 'read', '() => ({ twice: [FRAME, FRAME] })'.replaceAll('FRAME', 'Object.prototype')],
    ['control', 'sets', "() => 'anything'"],
  ] as const)('but not %s: %s: %s', async (kind, part, code) => {
    const { dir, module } = await withPart(kind, part, code);
    await using _ = dir;
    await expect(call(module, part)).resolves.not.toThrow();
  });

  it('also in the result of an error for the operator', async () => {
    const code =
      "async () => { throw Object.assign(new (await import('pitr/module')).PitrError({ kind: 'failed', code: 'no', message: 'not now', result: { n: 1n } })) }";
    const { dir, module } = await withPart('look', 'read', code);
    await using _ = dir;
    await expect(call(module, 'read')).rejects.toMatchObject({
      code: 'module-fault',
      message: 'module "site.odd" is at fault: its read gives result.n, which is a bigint',
    });
  });
});

describe('what a module throws that is no error', () => {
  it.each([
    ['undefined', 'Error: undefined'],
    ["'a text'", 'Error: a text'],
    ['Object.create(null)', 'Error: [Object: null prototype] {}'],
  ])('is told as the module’s: throw %s', async (thrown, words) => {
    const { dir, module } = await withPart('change', 'plan', `() => { throw ${thrown} }`);
    await using _ = dir;
    await expect(call(module, 'plan')).rejects.toMatchObject({
      code: 'module-fault',
      message: `module "site.odd" is at fault: its plan ends with ${words}`,
      details: [],
      at: { file: dir.file('modules/site/odd.js'), line: 6 },
    });
  });

  it('and that nobody waited for is no bug of pitr, where there are modules of a user', async () => {
    const { dir } = await withPart('look', 'read', 'async () => ({})');
    await using _ = dir;
    expect(strayFault(undefined, 'unhandledRejection')).toMatchObject({
      kind: 'failed',
      code: 'module-fault',
      message: expect.stringContaining('a module is at fault: it throws undefined'),
      next: [expect.stringContaining(dir.file('modules/site/odd.js')), 'pitr runs'],
    });
  });
});

describe('an answer that can never come', () => {
  it('is told as a fault of the part that waits for it, once nothing is left at work', async () => {
    const { dir, module } = await withPart('look', 'read', 'async () => new Promise(() => {})');
    await using _ = dir;
    const read = call(module, 'read');
    expect(failStuck()).toBe(true);
    await expect(read).rejects.toMatchObject({
      kind: 'failed',
      code: 'module-fault',
      message: 'module "site.odd" is at fault: its read waits for what can never come',
      at: { file: dir.file('modules/site/odd.js'), line: 6 },
    });
    expect(failStuck()).toBe(false);
  });
});
