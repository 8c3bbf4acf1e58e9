import { describe, expect, it } from 'vitest';
import { listModules, loadModule, nearestModule, resolveModuleName } from '../../../lib/modules/registry.ts';
import { folder, refusal } from '../playbook/support/folder.ts';

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
      "module "fs.copy" of . has the name of one of pitr's own modules
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
      in modules/demo/weather.js:
      "summary" must be a text, but is empty
      "examples" must be a text, but is missing
      "plan" must be a function, but is a string
      "apply" must be a function, but is missing
      "undo" must be a function, or { impossible: "why" }
      "params" must be a zod 4 schema (z.strictObject({ ... })), but is an object
      See docs/writing-modules.md for the parts of a module."
    `);
    expect(await refused('demo.named')).toMatchInlineSnapshot(`
      "module "demo.named" is not formed as a module
      in modules/demo/named.js:
      "freeForm" names "citi", which is not a param (did you mean "city"?)
      See docs/writing-modules.md for the parts of a module."
    `);
    expect(await refused('demo.empty')).toMatchInlineSnapshot(`
      "module "demo.empty" is not formed as a module
      in modules/demo/empty.js:
      it exports nothing called "module": export const module = defineLook({ ... })
      See docs/writing-modules.md for the parts of a module."
    `);
    expect(await refused('demo.throwing')).toMatchInlineSnapshot(`
      "module "demo.throwing" cannot be imported: no licence
      in modules/demo/throwing.js"
    `);
    expect(await refused('demo.broken')).toContain('module "demo.broken" cannot be imported');
    expect(await refused('demo.wether')).toMatchInlineSnapshot(`
      "there is no module "demo.wether" (did you mean "demo.weather"?)
      the family has: demo.broken, demo.empty, demo.named, demo.throwing, demo.weather
      pitr modules"
    `);
    expect(await refused('../../etc.passwd')).toContain('there is no module');
  });
});
