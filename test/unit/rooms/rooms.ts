/** A room of the house: a folder whose files may import from its own floor and from the floors below it. */
export interface Room {
  readonly folder: string;
  readonly holds: string;
}

/** From the ground up. What stands here is the rule; `rooms.biome.json` and the picture in the docs follow it. */
export const ROOMS: readonly Room[] = [
  { folder: 'lib/base', holds: 'errors, files, values, waiting: the ground' },
  {
    folder: 'lib/transport',
    holds: 'a host: ssh, openssh, docker, local; quoting, become, streams between hosts',
  },
  {
    folder: 'lib/contract',
    holds: 'what modules and engine agree on: module, host, resource, probe, effects',
  },
  { folder: 'lib/system', holds: "a host's things: fs, service, lock, core" },
  { folder: 'lib/recovery', holds: 'the trade: wal, postgres, patroni, barman, discovery, doctor' },
  { folder: 'lib/modules', holds: 'what tasks can do, by family; one file a module' },
  {
    folder: 'lib/language',
    holds: 'what a person writes: yaml, expressions, templates, jinja, inventory, playbook',
  },
  { folder: 'lib/engine', holds: 'how a run happens: run, task, check, back, journal, events' },
  { folder: 'cli', holds: 'the command line: arguments, help, exit codes, displays, questions' },
];

/** Above the house, on one floor: nothing in it knows of them. */
export const ABOVE: readonly string[] = ['lab', 'bench', 'test'];

/** What only one place may import, in the house and in lab/ and bench/. Tests may: they compare with it. */
const ONLY_IN: readonly { readonly what: readonly string[]; readonly in: readonly string[] }[] = [
  { what: ['ssh2', 'node-ssh'], in: ['lib/transport/ssh', 'bench/bare.ts', 'bench/simulated-server.ts'] },
  { what: ['listr2', 'kleur'], in: ['cli/display'] },
  { what: ['yaml'], in: ['lib/language/yaml'] },
  { what: ['handlebars'], in: ['lib/language/template'] },
  { what: ['@marcbachmann/cel-js'], in: ['lib/language/expression'] },
  // Programs are started on the controller to reach a host (ssh's agent, `docker exec`), and for nothing else.
  { what: ['node:child_process'], in: ['lib/transport', 'lab', 'bench'] },
  // Which kind a host is, transport/connect.ts decides by; how each kind is worked with, nobody else knows.
  {
    what: ['**/transport/ssh', '**/transport/openssh', '**/transport/docker', '**/transport/local'],
    in: ['lib/transport', 'lab', 'bench'],
  },
  { what: ['testcontainers', 'dockerode'], in: ['lab', 'bench'] },
  // `require` would get round all of this: it is for two packages whose ES modules are slow to load, and for the start.
  {
    what: ['node:module'],
    in: ['lib/language/expression', 'lib/language/template', 'cli/start', 'lab', 'bench'],
  },
];

/** The rule as biome reads it: the text of `rooms.biome.json`, one place a line. */
export function ruleText(): string {
  const exceptions = ONLY_IN.flatMap((rule) => rule.in);
  const folders = new Set([...ROOMS.map(({ folder }) => folder), 'lab', 'bench', ...exceptions]);
  // A later override replaces an earlier one, so that each says all that holds there, and the deeper ones come later.
  const overrides = [...folders].sort().map((folder) =>
    JSON.stringify({
      includes: [folder.endsWith('.ts') ? folder : `${folder}/**`],
      linter: {
        rules: {
          style: { noRestrictedImports: { level: 'error', options: { patterns: restricted(folder) } } },
        },
      },
    }),
  );
  const circles = JSON.stringify({
    rules: { suspicious: { noImportCycles: { level: 'error', options: { ignoreTypes: false } } } },
  });
  return `{\n"linter": ${circles},\n"overrides": [\n${overrides.join(',\n')}\n]\n}\n`;
}

function restricted(folder: string): readonly object[] {
  const floor = ROOMS.findIndex((room) => isIn(folder, room.folder));
  const above = floor === -1 ? [] : [...ROOMS.slice(floor + 1).map((room) => room.folder), ...ABOVE];
  const foreign = ONLY_IN.filter((rule) => !rule.in.some((place) => isIn(folder, place)));
  return [
    ...(above.length === 0
      ? []
      : [
          {
            group: above.map((upper) => `**/${upper.replace('lib/', '')}/**`),
            message: 'Imports run down: this one runs up, to a room above. See docs/architecture.md.',
          },
        ]),
    ...foreign.map((rule) => ({
      group: rule.what.flatMap((what) => [what, `${what}/**`]),
      message: `Only ${rule.in.join(', ')} may import this. See docs/architecture.md.`,
    })),
  ];
}

function isIn(folder: string, place: string): boolean {
  return folder === place || folder.startsWith(`${place}/`);
}

/** The column as the docs show it, the top first. */
export function picture(): string {
  const width = Math.max(...ROOMS.map(({ folder }) => folder.length)) + 3;
  return [...ROOMS]
    .reverse()
    .map(({ folder, holds }) => `${`${folder}/`.padEnd(width)}${holds}`)
    .join('\n');
}
