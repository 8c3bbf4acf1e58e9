import { access, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { RunRequest } from '../../lib/engine/run/run-request.ts';
import { newDirectory, type Played, play } from './support.ts';

/** The parts of a change that is made each time. */
const FRAME = {
  read: 'async () => ({})',
  plan: "() => ({ summary: 'make it' })",
  apply: "async (host) => { await host.writeFile('DIR/made', ''); return {}; }",
  undo: "async (host) => { await host.must(['rm', '-f', 'DIR/made']); }",
};

/** Plays a task of a module in JavaScript, whose types nobody has checked, on one of two hosts. */
async function played(
  made: 'defineModule' | 'defineLook' | 'defineControl',
  parts: Readonly<Record<string, string>>,
  mode: RunRequest['mode'] = 'run',
): Promise<Played> {
  const directory = await newDirectory();
  await mkdir(join(directory, 'modules', 'site'), { recursive: true });
  const all = { params: 'z.strictObject({ n: z.number().optional() })', ...parts };
  const text = Object.entries(all).map(([name, code]) => `${name}: ${code},\n`);
  await writeFile(
    join(directory, 'modules', 'site', 'odd.js'),
    `export const module = ({ z, ${made}, probe, pathResource }) =>\n${made}({ summary: 'Odd.', examples: '- site.odd:',\n${text.join('')}});\n`.replaceAll(
      'DIR',
      directory,
    ),
  );
  const yaml = `
- hosts: one
  tasks:
    - { name: odd, site.odd: { n: 1 } }
`;
  return play(yaml, { directory, mode });
}

const isThere = ({ directory }: Played, name: string): Promise<boolean> =>
  access(join(directory, name)).then(
    () => true,
    () => false,
  );

describe('a user’s module in JavaScript', () => {
  const WRITES: readonly (readonly [string, string])[] = [
    ['itself', "await host.writeFile('DIR/written', ''); return {}"],
    ['by a command', "await host.must(['touch', 'DIR/written']); return {}"],
    ['on another host', "await host.peer('two').writeFile('DIR/written', ''); return {}"],
    [
      'in a resource of its own',
      "await host.look({ kind: 'odd', scope: 'host', read: async (at) => { await at.run(['touch', 'DIR/written']); } }, 'x'); return {}",
    ],
    ['by a command that no probe is', "await host.query({ argv: ['touch', 'DIR/written'] }); return {}"],
  ];
  it.each(
    WRITES.flatMap(([way, code]) =>
      (['run', 'check'] as const).flatMap((mode) =>
        (['defineLook', 'defineModule'] as const).map((made) => [way, mode, made, code] as const),
      ),
    ),
  )('cannot write in its read: %s (%s, %s)', async (_, mode, made, code) => {
    const read = `async (host) => { ${code}; }`;
    const run = await played(made, made === 'defineLook' ? { read } : { ...FRAME, read }, mode);
    expect(run.outcome.error).toMatchObject({
      code: 'module-fault',
      message: expect.stringMatching(/^module "site\.odd" is at fault: its read ends with TypeError: /),
    });
    expect(await isThere(run, 'written')).toBe(false);
    expect(await isThere(run, 'made')).toBe(false);
  });

  it('looks in its read at all that there is to look at, also on another host', async () => {
    const run = await played('defineLook', {
      read: `async (host) => {
        const [one, two] = await host.queryAll([probe(['true']), probe(['id', '-u'])]);
        const there = await host.peer('two').look(pathResource, 'DIR/play.yml');
        return { codes: [one.exitCode, two.exitCode, (await host.query(probe(['true']))).exitCode], kind: there.kind };
      }`,
    });
    expect(run.outcome.error).toBeUndefined();
  });
});
