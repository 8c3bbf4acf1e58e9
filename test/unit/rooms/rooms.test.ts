import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ABOVE, picture, ROOMS, ruleText } from './rooms.ts';

const ROOT = path.join(import.meta.dirname, '..', '..', '..');

const PACKAGES = [
  { what: 'ssh2', inside: 'lib/transport/ssh', outside: 'lib/transport/docker' },
  { what: 'node-ssh', inside: 'lib/transport/ssh', outside: 'lib/engine/run' },
  { what: 'listr2', inside: 'cli/display', outside: 'cli/commands' },
  { what: 'kleur/colors', inside: 'cli/display', outside: 'lib/engine/run' },
  { what: 'yaml', inside: 'lib/language/yaml', outside: 'lib/language/playbook' },
  { what: 'handlebars', inside: 'lib/language/template', outside: 'lib/language/playbook' },
  { what: '@marcbachmann/cel-js', inside: 'lib/language/expression', outside: 'lib/language/template' },
  { what: 'node:child_process', inside: 'lib/transport/docker', outside: 'lib/system/core' },
  { what: 'testcontainers', inside: 'lab', outside: 'lib/transport/docker' },
  { what: 'node:module', inside: 'lib/language/template', outside: 'lib/modules/core' },
];

describe('the rooms', () => {
  it('are those that lib/ has', () => {
    expect(ROOMS.map(({ folder }) => folder).filter((folder) => folder.startsWith('lib/'))).toHaveLength(8);
    expect(ROOMS.map(({ folder }) => folder).sort()).toEqual(
      ['cli', ...readdirSync(path.join(ROOT, 'lib')).map((name) => `lib/${name}`)].sort(),
    );
  });

  // The folders of `lib/modules` are the families, which come and go.
  it.each(ROOMS.filter(({ folder }) => folder.startsWith('lib/') && folder !== 'lib/modules'))(
    '$folder is told with every folder that it has',
    ({ folder, holds }) => {
      const inside = readdirSync(path.join(ROOT, folder), { withFileTypes: true })
        .filter((entry) => entry.isDirectory())
        .map(({ name }) => name);
      expect(inside.filter((name) => !holds.includes(name))).toEqual([]);
    },
  );

  it('are the rule that biome reads', async () => {
    await expect(ruleText()).toMatchFileSnapshot(path.join(ROOT, 'rooms.biome.json'));
    const config: { extends?: unknown; plugins?: unknown } = JSON.parse(
      readFileSync(path.join(ROOT, 'biome.json'), 'utf8'),
    );
    expect(config.extends).toEqual(['./rooms.biome.json']);
    expect(config.plugins).toEqual(['./rooms.grit']);
  });

  it.each(['README.md', 'docs/architecture.md'])('stand in %s as the rule has them', (page) => {
    expect(readFileSync(path.join(ROOT, page), 'utf8')).toContain(picture());
  });
});

