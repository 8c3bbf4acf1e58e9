import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkoutRoot } from '../../lab/checkout.ts';
import type { Lab } from '../../lab/lab.ts';
import { deadlinePassed, until } from '../../lib/base/wait/until.ts';
import { sharedLab } from '../support/lab.ts';

/** A data directory of the author's own that is moved aside, and started again from nothing, slowly. */
const STORE = `import { type Change, defineModule, known, pathResource, z } from 'pitr/module';

const params = z.strictObject({
  data: z.string().describe('the directory'),
  serve: z.boolean().default(false).describe('others rely on it from here on'),
  seconds: z.number().default(0).describe('how long it takes'),
});

type Params = z.output<typeof params>;

interface MoveAside extends Change {
  readonly data: string;
  readonly to: string;
  readonly serve: boolean;
  readonly forApply: { readonly seconds: number };
}

export const module = defineModule({
  summary: 'Begins a store anew; the old one is kept.',
  examples: '- site.store: /srv/store',
  params,
  freeForm: 'data',
  returns: { kept_at: 'where the old data is' },
  read: async (host, { data }: Params, { runId }) => {
    const kept = \`\${data}.\${runId}\`;
    return { kept, isKept: known(await host.look(pathResource, kept)).kind !== 'absent' };
  },
  plan: ({ kept, isKept }, { data, serve, seconds }): MoveAside | undefined =>
    isKept ? undefined : { summary: \`begin \${data} anew\`, data, to: kept, serve, forApply: { seconds } },
  unchanged: ({ kept }) => ({ kept_at: kept }),
  effects: ({ data, to, serve }) => [
    {
      kind: 'path', id: data, state: 'begun anew', lasts: 'for good', supersedes: true,
      movedTo: { id: to, as: 'old data' },
    },
    // Others rely on it from here on: nothing is taken back any more, and the old data may be let go.
    ...(serve ? (['begins a history', 'joins'] as const) : []).map(
      (cluster) => ({ kind: 'store', id: data, state: 'serving', lasts: 'for good', cluster }) as const,
    ),
  ],
  apply: async (host, { data, to, forApply }) => {
    await host.must(['sleep', String(forApply.seconds)]);
    await host.must(['mv', '-T', '--', data, to]);
    await host.must(['mkdir', '--', data]);
    return { kept_at: to };
  },
  undo: async (host, { data, to }) => {
    if (known(await host.look(pathResource, to)).kind === 'absent') return;
    await host.must(['rm', '-rf', '--', data]);
    await host.must(['mv', '-T', '--', to, data]);
  },
  orphans: 'end',
});
`;

const PLAY = `- hosts: db1
  vars: { seconds: 0, serve: false }
  tasks:
    - fs.directory: /var/tmp/store
    - name: A store with something in it
      fs.copy: { dest: /var/tmp/store/old, content: kept }
    - name: Begin it anew
      site.store: { data: /var/tmp/store, serve: "{{ serve }}", seconds: "{{ seconds }}" }
      register: begun
    - name: Say where the old one is
      core.debug: "kept at {{ begun.kept_at }}"
`;

/** Breaks what the compiler has to find: a read that writes, a summary that is no text, a part that there is not. */
const WRONG: readonly (readonly [from: string, to: string, refused: string])[] = [
  [
    'return { kept, isKept',
    "await host.must(['true']);\n    return { kept, isKept",
    "Property 'must' does not exist on type 'ReadHost'",
  ],
  // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the code of the module
  ['summary: `begin ${data} anew`', 'summary: 7', "Type 'number' is not assignable to type 'string'"],
  [
    'undo: async (host, { data, to })',
    'undo: async (host, { forApply })',
    "Property 'forApply' does not exist",
  ],
  ["orphans: 'end'", "orphans: 'keep'", '"keep"'],
];

interface Ended {
  readonly code: number | null;
  readonly output: string;
}

