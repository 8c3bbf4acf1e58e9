import { describe, expect, it, vi } from 'vitest';
import type { AnyModule } from '../../../lib/contract/module.ts';
import { listModules, loadModule, nearestModule, resolveModuleName } from '../../../lib/modules/registry.ts';
import { folder, refusal } from '../language/playbook/support/folder.ts';

const GOOD = `export const module = ({ z, defineLook }) => defineLook({
  summary: 'Says how warm it is.',
  examples: '- demo.weather: Berlin',
  params: z.strictObject({ city: z.string() }),
  freeForm: 'city',
  read: async () => ({ celsius: 21 }),
});`;

describe('the modules of the product', () => {
  it('are found by their folders, without importing any', async () => {
    const names = await listModules();
    expect(names).toEqual([...names].sort());
    expect(names).toEqual(expect.arrayContaining(['core.command', 'core.assert', 'fs.copy']));
    expect(names.every((name) => /^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$/.test(name))).toBe(true);
  });

  it('are all formed as modules', async () => {
    for (const name of await listModules()) expect(await loadModule(name), name).toHaveProperty('summary');
  });

  it('say which variables they set, so that a mistyped one is found before the run', async () => {
    const modules = await Promise.all(
      (await listModules()).map(async (name) => [name, await loadModule(name)] as const),
    );
    const silent = modules.filter(([, module]) => module.kind === 'control' && module.sets === undefined);
    expect(silent).toEqual([]);
  });
});

describe('resolveModuleName', () => {
  const names = [
    'core.command',
    'core.state',
    'fs.copy',
    'fs.stat',
    'service.state',
    'postgres.start',
    'service.start',
    'patroni.pause',
    'fs.start',
  ];

  it.each([
    ['fs.copy', 'fs.copy'],
    ['copy', 'fs.copy'],
    ['command', 'core.command'],
    ['state', 'core.state'],
  ])('%s is %s', (written, full) => {
    expect(resolveModuleName(written, names)).toBe(full);
  });

  it.each([
    ['fs.cpoy', 'there is no module "fs.cpoy" (did you mean "fs.copy"?)'],
    ['cpoy', 'there is no module "cpoy" (did you mean "fs.copy"?)'],
    ['kubernetes', 'there is no module "kubernetes"'],
    ['start', 'several modules are called "start": fs.start, service.start'],
    ['pause', '"pause" is written with its family: patroni.pause'],
  ])('%s is refused: %s', (written, message) => {
    expect(() => resolveModuleName(written, names)).toThrow(message);
  });

  it('knows the nearest module of a bare name', () => {
    expect(nearestModule('comand', names)).toBe('core.command');
  });
});