describe('the lint rule', () => {
  let found: ReadonlyMap<string, string>;
  const house = mkdtempSync(path.join(tmpdir(), 'pitr-rooms-'));
  const plant = (file: string, text: string): void => {
    mkdirSync(path.dirname(path.join(house, file)), { recursive: true });
    writeFileSync(path.join(house, file), `${text}\n`);
  };
  const name = (folder: string): string => folder.replace('/', '-');
  const up = (folder: string): string => (folder === 'cli' ? '../..' : '../../..');

  beforeAll(async () => {
    for (const file of ['biome.json', 'rooms.biome.json', 'rooms.grit', '.gitignore'])
      cpSync(path.join(ROOT, file), path.join(house, file));
    mkdirSync(path.join(house, '.git'));
    for (const { folder } of [...ROOMS, ...ABOVE.map((above) => ({ folder: above }))]) {
      plant(`${folder}/part/here.ts`, 'export const here = 1;');
    }
    for (const { folder } of ROOMS) {
      for (const other of [...ROOMS.map((room) => room.folder), ...ABOVE]) {
        plant(
          `${folder}/part/to-${name(other)}.ts`,
          `export { here } from '${up(folder)}/${other}/part/here.ts';`,
        );
      }
    }
    plant('lib/base/part/lazy.ts', "export const lazy = () => import('../../engine/part/here.ts');");
    plant('lib/base/part/type.ts', "export type { Here } from '../../contract/part/here.ts';");
    plant('lib/base/part/inline.ts', "export type Here = typeof import('../../contract/part/here.ts').here;");
    plant('lib/system/circle/a.ts', "import { b } from './b.ts';\n\nexport const a = (): number => b();");
    plant('lib/system/circle/b.ts', "import { a } from './a.ts';\n\nexport const b = (): number => a();");
    plant('lib/system/circle/c.ts', "import type { D } from './d.ts';\n\nexport type C = D | undefined;");
    plant('lib/system/circle/d.ts', "import type { C } from './c.ts';\n\nexport type D = { c: C };");
    for (const { what, inside, outside } of PACKAGES) {
      plant(`${inside}/uses-${what.replace(/\W/g, '-')}.ts`, `export * from '${what}';`);
      plant(`${outside}/uses-${what.replace(/\W/g, '-')}.ts`, `export * from '${what}';`);
    }
    for (const kind of ['ssh', 'docker', 'local']) {
      plant(`lib/transport/${kind}/connection.ts`, 'export const kind = 1;');
      plant(`lib/transport/to-${kind}.ts`, `export { kind } from './${kind}/connection.ts';`);
      plant(`lib/engine/part/to-${kind}.ts`, `export { kind } from '../../transport/${kind}/connection.ts';`);
    }
    found = await lint(house);
  }, 60_000);

  afterAll(() => rmSync(house, { recursive: true, force: true }));

  it.each(
    ROOMS.flatMap(({ folder }, floor) =>
      [...ROOMS.map((room) => room.folder), ...ABOVE].map(
        (other, at) => [folder, other, at > floor] as const,
      ),
    ),
  )('from %s to %s: refused is %s', (folder, other, refused) => {
    expect(found.get(`${folder}/part/to-${name(other)}.ts`)).toBe(
      refused ? 'lint/style/noRestrictedImports' : undefined,
    );
  });

  it.each(['lib/base/part/lazy.ts', 'lib/base/part/type.ts'])('reads every form of an import: %s', (file) => {
    expect(found.get(file)).toBe('lint/style/noRestrictedImports');
  });

  it('refuses a type that is named without an import', () => {
    expect(found.get('lib/base/part/inline.ts')).toBe('plugin');
  });

  it.each(['a', 'b', 'c', 'd'])('refuses a circle, of types too: %s', (file) => {
    expect(found.get(`lib/system/circle/${file}.ts`)).toBe('lint/suspicious/noImportCycles');
  });

  it.each(PACKAGES)('allows $what in $inside, not in $outside', ({ what, inside, outside }) => {
    const file = `uses-${what.replace(/\W/g, '-')}.ts`;
    expect(found.get(`${inside}/${file}`)).toBeUndefined();
    expect(found.get(`${outside}/${file}`)).toBe('lint/style/noRestrictedImports');
  });

  it.each(['ssh', 'docker', 'local'])('lets nobody but transport/ know of %s', (kind) => {
    expect(found.get(`lib/transport/to-${kind}.ts`)).toBeUndefined();
    expect(found.get(`lib/engine/part/to-${kind}.ts`)).toBe('lint/style/noRestrictedImports');
  });
});

/** The first rule that each file of a tree breaks. */
async function lint(directory: string): Promise<ReadonlyMap<string, string>> {
  const biome = path.join(ROOT, 'node_modules', '.bin', 'biome');
  const out = await new Promise<string>((resolve) => {
    execFile(
      biome,
      ['lint', '--reporter=json', '--max-diagnostics=none'],
      { cwd: directory, maxBuffer: 2 ** 26 },
      (_failed, stdout) => resolve(stdout),
    );
  });
  const report: { diagnostics: { category: string; location: { path: string | { file: string } } }[] } =
    JSON.parse(out);
  const first = new Map<string, string>();
  for (const { category, location } of report.diagnostics) {
    const file = typeof location.path === 'string' ? location.path : location.path.file;
    const from = path.relative(directory, path.resolve(directory, file));
    if (!first.has(from)) first.set(from, category);
  }
  return first;
}
