import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { PitrError } from '../../lib/base/errors/pitr-error.ts';
import { makeDirectory } from '../../lib/base/files/make-directory.ts';
import { projectRoot } from '../../lib/language/playbook/assets.ts';
import { listModules } from '../../lib/modules/registry.ts';
import { commandLine } from '../../lib/transport/quote.ts';
import { defineCommand } from '../command.ts';
import { findInventories } from '../find-inventory.ts';
import type { Io } from '../io.ts';
import { moduleDirectories } from '../module-places.ts';
import { usageError } from '../usage-error.ts';

const EXAMPLE = 'site.line';

export const newCommand = defineCommand({
  name: 'new',
  summary: 'Begin a module of your own, or a project, with a test that runs',
  description: [
    'new module writes modules/<family>/<name>.ts beside the playbooks in the working directory, test-<family>-<name>.yml, a playbook that tests it on this machine, and inventory.yml where no inventory is found. The test runs as it is; make of the module what you need. docs/writing-modules.md tells the rest.',
    'new project makes a directory with an inventory, a playbook, a module with its test, the schemas for an editor, and a tsconfig.json. A module that is begun there is added to the schemas. No other file that is there is ever written over.',
  ],
  arguments: [
    { name: 'what', required: true, text: 'module, or project' },
    {
      name: 'name',
      required: true,
      text: 'family.name of the module (site.motd), or the directory of the project',
    },
  ],
  options: {},
  examples: [
    { text: 'A module', command: 'pitr new module site.motd' },
    { text: 'A project', command: 'pitr new project upkeep' },
  ],
  run: async ({ args }, io) => {
    const [what, name = ''] = args;
    if (what === 'module') return newModule(name, io);
    if (what === 'project') return newProject(name, io);
    throw usageError('new-unknown', `pitr cannot begin a "${what ?? ''}"`, {
      next: ['pitr new module <family.name>', 'pitr new project <directory>'],
    });
  },
});

async function newModule(name: string, io: Io): Promise<number> {
  await refuseName(name);
  const isFor = (what: Schema) => (existsSync(join(io.cwd, schemaFile(what))) ? modeline(what) : '');
  const files = await moduleFiles(name, isFor('playbook'));
  const inventory = await inventoryHere(io);
  if (inventory === undefined)
    files.set('inventory.yml', isFor('inventory') + (await template('inventory.yml', name)));
  await write(io.cwd, files);
  const anew = await schemasAnew(io.cwd);
  const [family = '', word = ''] = name.split('.');
  const test = `test-${family}-${word}.yml`;
  io.stdout.write(
    `${[
      ...[...files.keys()].map((file) => `written: ${file}`),
      ...anew,
      '',
      `Its test: ${commandLine(['pitr', 'play', test, ...(inventory ?? [])])}`,
      `Its params, as an operator sees them: ${commandLine(['pitr', 'modules', name])}`,
    ].join('\n')}\n`,
  );
  return 0;
}

async function newProject(directory: string, io: Io): Promise<number> {
  const root = resolve(io.cwd, directory);
  const files = await moduleFiles(EXAMPLE, modeline('playbook'));
  files.set('site.yml', modeline('playbook') + (await template('playbook.yml', EXAMPLE)));
  files.set('inventory.yml', modeline('inventory') + (await template('inventory.yml', EXAMPLE)));
  files.set('tsconfig.json', tsconfig());
  await write(root, files);
  // The schemas tell of the module that has just been written.
  const schemas = await schemasOf(root);
  await write(root, schemas);
  io.stdout.write(
    `${[
      ...[...files.keys(), ...schemas.keys()].map((file) => `written: ${join(directory, file)}`),
      '',
      ...(root === io.cwd ? [] : [commandLine(['cd', directory])]),
      'What would be done: pitr play site.yml --check --diff',
      'The test of the module: pitr play test-site-line.yml',
      'Another module: pitr new module <family.name>',
    ].join('\n')}\n`,
  );
  return 0;
}