describe('modules of the author, beside the playbook', () => {
  it('are listed and loaded like the product’s, and need no package of their own', async () => {
    await using dir = await folder({
      'modules/demo/weather.js': GOOD,
      'modules/demo/a-helper.js': 'throw 1',
    });
    const names = await listModules([dir.path]);
    expect(names.filter((name) => name.startsWith('demo.'))).toEqual(['demo.weather']);
    const module = await loadModule('demo.weather', [dir.path]);
    expect(module).toMatchObject({ kind: 'look', freeForm: 'city' });
  });

  it('must not take the name of one of the product’s', async () => {
    await using dir = await folder({ 'modules/fs/copy.js': GOOD });
    expect(await refusal(listModules([dir.path]), dir.path)).toMatchInlineSnapshot(`
      "module "fs.copy" in modules has the name of one of pitr's own modules
      Give it another name, or another family."
    `);
  });

  it('are refused with everything that is wrong with them', async () => {
    await using dir = await folder({
      'modules/demo/weather.js': `export const module = {
        kind: 'change', summary: '', params: { city: 'string' }, read: () => 1, plan: 'later', undo: true,
      };`,
      'modules/demo/named.js': GOOD.replace("freeForm: 'city'", "freeForm: 'citi'").replace(
        'defineLook',
        'defineLook',
      ),
      'modules/demo/empty.js': 'export const other = 1;',
      'modules/demo/broken.js': 'export const module = {;',
      'modules/demo/throwing.js': 'throw new Error("no licence")',
    });
    const refused = (name: string) => refusal(loadModule(name, [dir.path]), dir.path);
    expect(await refused('demo.weather')).toMatchInlineSnapshot(`
      "module "demo.weather" is not formed as a module
      at modules/demo/weather.js:1:1
      modules/demo/weather.js:1: "summary" must be a text, but is empty
      modules/demo/weather.js:1: "examples" must be a text, but is missing
      modules/demo/weather.js:1: "params" must be a zod 4 schema (z.strictObject({ ... })), but is an object
      modules/demo/weather.js:1: "plan" must be a function, but is "later"
      modules/demo/weather.js:1: "apply" must be a function, but is missing
      modules/demo/weather.js:1: "undo" must be a function, or { impossible: "why" } with a reason, but is a boolean
      docs/writing-modules.md tells the parts of a module."
    `);
    expect(await refused('demo.named')).toMatchInlineSnapshot(`
      "module "demo.named" is not formed as a module: "freeForm" names "citi", which is not a param (did you mean "city"?)
      at modules/demo/named.js:5:3
      docs/writing-modules.md tells the parts of a module."
    `);
    expect(await refused('demo.empty')).toMatchInlineSnapshot(`
      "module "demo.empty" is not formed as a module: it exports nothing called "module": export const module = defineLook({ ... })
      at modules/demo/empty.js:1:1
      docs/writing-modules.md tells the parts of a module."
    `);
    expect(await refused('demo.throwing')).toMatchInlineSnapshot(`
      "module "demo.throwing" cannot be imported: no licence
      at modules/demo/throwing.js:1:1
      Mend modules/demo/throwing.js."
    `);
    expect(await refused('demo.broken')).toContain('module "demo.broken" cannot be imported');
    expect(await refused('demo.wether')).toMatchInlineSnapshot(`
      "there is no module "demo.wether" (did you mean "demo.weather"?)
      the family has: demo.broken, demo.empty, demo.named, demo.throwing, demo.weather
      pitr modules"
    `);
    expect(await refused('../../etc.passwd')).toContain('there is no module');
  });

  it('are TypeScript as well, with the files beside them, and import what pitr gives them', async () => {
    await using dir = await folder({
      'modules/site/odd.ts': `import { defineLook, type ReadHost, z } from 'pitr/module';
import { z as same } from 'zod';
import { Unit, warm } from './a-helper.ts';

const params = z.strictObject({ city: same.string() });

export const module = defineLook({
  summary: 'Says how warm it is.',
  examples: '- site.odd: { city: Berlin }',
  params,
  read: async (host: ReadHost, p: z.output<typeof params>) => ({ ...warm(p.city), unit: Unit.Celsius }) satisfies object,
});
`,
      'modules/site/a-helper.ts': `export enum Unit { Celsius = 'C' }
export const warm = (city: string): { city: string } => ({ city });
`,
    });
    expect(await listModules([dir.path])).toContain('site.odd');
    const module = await loadModule('site.odd', [dir.path]);
    expect(module.params.safeParse({ city: 'Berlin' })).toMatchObject({ success: true });
    if (module.kind !== 'look') throw new Error('it looks');
    expect(await Reflect.apply(module.read, undefined, [undefined, { city: 'Berlin' }])).toEqual({
      city: 'Berlin',
      unit: 'C',
    });
  });

  it('lie in the folders of $PITR_MODULES_PATH too; what lies beside the playbook comes first', async () => {
    await using dir = await folder({
      'modules/demo/weather.js': GOOD,
      'far/demo/weather.js': GOOD.replace('Says how', 'Tells how'),
      'far/demo/rain.js': GOOD,
      'farther/demo/snow.mjs': GOOD,
    });
    vi.stubEnv('PITR_MODULES_PATH', `${dir.file('far')}:${dir.file('farther')}`);
    try {
      const names = (await listModules([dir.path])).filter((name) => name.startsWith('demo.'));
      expect(names).toEqual(['demo.rain', 'demo.snow', 'demo.weather']);
      expect(await loadModule('demo.weather', [dir.path])).toMatchObject({ summary: 'Says how warm it is.' });
      expect(await loadModule('demo.weather')).toMatchObject({ summary: 'Tells how warm it is.' });
    } finally {
      vi.unstubAllEnvs();
    }
  });
});

const CHANGING = `import { defineModule, z } from 'pitr/module';

export const module = defineModule({
  summary: 'Changes something.',
  examples: '- site.odd:',
  params: z.strictObject({}),
  read: async () => ({ is: 1 }),
  plan: () => ({ summary: 'change it' }),
  apply: async () => ({}),
  undo: async () => {},
});
`;

describe('a part of a module that is not as it has to be', () => {
  it.each([
    [
      'is misspelt',
      '  efects: () => [],',
      '"efects" is no part of a module of kind "change" (did you mean "effects"?)',
    ],
    ['is no function', "  effects: 'pgdata',", '"effects" must be a function, or left out, but is "pgdata"'],
    ['has another value', "  orphans: 'keep',", '"orphans" must be "end", or left out, but is "keep"'],
    [
      'names a param that is not there',
      "  freeFormWords: { creates: 'create' },",
      '"freeFormWords" names "create", which is not a param',
    ],
  ])('that %s is refused at load, with its line', async (_, line, text) => {
    await using dir = await folder({
      'modules/site/odd.ts': CHANGING.replace('  undo:', `${line}\n  undo:`),
    });
    expect(await refusal(loadModule('site.odd', [dir.path]), dir.path)).toBe(
      [
        `module "site.odd" is not formed as a module: ${text}`,
        'at modules/site/odd.ts:10:3',
        'docs/writing-modules.md tells the parts of a module.',
      ].join('\n'),
    );
  });
});

