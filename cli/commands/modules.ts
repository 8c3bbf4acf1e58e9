import { asPitrError, PitrError } from '../../lib/base/errors/pitr-error.ts';
import type { AnyModule } from '../../lib/contract/module.ts';
import type { ModuleDoc } from '../../lib/modules/docs.ts';
import { defineCommand } from '../command.ts';
import { OUTPUT_OPTIONS } from '../common-options.ts';
import { viewSettings } from '../display/choose.ts';
import { writeJson } from '../display/json.ts';
import { columnsOf, type Io } from '../io.ts';
import { moduleDirectories, PLAYBOOK_OPTION } from '../module-places.ts';
import { table } from '../table.ts';
import { truncate } from '../text.ts';
import { usageError } from '../usage-error.ts';

const LEAST_SUMMARY = 20;
const WIDEST_PAGE = 100;

export const modules = defineCommand({
  name: 'modules',
  summary: 'What tasks can do: modules, their params and examples',
  description: [
    'Without a name: all modules, those of your own included. With one: its params with types, defaults and the variables that fill them, what it registers, examples, what --check shows of it, and whether it can be undone.',
  ],
  arguments: [{ name: 'name', text: 'a module (fs.template), or a family (fs)' }],
  options: {
    schema: {
      text: 'The JSON Schema of its params instead; without a name, that of a playbook with all modules (as pitr schema).',
    },
    ...PLAYBOOK_OPTION,
    ...OUTPUT_OPTIONS,
  },
  examples: [
    { text: 'Everything there is', command: 'pitr modules' },
    { text: 'One module', command: 'pitr modules fs.template' },
    { text: 'One family', command: 'pitr modules barman' },
    { text: 'With those beside a playbook', command: 'pitr modules -p recover.yml' },
    { text: 'For an editor', command: 'pitr modules --schema' },
  ],
  run: async ({ options, args }, io) => {
    const { listModules, loadModule, resolveModuleName } = await import('../../lib/modules/registry.ts');
    const { moduleDoc, moduleDocText } = await import('../../lib/modules/docs.ts');
    const directories = moduleDirectories(options.playbook, io.cwd);
    const names = await listModules(directories);
    const [typed] = args;
    const json = options.output === 'json';
    const print = (schema: unknown): number => {
      io.stdout.write(`${JSON.stringify(schema, null, json ? 0 : 2)}\n`);
      return 0;
    };
    if (typed === undefined && options.schema) {
      const { playbookSchema } = await import('../../lib/language/playbook/schema.ts');
      return print(await playbookSchema(directories));
    }
    const family = typed === undefined ? names : names.filter((name) => name.startsWith(`${typed}.`));
    if (family.length > 0) {
      if (options.schema) {
        throw usageError('schema-of-many', '--schema is for one module, or without a name for all of them', {
          next: [`pitr modules ${family[0]} --schema`, 'pitr modules --schema'],
        });
      }
      const loaded = await Promise.all(
        family.map(async (name) => ({
          name,
          module: await loadModule(name, directories).catch(asPitrError),
        })),
      );
      const docs = loaded.flatMap(({ name, module }) =>
        module instanceof PitrError ? [] : [moduleDoc(name, module)],
      );
      if (json) for (const doc of docs) writeJson(io.stdout, { type: 'module', ...doc });
      else io.stdout.write(`${listLines(docs, options['no-color'], io).join('\n')}\n`);
      // The others are of use all the same: what cannot be loaded is told after them.
      const broken = loaded.find(({ module }) => module instanceof PitrError);
      if (broken !== undefined) throw broken.module;
      return 0;
    }
    const name = resolveModuleName(typed ?? '', names);
    const module = await loadModule(name, directories);
    if (options.schema) return print(await paramsSchema(module));
    const doc = moduleDoc(name, module);
    if (json) writeJson(io.stdout, { type: 'module', ...doc });
    else io.stdout.write(moduleDocText(doc, Math.min(WIDEST_PAGE, columnsOf(io.stdout))));
    return 0;
  },
});

function listLines(docs: readonly ModuleDoc[], noColor: boolean, io: Io): string[] {
  const { paint, columns } = viewSettings({ noColor, verbosity: 0, diff: false }, io);
  const nameWidth = Math.max(...docs.map(({ name }) => name.length));
  const summaryWidth = Math.max(LEAST_SUMMARY, columns() - nameWidth - 11);
  const lines = table<ModuleDoc>(
    [
      { title: 'MODULE', value: ({ name }) => name },
      { title: 'DOES', value: ({ kind }) => ({ look: 'looks', control: '-', change: 'changes' })[kind] },
      // piped, the summary stays whole
      {
        title: 'SUMMARY',
        value: ({ summary }) => (io.stdout.isTTY === true ? truncate(summary, summaryWidth) : summary),
      },
    ],
    docs,
  );
  const [heading = '', ...rest] = lines;
  return [paint.strong(heading), ...rest];
}

/** What an editor may offer under the module's name. */
async function paramsSchema(module: AnyModule): Promise<unknown> {
  const { z } = await import('zod');
  return z.toJSONSchema(module.params, { io: 'input', target: 'draft-7', unrepresentable: 'any' });
}