/** Types without any npm package beside the playbooks: those of the pitr that wrote this. */
function tsconfig(): string {
  return `${JSON.stringify(
    {
      compilerOptions: {
        module: 'NodeNext',
        target: 'ES2023',
        strict: true,
        noEmit: true,
        skipLibCheck: true,
        allowImportingTsExtensions: true,
        paths: { 'pitr/module': [join(projectRoot(), 'dist/lib/modules/kit.d.ts')] },
      },
      include: ['modules'],
    },
    null,
    2,
  )}\n`;
}

type Schema = 'playbook' | 'inventory';

function schemaFile(what: Schema): string {
  return `.pitr/${what}.schema.json`;
}

function modeline(what: Schema): string {
  return `# yaml-language-server: $schema=${schemaFile(what)}\n`;
}

/** The schemas of a project by their files. Throws what a module throws that cannot be loaded. */
async function schemasOf(root: string): Promise<ReadonlyMap<string, string>> {
  const { inventorySchema } = await import('../../lib/language/inventory/schema.ts');
  const { playbookSchema } = await import('../../lib/language/playbook/schema.ts');
  const places = moduleDirectories(undefined, root);
  const text = (schema: unknown) => `${JSON.stringify(schema, null, 1)}\n`;
  return new Map([
    [schemaFile('playbook'), text(await playbookSchema(places))],
    [schemaFile('inventory'), text(await inventorySchema(places))],
  ]);
}

/** Has those schemas that a project has tell of all modules that are there now. Gives what was done, in words. */
async function schemasAnew(root: string): Promise<readonly string[]> {
  const here = (['playbook', 'inventory'] as const)
    .map(schemaFile)
    .filter((file) => existsSync(join(root, file)));
  if (here.length === 0) return [];
  try {
    const schemas = await schemasOf(root);
    for (const file of here) await writeFile(join(root, file), schemas.get(file) ?? '');
    return here.map((file) => `written anew: ${file}`);
  } catch (thrown) {
    // Another module may be at work on: this one has been begun all the same.
    if (!(thrown instanceof PitrError)) throw thrown;
    return here.map((file) => `left as it was: ${file} (${thrown.message})`);
  }
}

async function moduleFiles(name: string, head: string): Promise<Map<string, string>> {
  const [family = '', word = ''] = name.split('.');
  return new Map([
    [`modules/${family}/${word}.ts`, await template('module.ts', name)],
    [`test-${family}-${word}.yml`, head + (await template('test.yml', name))],
  ]);
}

async function template(file: string, name: string): Promise<string> {
  const text = await readFile(join(projectRoot(), 'templates', 'new', file), 'utf8');
  return text.replaceAll('FAMILY.NAME', name).replaceAll('FAMILY-NAME', name.replace('.', '-'));
}

/** Nothing is written when one of the files is there. */
async function write(root: string, files: ReadonlyMap<string, string>): Promise<void> {
  const there = [...files.keys()].filter((file) => existsSync(join(root, file)));
  if (there.length > 0) {
    throw usageError('file-exists', `there is ${there.join(' and ')} already`, {
      details: ['Nothing was written.'],
      next: ['Take another name, or move what is there out of the way.'],
    });
  }
  for (const [file, text] of files) {
    makeDirectory(dirname(join(root, file)), 0o777);
    await writeFile(join(root, file), text);
  }
}

async function refuseName(name: string): Promise<void> {
  if (!/^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$/.test(name)) {
    throw usageError('module-name', `"${name}" cannot be the name of a module`, {
      details: ['A name is <family>.<name>: lower-case letters, digits and _.'],
      next: ['pitr new module site.motd'],
    });
  }
  if ((await listModules()).includes(name)) {
    throw usageError('module-exists', `there is a module "${name}" already: pitr modules ${name}`, {
      next: [`Take a family of your own: pitr new module site.${name.slice(name.indexOf('.') + 1)}`],
    });
  }
}

/** What has to be typed so that an inventory is found here: nothing, or one of several; undefined where there is none. */
async function inventoryHere(io: Io): Promise<readonly string[] | undefined> {
  try {
    await findInventories([], io);
    return [];
  } catch (thrown) {
    if (!(thrown instanceof PitrError) || thrown.kind !== 'usage') throw thrown;
    if (thrown.code !== 'inventory-ambiguous') return undefined;
    const [first = ''] = thrown.next;
    return first.split(' ');
  }
}