describe('a module written in TypeScript beside an installed pitr', () => {
  let lab: Lab;
  let place: string;
  let app: string;

  const run = (program: string, args: readonly string[], cwd = app): Promise<Ended> =>
    new Promise((resolve, reject) => {
      const child = spawn(program, args, {
        cwd,
        env: {
          ...process.env,
          PITR_STATE_DIR: join(place, 'state'),
          PITR_INVENTORY: lab.files.dockerInventory,
          NO_COLOR: '1',
        },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      let output = '';
      for (const stream of [child.stdout, child.stderr])
        stream.setEncoding('utf8').on('data', (text: string) => {
          output += text;
        });
      child.once('error', reject);
      child.once('close', (code) => resolve({ code, output }));
    });
  const pitr = (...words: string[]): Promise<Ended> => run(join(app, 'node_modules/.bin/pitr'), words);
  const tsc = (): Promise<Ended> => run(join(checkoutRoot, 'node_modules/.bin/tsc'), ['-p', app]);
  const store = async (): Promise<string> =>
    (await lab.mustExec('db1', ['sh', '-c', 'cd /var/tmp && find store* | sort'])).trim();
  const runs = (): Promise<string[]> => readdir(join(place, 'state/runs'));
  const runIn = (output: string): string => /\(run (\S+)\)/.exec(output)?.[1] ?? 'none';

  beforeAll(async () => {
    lab = await sharedLab();
    place = await mkdtemp(join(tmpdir(), 'pitr-packed-'));
    app = join(place, 'app');
    const types = join(checkoutRoot, 'tsconfig.types.json');
    for (const [program, ...args] of [
      [join(checkoutRoot, 'node_modules/.bin/tsc'), '-p', types],
      // what `prepack` makes has just been made
      ['npm', 'pack', '--ignore-scripts', '--pack-destination', place],
    ] as const) {
      const { code, output } = await run(program, args, checkoutRoot);
      expect(code, output).toBe(0);
    }
    const tarball = (await readdir(place)).find((name) => name.endsWith('.tgz')) ?? '';
    const tools = [
      'install',
      '--prefer-offline',
      '--ignore-scripts',
      '--no-audit',
      '--no-fund',
      '--prefix',
      app,
    ];
    const installed = await run('npm', [...tools, join(place, tarball)], place);
    expect(installed.code, installed.output).toBe(0);
  });

  afterAll(async () => {
    await lab.mustExec('db1', ['sh', '-c', 'rm -rf /var/tmp/store*']);
    await rm(place, { recursive: true, force: true });
  });

  it('is begun by pitr new, and typed', async () => {
    expect(await pitr('new', 'module', 'site.line')).toMatchObject({ code: 0 });
    await writeFile(join(app, 'modules/site/store.ts'), STORE);
    await writeFile(join(app, 'play.yml'), PLAY);
    await writeFile(
      join(app, 'tsconfig.json'),
      JSON.stringify({
        compilerOptions: {
          module: 'NodeNext',
          target: 'ES2023',
          strict: true,
          noEmit: true,
          skipLibCheck: true,
        },
        include: ['modules'],
      }),
    );
    expect(await tsc()).toEqual({ code: 0, output: '' });
    for (const [from, to, refused] of WRONG) {
      await writeFile(join(app, 'modules/site/store.ts'), STORE.replace(from, to));
      expect((await tsc()).output).toContain(refused);
    }
    await writeFile(join(app, 'modules/site/store.ts'), STORE);
    expect(await pitr('play', 'test-site-line.yml')).toMatchObject({ code: 0 });
  });

  it('is checked, run, and undone', async () => {
    const checked = await pitr('play', 'play.yml', '--check');
    expect(checked.output).toContain('would change: [db1] Begin it anew');
    expect(checked.code, checked.output).toBe(0);
    const played = await pitr('play', 'play.yml');
    expect(played.code, played.output).toBe(0);
    const id = runIn(played.output);
    expect(played.output).toContain(`kept at /var/tmp/store.${id}`);
    expect(await store()).toBe(`store\nstore.${id}\nstore.${id}/old`);
    const undone = await pitr('undo', id, '--yes');
    expect(undone.code, undone.output).toBe(0);
    expect(await store()).toBe('');
  });

  it('is resumed after the controller was killed in the middle of it; pitr commit lets the old data go', async () => {
    const before = await runs();
    const controller = spawn(
      join(app, 'node_modules/.bin/pitr'),
      ['play', 'play.yml', '-e', '{"seconds": 60, "serve": true}'],
      {
        cwd: app,
        env: {
          ...process.env,
          PITR_STATE_DIR: join(place, 'state'),
          PITR_INVENTORY: lab.files.dockerInventory,
        },
        stdio: 'ignore',
      },
    );
    const sleeping = (): Promise<string> =>
      lab.exec('db1', ['pgrep', '-fx', 'sleep 60']).then((ran) => ran.stdout);
    await until(sleeping, {
      everyMs: 100,
      deadlineMs: 60_000,
      done: (pids) => pids !== '',
      late: (seen, deadlineMs) =>
        deadlinePassed({ what: 'the module to be at work', deadlineMs, lastSeen: seen }),
    });
    controller.kill('SIGKILL');
    await once(controller, 'exit');
    const id = (await runs()).find((run) => !before.includes(run)) ?? 'none';
    const resumed = await pitr('resume', id, '-e', '{"seconds": 0, "serve": true}');
    expect(resumed.code, resumed.output).toBe(0);
    expect(resumed.output).toContain(`kept at /var/tmp/store.${id}`);
    expect(await sleeping()).toBe('');
    expect(await store()).toBe(`store\nstore.${id}\nstore.${id}/old`);

    expect((await pitr('commit', '--list')).output).toContain(`/var/tmp/store.${id}`);
    const committed = await pitr('commit', id, '--yes');
    expect(committed.code, committed.output).toBe(0);
    expect(await store()).toBe('store');
  });

  it('is told by its file and line when it is at fault, also where nobody waited for it', async () => {
    const file = join(app, 'modules/site/store.ts');
    const withFault = STORE.replace("await host.must(['mkdir'", "await host.nothing.must(['mkdir'");
    await writeFile(file, withFault);
    const line = withFault.split('host.nothing')[0]?.split('\n').length;
    const faulty = await pitr('play', 'play.yml');
    expect(faulty.output).toMatch(/module "site\.store" is at fault: its apply ends with\s+TypeError/);
    expect(faulty.output).toContain(`modules/site/store.ts:${line}:`);
    expect(faulty.code).toBe(2);
    expect((await pitr('undo', runIn(faulty.output), '--yes')).code).toBe(0);

    await writeFile(file, STORE.replace("await host.must(['sleep'", "void host.must(['false'"));
    await appendFile(file, "await import('node:timers/promises');\n");
    const forgotten = await pitr('play', 'play.yml', '-e', '{"seconds": 9}');
    expect((await readFile(file, 'utf8')).includes('void host')).toBe(true);
    expect(forgotten.output).toContain('Nobody waited for it');
    expect(forgotten.code).toBe(2);
  });
});
