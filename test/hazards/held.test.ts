import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { productPlaybooks } from '../../lib/language/playbook/assets.ts';
import { loadPlaybook } from '../../lib/language/playbook/load.ts';
import { flatTasks } from '../../lib/language/playbook/load-steps.ts';
import type { Task } from '../../lib/language/playbook/model.ts';
import { play } from '../engine/support.ts';

/** What is held in Barman, noted and told is what WAL is read of up to the stop, which may lie behind what is surely needed. */

async function tasksOf(file: string): Promise<readonly Task[]> {
  const { plays } = await loadPlaybook(join(productPlaybooks(), file));
  return plays.flatMap(({ tasks }) => flatTasks(tasks));
}

async function rendered(text: unknown, vars: Readonly<Record<string, unknown>>): Promise<unknown> {
  const { messages } = await play(`- hosts: one
  vars: ${JSON.stringify({ ...vars, text })}
  tasks:
    - core.debug: "{{ json (dict text=text) }}"
`);
  return Object(JSON.parse(messages.at(-1) ?? '')).text;
}

const OWN = { server: 'main', backup: 'b1' };
const OTHER = { server: 'other', backup: 'b0' };
const FOURTH = { server: 'fourth', backup: 'b4' };
const wal = { servers_used: ['main'], holds: [OWN], unheld: [] };
const aimed = { holds: [OWN, OTHER], unheld: ['third'] };
/** Once the run itself has archived what was missing. */
const aimed_now = { holds: [OWN, OTHER, FOURTH], unheld: ['third', 'fifth'] };

describe.each(['recover.yml', 'spare.yml', 'prepare.yml'])('in %s', (file) => {
  it.each([
    ['all that is read of is held', { wal, aimed }, aimed.holds],
    [
      'nothing else where nothing had to be archived',
      { wal, aimed, aimed_now: { skipped: true } },
      aimed.holds,
    ],
    ['what an older version has proved is held, where it began the run', { wal, aimed: {} }, wal.holds],
  ])('%s', async (_, vars, held) => {
    const keeps = (await tasksOf(file)).find(({ module }) => module === 'barman.keep');
    expect(await rendered(keeps?.loop?.value, vars)).toEqual(held);
  });

  it('what was proved is told to the look at the moment', async () => {
    const looks = (await tasksOf(file)).filter(({ module }) => module === 'barman.moment');
    const known = {
      wal,
      wal_now: { servers_used: ['main', 'fourth'], holds: [OWN, FOURTH], unheld: ['fifth'] },
    };
    const [first, again] = await Promise.all(looks.map(({ args }) => rendered(args.value.wal, known)));
    expect(first).toEqual(wal);
    // And what was proved once more, of what the run itself has archived.
    if (file !== 'prepare.yml') expect(again).toEqual([wal, known.wal_now]);
  });
});

describe.each(['recover.yml', 'spare.yml'])('what %s itself has archived', (file) => {
  it('is held where it lies by now', async () => {
    const keeps = (await tasksOf(file)).find(({ module }) => module === 'barman.keep');
    expect(await rendered(keeps?.loop?.value, { wal, aimed, aimed_now })).toEqual(aimed_now.holds);
  });

  it.each<readonly [string, object, readonly string[]]>([
    ['is told where nothing holds it', { aimed, aimed_now }, ['fifth']],
    ['is not told once more where the plan has told of it', { aimed, aimed_now: aimed }, []],
    ['is nothing where nothing had to be archived', { aimed, aimed_now: { skipped: true } }, []],
    ['is told where an older version has begun the run', { aimed: {}, aimed_now }, ['third, fifth']],
  ])('%s', async (_, seen, servers) => {
    const told = (await tasksOf(file)).find(({ name }) => name.value.startsWith('Say what nothing holds'));
    const own = Object.fromEntries(
      (told?.vars ?? []).flatMap((vars) => Object.entries(vars).map(([key, { value }]) => [key, value])),
    );
    const { messages } = await play(`- hosts: one
  vars: ${JSON.stringify({ ...own, wal, ...seen })}
  tasks:
    - core.debug: ${JSON.stringify(told?.args.value.msg)}
      when: ${JSON.stringify(told?.when.at(-1)?.value)}
`);
    expect(messages).toEqual(
      servers.map((one) => expect.stringContaining(`in the archive of ${one} is older`)),
    );
  });
});

it.each(['recover.yml', 'spare.yml'])(
  'the plan of %s tells what is held, and what nothing holds',
  async (file) => {
    const lines = (await tasksOf(file)).flatMap(({ args }) => [args.value.msg].flat());
    const line = lines.find((one) => String(one).includes('against Barman'));
    const told = String(await rendered(line, { wal, aimed }));
    expect(told).toMatch(/Backup b1 of main .* Backup b0 of other .* in the archive of third is older/);
  },
);

it('it is noted for the ways on and back, which let go of it', async () => {
  const notes = (await tasksOf('recover.yml')).find(({ args }) =>
    String(args.value.content).includes('old_data='),
  );
  const vars = {
    ...{ base: { server: 'main', id: 'b1' }, aim: {}, old_data: '/old', open: [] },
    ...{ wal: { ...wal, target_time: 't', words: 'w', timeline: 1 }, aimed: { ...aimed, target: {} } },
  };
  const noted = async (more: object) =>
    JSON.parse(String(await rendered(notes?.args.value.content, { ...vars, ...more })));
  expect(await noted({})).toMatchObject({ holds: aimed.holds, unheld: aimed.unheld });
  const { holds, unheld } = aimed_now;
  expect(await noted({ aimed_now })).toMatchObject({ holds, unheld });
});

describe('a recovery is moved on to a later moment', () => {
  it('what that rests on is held for the recovery, once it is noted and before it is replayed', async () => {
    const tasks = await tasksOf('forward.yml');
    const keeps = tasks.findIndex(({ module }) => module === 'barman.keep');
    expect(keeps).toBeGreaterThan(tasks.findIndex(({ module }) => module === 'fs.copy'));
    expect(keeps).toBeLessThan(tasks.findIndex(({ module }) => module === 'postgres.replay'));
    const { loop, args, vars } = tasks[keeps] ?? {};
    expect(await rendered(loop?.value, { wal, aimed })).toEqual(aimed.holds);
    const own = Object.assign({}, ...(vars ?? []));
    expect([own.wal?.value, own.held_for?.value]).toEqual(['{{ wal_now }}', '{{ recovery.run }}']);
    expect(await rendered(args?.value.run, { held_for: 'r1' })).toBe('r1');
  });

  const BEFORE = { server: 'before', backup: 'b9' };
  it.each([
    [
      'beside what was',
      { holds: [OWN, BEFORE], unheld: ['fourth'] },
      [OWN, BEFORE, aimed.holds[1]],
      ['fourth', 'third'],
    ],
    ['where an older version held nothing', {}, aimed.holds, aimed.unheld],
  ])('it is noted, %s', async (_, before, holds, unheld) => {
    const notes = (await tasksOf('forward.yml')).find(({ args }) =>
      String(args.value.content).includes('old_data='),
    );
    const vars = {
      ...{ recovery: { run: 'r', backup: 'b1', server: 'main', timeline: 1, old_data: '/old', ...before } },
      ...{
        wal_now: { ...wal, target_time: 't' },
        aimed: { ...aimed, target: {}, aim: {}, words: 'w', prepared: [] },
      },
      nothing: [],
    };
    const note = await rendered(notes?.args.value.content, vars);
    expect(JSON.parse(String(note))).toMatchObject({ holds, unheld });
  });
});