describe('a way back that there is not', () => {
  it('is refused at load where it has no reason', async () => {
    await using dir = await folder({
      'modules/site/odd.ts': CHANGING.replace('async () => {},', "{ impossible: ' ' },"),
    });
    expect(await refusal(loadModule('site.odd', [dir.path]), dir.path)).toBe(
      [
        'module "site.odd" is not formed as a module: "undo" must be a function, or { impossible: "why" } with a reason, but is an object',
        'at modules/site/odd.ts:10:3',
        'docs/writing-modules.md tells the parts of a module.',
      ].join('\n'),
    );
  });
});

describe('a fault of a module', () => {
  const faulty = async (part: string, code: string) => {
    const dir = await folder({
      'modules/site/odd.ts': CHANGING.replace(new RegExp(`  ${part}: .*,`), `  ${part}: ${code},`),
    });
    return { dir, module: await loadModule('site.odd', [dir.path]) };
  };
  const call = async (module: AnyModule, part: string, ...args: readonly unknown[]): Promise<unknown> =>
    Reflect.apply(Reflect.get(module, part), module, args);

  it.each([
    [
      'read',
      'async (host) => host.nothing.there',
      "TypeError: Cannot read properties of undefined (reading 'there')",
      7,
    ],
    [
      'plan',
      '(state) => state.gone.too',
      "TypeError: Cannot read properties of undefined (reading 'too')",
      8,
    ],
    ['apply', "async () => { throw 'a text' }", 'Error: a text', 9],
    ['undo', 'async () => JSON.parse("{")', 'SyntaxError: ', 10],
  ])('in its %s is told with its file and line', async (part, code, words, line) => {
    const { dir, module } = await faulty(part, code);
    await using _ = dir;
    await expect(call(module, part, {}, {})).rejects.toMatchObject({
      kind: 'failed',
      code: 'module-fault',
      message: expect.stringContaining(`module "site.odd" is at fault: its ${part} ends with ${words}`),
      at: { file: dir.file('modules/site/odd.ts'), line },
      next: [`Mend ${dir.file('modules/site/odd.ts')}.`],
    });
  });

  it.each([
    ["{ summary: 'x', at: new Date() }", 'gives change.at, which is a Date'],
    ["{ summary: 'x', list: [1, { big: 1n }] }", 'gives change.list[1].big, which is a bigint'],
    ["{ summary: 'x', undo() {} }", 'gives change.undo, which is a function'],
    ['{ text: 1 }', 'gives a change without a "summary"'],
    ["'change it'", 'gives a change that is no mapping'],
  ])('that plans %s is told', async (change, words) => {
    const { dir, module } = await faulty('plan', `() => (${change})`);
    await using _ = dir;
    await expect(call(module, 'plan', {}, {})).rejects.toMatchObject({
      code: 'module-fault',
      message: expect.stringContaining(`module "site.odd" is at fault: its plan ${words}`),
      at: { line: 8 },
    });
  });

  it('may give what only apply needs in any form', async () => {
    const { dir, module } = await faulty('plan', "() => ({ summary: 'x', forApply: new Uint8Array(2) })");
    await using _ = dir;
    expect(await call(module, 'plan', {}, {})).toMatchObject({ summary: 'x' });
  });

  it('is not what it throws for the operator', async () => {
    const { dir, module } = await faulty(
      'apply',
      "async () => { throw new (await import('pitr/module')).PitrError({ kind: 'refused', code: 'no', message: 'not now' }) }",
    );
    await using _ = dir;
    await expect(call(module, 'apply', {}, {})).rejects.toMatchObject({
      kind: 'refused',
      message: 'not now',
    });
  });

  it('names the place in pitr where it came up, when it did there', async () => {
    const { dir, module } = await faulty('read', 'async () => (await import("pitr/module")).probe(7)');
    await using _ = dir;
    await expect(call(module, 'read', {}, {})).rejects.toMatchObject({
      code: 'module-fault',
      at: { line: 7 },
      details: [
        expect.stringMatching(/^It came up in pitr, at .*contract\/probe\.ts:\d+, called from line 7/),
      ],
    });
  });

  it('is not what the operator stopped', async () => {
    const { dir, module } = await faulty(
      'apply',
      "async (host, change, params, { signal }) => (await import('node:timers/promises')).setTimeout(60_000, 1, { signal })",
    );
    await using _ = dir;
    const stop = new AbortController();
    const outcome = call(module, 'apply', {}, {}, {}, { signal: stop.signal });
    stop.abort();
    await expect(outcome).rejects.toMatchObject({ kind: 'interrupted' });
  });
});
