import { inventorySchema } from '../../lib/language/inventory/schema.ts';
import { playbookSchema } from '../../lib/language/playbook/schema.ts';
import { defineCommand } from '../command.ts';
import { moduleDirectories, PLAYBOOK_OPTION } from '../module-places.ts';
import { usageError } from '../usage-error.ts';

const SCHEMAS = { playbook: playbookSchema, inventory: inventorySchema } as const;

export const schema = defineCommand({
  name: 'schema',
  summary: 'The JSON Schema of playbooks or inventories, for editors',
  description: [
    'With it an editor that knows YAML (yaml-language-server: VS Code, Neovim, Emacs, ...) completes keys, modules and params, tells what they mean, and underlines what is wrong. The modules of your own are in it: make it anew when they have changed.',
  ],
  arguments: [{ name: 'what', text: 'playbook (when it is left out), or inventory' }],
  options: PLAYBOOK_OPTION,
  examples: [
    { text: 'For playbooks', command: 'pitr schema > playbook.schema.json' },
    { text: 'For inventories', command: 'pitr schema inventory > inventory.schema.json' },
    {
      text: 'With the modules beside another playbook',
      command: 'pitr schema -p recover.yml > playbook.schema.json',
    },
    {
      text: 'The first line of a playbook that uses it',
      command: '# yaml-language-server: $schema=playbook.schema.json',
    },
  ],
  run: async ({ options, args }, io) => {
    const [what = 'playbook'] = args;
    if (!isSchema(what)) {
      throw usageError('schema-unknown', `there is no schema of "${what}"`, {
        next: Object.keys(SCHEMAS).map((name) => `pitr schema ${name}`),
      });
    }
    const made = await SCHEMAS[what](moduleDirectories(options.playbook, io.cwd));
    io.stdout.write(`${JSON.stringify(made, null, 2)}\n`);
    return 0;
  },
});

function isSchema(what: string): what is keyof typeof SCHEMAS {
  return Object.hasOwn(SCHEMAS, what);
}
