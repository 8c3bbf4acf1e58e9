import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { labFiles } from '../../lab/checkout.ts';
import { ailments, currentLeader, readMembers } from '../../lab/cluster.ts';
import type { Lab } from '../../lab/lab.ts';
import { type DatabaseHost, databaseHosts } from '../../lab/topology.ts';
import { besideData, rowsInIsolation, rowsThen, strays } from '../faults/cluster-state.ts';
import { besideSegment } from '../support/beside-segment.ts';
import { accidentOn, chosenInventory, healthy, inodeOfData, type Scene, sharedLab } from '../support/lab.ts';
import { pitr, runError } from '../support/pitr.ts';
import { CTRL_C, CTRL_D, onTerminal, type TerminalResult } from '../support/terminal.ts';

let lab: Lab;
let scene: Scene;
let scratch: string;

beforeAll(async () => {
  lab = await sharedLab();
  scene = await accidentOn(lab);
  scratch = await mkdtemp(join(tmpdir(), 'pitr-prompts-'));
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

/** Every way to say no to a question. */
const NO = [
  ['Ctrl-C', CTRL_C],
  ['Ctrl-D', CTRL_D],
  ['n', 'n\n'],
  ['Enter', '\n'],
] as const;

const inventory = (): readonly string[] => ['-i', chosenInventory(lab)];

/** What a question that was not answered with yes must leave alone: the cluster, its data, the lock, all processes. */
async function world() {
  const members = await readMembers(lab);
  return {
    leader: await currentLeader(lab),
    // a member that has left stays in the list until its entry expires
    members: members
      .flatMap(({ name, timeline }) => (timeline === undefined ? [] : [[name, timeline]]))
      .sort(),
    data: await ofEach((host) => inodeOfData(lab, host)),
    beside: await ofEach((host) => besideData(lab, host)),
    claim: await claim(),
    strays: (await strays(lab)).filter((found) => !found.includes('bin/postgres -D')),
  };
}

async function claim(): Promise<unknown> {
  const text = await lab.mustExec('barman', [
    'sh',
    '-c',
    'cat /var/lib/barman/.pitr/*.json 2>/dev/null || :',
  ]);
  return text === '' ? undefined : JSON.parse(text);
}

function ofEach<T>(read: (host: DatabaseHost) => Promise<T>): Promise<readonly T[]> {
  return Promise.all(databaseHosts.map(read));
}

/** Comes up to the question and says no; proves what holds for every question. */
async function declined(question: string, no: string, words: readonly string[]): Promise<TerminalResult> {
  const before = await world();
  const left = await onTerminal(words, [[question, no]]);
  expect(left, left.screen).toMatchObject({ exitCode: 130, typed: 1 });
  expect(left.screen).not.toMatch(/\n\s+at .*\.[jt]s:\d+/);
  expect(await world()).toEqual(before);
  return left;
}

async function succeed(...words: readonly string[]): Promise<string> {
  const result = await pitr([...words, '--output', 'json']);
  expect(runError(result.events)).toBeUndefined();
  expect(result, result.stdout).toMatchObject({ exitCode: 0 });
  const started = result.events.find((event) => event.type === 'run.started');
  return started?.type === 'run.started' ? started.runId : '';
}

describe('while WAL is missing', () => {
  let gap = '';
  let file = '';

  beforeAll(async () => {
    gap = besideSegment(scene.accident.lastArchivedWal, -1);
    file = `/var/lib/barman/${scene.accident.backup.server}/wals/${gap.slice(0, 16)}/${gap}`;
    await lab.mustExec('barman', ['mv', file, `/tmp/${gap}`]);
  });
  afterAll(() => lab.mustExec('barman', ['mv', `/tmp/${gap}`, file]));

  it.each(NO)('%s at the question about the gap changes nothing', async (_, no) => {
    const words = ['recover', scene.accident.backup.id, 'latest', '--target', scene.target, '--restore'];
    const left = await declined('Continue anyway', no, [...words, ...inventory()]);
    expect(left.screen).toContain('nothing was changed');
    expect(await ailments(lab)).toEqual([]);
  });

  it.each(NO)('%s at the question of the wizard about the gap changes nothing', async (_, no) => {
    const before = await world();
    const left = await onTerminal(
      ['recover', ...inventory(), '--output', 'text'],
      [
        ['Backup (r reads them again)', `${scene.accident.backup.id}\n`],
        ['Target time', 'latest\n'],
        ['Continue anyway', no],
        // no asks for another moment
        ...(no.endsWith('\n') ? ([['Target time', CTRL_C]] as const) : []),
      ],
    );
    expect(left, left.screen).toMatchObject({ exitCode: 130 });
    expect(left.screen).toContain('nothing was changed');
    expect(await world()).toEqual(before);
  });
});

describe('while a recovery waits', () => {
  let run = '';

  beforeAll(async () => {
    const { accident, target } = scene;
    run = await succeed(
      'recover',
      accident.backup.id,
      accident.before,
      '--target',
      target,
      '--restore',
      ...inventory(),
    );
  });
  afterAll(() => healthy(lab));

  it.each(NO)('%s at the question of the cut-over leaves it waiting', async (_, no) => {
    const left = await declined(`cluster follow ${scene.target}?`, no, [
      ...['play', 'cutover.yml', ...inventory(), '-e', `target=${scene.target}`],
    ]);
    expect(left.screen).toMatch(/nothing of what was asked about has been done|interrupted at a question/);
    expect(await rowsInIsolation(lab, scene.target)).toBe(rowsThen(scene));
  });

  it.each(NO)('%s at the question of pitr undo takes nothing back', async (_, no) => {
    const left = await declined(`of run ${run} back?`, no, ['undo', run]);
    expect(left.screen).toContain('nothing was taken back');
    expect(await rowsInIsolation(lab, scene.target)).toBe(rowsThen(scene));
  });

  it.each(NO)(
    '%s where pitr undo cannot know whether a run is at work elsewhere takes nothing back',
    async (_, no) => {
      const left = await declined(`of run ${run} back?`, no, [
        'undo',
        await fromElsewhere(run),
        ...inventory(),
        '--trust-journal',
      ]);
      expect(left.screen).toContain('nothing was taken back');
    },
  );

  it.each(NO)('%s where pitr resume asks about another machine goes on with nothing', async (_, no) => {
    const left = await declined('not at work there any more?', no, [
      ...['resume', await fromElsewhere(run), ...inventory(), '--trust-journal'],
    ]);
    expect(left.screen).toContain('nothing was changed');
  });

  it.each(NO)('%s where a journal is to be believed that is not ours does nothing', async (_, no) => {
    for (const command of ['undo', 'resume']) {
      const left = await declined('is it to be believed?', no, [
        ...[command, await fromElsewhere(run), ...inventory()],
      ]);
      expect(left.screen).toContain('nothing was done');
    }
    expect(await rowsInIsolation(lab, scene.target)).toBe(rowsThen(scene));
  });

  it('the next command works: pitr undo takes the recovery back', async () => {
    await succeed('undo', run, '--yes');
    await healthy(lab);
  });
});

describe('pitr recover --auto-start', () => {
  it.each(NO)('%s at its question leaves the recovery isolated, and pitr undo leads back', async (_, no) => {
    const { accident, target } = scene;
    const before = await world();
    const left = await onTerminal(
      [
        'recover',
        accident.backup.id,
        accident.before,
        '--target',
        target,
        '--restore',
        '--auto-start',
        ...inventory(),
      ],
      [[`cluster follow ${target}?`, no]],
    );
    expect(left, left.screen).toMatchObject({ exitCode: 130, typed: 1 });
    expect(await rowsInIsolation(lab, target)).toBe(rowsThen(scene));
    expect(await currentLeader(lab)).toBe(scene.leader);
    const run = /pitr resume (\S+)/.exec(left.screen)?.[1] ?? '';
    const again = await declined(`cluster follow ${target}?`, no, ['resume', run]);
    expect(again.screen).toContain(`pitr undo ${run}`);
    await succeed('undo', run, '--yes');
    await healthy(lab);
    expect(await world()).toEqual(before);
  });
});

describe('after the cut-over', () => {
  let run = '';

  beforeAll(async () => {
    const { accident, target } = scene;
    const words = [
      'recover',
      accident.backup.id,
      accident.before,
      '--target',
      target,
      '--restore',
      '--auto-start',
    ];
    run = await succeed(...words, '--yes', '-e', 'new_backup=false', ...inventory());
  });

  it.each(NO)('%s at the question of revert.yml goes nowhere', async (_, no) => {
    await declined(`let ${scene.leader} lead again?`, no, [
      ...['play', 'revert.yml', ...inventory(), '-e', `recovery_run=${run}`, '-e', `leader=${scene.leader}`],
    ]);
    expect(await ailments(lab)).toEqual([]);
  });

  it.each(NO)('%s where pitr commit wants the id of the run removes nothing', async (_, no) => {
    const left = await declined(`Type ${run} for yes`, no, ['commit', run]);
    expect(left.screen).toContain('nothing was removed');
  });

  it('the next commands work: revert.yml leads back, and pitr commit lets go', async () => {
    const reverted = await succeed(
      ...[
        'play',
        'revert.yml',
        ...inventory(),
        '-e',
        `recovery_run=${run}`,
        '-e',
        `leader=${scene.leader}`,
        '--yes',
      ],
    );
    await healthy(lab);
    expect(await currentLeader(lab)).toBe(scene.leader);
    const typed = await onTerminal(['commit', reverted], [[`Type ${reverted} for yes`, `${reverted}\n`]]);
    expect(typed, typed.screen).toMatchObject({ exitCode: 0, typed: 1 });
  });
});

/** A copy of the journal of a run as another machine would have left it that did not live to write the end. */
async function fromElsewhere(run: string): Promise<string> {
  const source = join(labFiles(lab.prefix).folder, 'state', 'runs', run, 'journal.jsonl');
  const lines = (await readFile(source, 'utf8')).trimEnd().split('\n');
  const cut = lines.findIndex((line) => line.includes('"type":"run.finished"'));
  const path = join(scratch, 'journal.jsonl');
  const elsewhere = lines
    .slice(0, cut === -1 ? undefined : cut)
    .map((line) => line.replace(/"operator":"[^"]*"/, '"operator":"root@elsewhere"'));
  await writeFile(path, `${elsewhere.join('\n')}\n`);
  return path;
}
