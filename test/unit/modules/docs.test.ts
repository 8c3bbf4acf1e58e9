import { describe, expect, it } from 'vitest';
import { moduleDoc, moduleDocText } from '../../../lib/modules/docs.ts';
import { listModules, loadModule } from '../../../lib/modules/registry.ts';
import { folder } from '../language/playbook/support/folder.ts';

const LIGHT = `export const module = ({ z, defineModule }) => defineModule({
  summary: 'Keeps a light on or off.',
  description: 'Looks first. The switch is found by its room, and a room that has several switches is refused by name.',
  examples: '- demo.light: kitchen\\n- demo.light:\\n    room: hall\\n    state: off',
  params: z.strictObject({
    room: z.string().describe('the room, as the house calls it'),
    state: z.enum(['on', 'off']).default('on').describe('what it should be'),
    house: z.string().optional().meta({ variable: 'house_name' }),
  }),
  freeForm: 'room',
  returns: { watts: 'what it draws now' },
  read: async () => 'off',
  plan: () => undefined,
  apply: async () => ({}),
  undo: { impossible: 'moths have seen it' },
});`;

describe('the documentation of a module', () => {
  it('is made from its parts', async () => {
    await using dir = await folder({ 'modules/demo/light.js': LIGHT });
    const module = await loadModule('demo.light', [dir.path]);
    expect(
      moduleDocText(moduleDoc('demo.light', module), 72).replace(
        /Its file:\s+\S+(?=\/modules)/,
        'Its file: PLACE',
      ),
    ).toMatchInlineSnapshot(`
      "demo.light: Keeps a light on or off.

      Looks first. The switch is found by its room, and a room that has
      several switches is refused by name.

      It may change a host; in check mode it looks and says what would change.
      Undo: cannot be undone: moths have seen it.
      Its file: PLACE/modules/demo/light.js

      Params
        room (string; required; may stand right under the module)
            the room, as the house calls it
        state (one of: on, off; default "on")
            what it should be
        house (string; else variable house_name)

      Registers
        watts
            what it draws now

      Examples
        - demo.light: kitchen
        - demo.light:
            room: hall
            state: off
      "
    `);
  });

  it('can be made for every module of the product', async () => {
    for (const name of await listModules()) {
      const doc = moduleDoc(name, await loadModule(name));
      expect(doc.examples, name).toContain(name);
      expect(moduleDocText(doc), name).toContain(doc.summary);
      expect(
        doc.params.filter((param) => param.description === undefined).map((param) => `${name}.${param.name}`),
      ).toEqual([]);
    }
  });
});
