// Builds what is installed: `cli/main.js`, the start; `cli/pitr.js`, all the rest in one file; `module.js`, the face of
// pitr for modules of users. Own modules are found by their folders here, once, instead of at each start.
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, relative } from 'node:path';
import { build } from 'esbuild';

const root = join(import.meta.dirname, '..');

/** What stands for `import.meta.url` in both files. */
const URL_OF_FILE = "const __url = require('node:url').pathToFileURL(__filename).href;";

const common = {
  absWorkingDir: root,
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node20.19',
  // What is not part of the file is required: for an import, Node would first have to load its loader of ES modules.
  supported: { 'dynamic-import': false },
  logLevel: 'warning',
  define: { 'import.meta.url': '__url' },
  banner: { js: URL_OF_FILE },
  write: false,
};

/** The entry of the one file. All is required when it is asked for: what a command does not need is not run. */
const ENTRY = `
exports.program = (...args) => require('./cli/program.ts').program(...args);
exports.kit = () => require('./lib/modules/kit.ts');
exports.started = __started;
`;

/** A map of pitr's own modules in the place of the file that finds them. */
function ownModules() {
  const folder = join(root, 'lib/modules');
  const families = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const names = families.flatMap(({ name: family }) =>
    readdirSync(join(folder, family)).flatMap((file) => {
      const word = /^([a-z][a-z0-9_]*)\.ts$/.exec(file)?.[1];
      return word === undefined ? [] : [`${family}.${word}`];
    }),
  );
  const line = (name) => `  '${name}': () => import('./${name.replace('.', '/')}.ts'),`;
  return `const OWN = {\n${names.map(line).join('\n')}\n};
export const ownModules = async () => Object.keys(OWN);
export const importOwn = async (name) => Object.hasOwn(OWN, name) ? OWN[name]() : undefined;
`;
}

const plugin = {
  name: 'pitr',
  setup({ onLoad }) {
    onLoad({ filter: /\/lib\/modules\/own-modules\.ts$/ }, () => ({
      contents: ownModules(),
      loader: 'js',
      resolveDir: join(root, 'lib/modules'),
    }));
    onLoad({ filter: /\/(cli|lib)\/.*\.ts$/ }, ({ path }) => ({
      contents: part(relative(root, path), readFileSync(path, 'utf8')),
      loader: 'ts',
    }));
    // Its native part is no JavaScript: it is taken from where ssh2 is installed, where it was built.
    onLoad({ filter: /\/ssh2\/lib\/protocol\/crypto\.js$/ }, ({ path }) => ({
      contents: replaced(
        readFileSync(path, 'utf8'),
        "require('./crypto/build/Release/sshcrypto.node')",
        "require('ssh2/lib/protocol/crypto/build/Release/sshcrypto.node')",
      ),
    }));
  },
};

/**
 * A source file as a part of the one file: packages that it loads when they are first needed are parts as well, and it
 * writes down that it was started (what is worth keeping compiled is known by that).
 */
function part(name, text) {
  const seen = text.replace('const require = createRequire(import.meta.url);', '');
  return `${seen}\n__started.push('${name}');\n`;
}

/** A replacement that must not fail in silence when a dependency has changed. */
function replaced(text, from, to) {
  if (!text.includes(from)) throw new Error(`not found: ${from}`);
  return text.replace(from, () => to);
}

/** Writes the built files below `out` (`dist`). */
export async function bundle(out) {
  const cli = join(out, 'cli');
  const program = await build({
    ...common,
    stdin: { contents: ENTRY, resolveDir: root, sourcefile: 'entry.js' },
    // The map tells the sources from where it will lie in the package.
    outfile: join(root, 'dist/cli/pitr.js'),
    sourcemap: 'external',
    sourcesContent: false,
    // Half as much to read at each start; names stay, and the map knows the lines.
    minifyWhitespace: true,
    banner: { js: `const __started = [];\n${URL_OF_FILE}` },
    // jiti finds files of its own beside it; the others are native, and optional.
    external: ['jiti', 'cpu-features', '*.node'],
    plugins: [plugin],
  });
  const start = await build({
    ...common,
    entryPoints: ['cli/start/packed.ts'],
    outfile: join(cli, 'main.js'),
  });
  const built = Object.fromEntries(
    program.outputFiles.map(({ path, text }) => [path.endsWith('.map') ? 'map' : 'code', text]),
  );
  const hash = createHash('sha256').update(built.code).digest('hex');
  const files = {
    'package.json': '{ "type": "commonjs" }\n',
    'pitr.js.map': built.map,
    // On the first line, which is not of the sources: so the map holds.
    'pitr.js': `/* ${hash} */${built.code}`,
    'main.js': start.outputFiles[0].text,
  };
  mkdirSync(cli, { recursive: true });
  for (const name of readdirSync(cli))
    if (!Object.hasOwn(files, name)) rmSync(join(cli, name), { recursive: true });
  for (const [name, text] of Object.entries(files)) {
    // Renamed into place: a pitr that starts at this moment finds the old file or the new one.
    writeFileSync(join(cli, `${name}.new`), text, { mode: 0o755 });
    renameSync(join(cli, `${name}.new`), join(cli, name));
  }
  writeFileSync(join(out, 'module.js'), face(join(cli, 'pitr.js')));
}

if (process.argv[1] === import.meta.filename) await bundle(process.argv[2] ?? join(root, 'dist'));

/** What a package imports as `pitr/module`: the names of the kit, of the very pitr that runs. */
function face(file) {
  const names = Object.keys(createRequire(file)(file).kit());
  return `import { createRequire } from 'node:module';
const kit = createRequire(import.meta.url)('./cli/pitr.js').kit();
export const { ${names.join(', ')} } = kit;
`;
}
