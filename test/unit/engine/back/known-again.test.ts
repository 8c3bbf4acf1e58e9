import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { knownAgain } from '../../../../lib/engine/back/known-again.ts';
import { pastIn } from '../../../../lib/engine/back/resume.ts';
import { pastOf } from '../../../../lib/engine/journal/past.ts';
import { type JournalledRun, parseJournal } from '../../../../lib/engine/journal/read.ts';
import type { JournalRecord } from '../../../../lib/engine/journal/records.ts';
import { productPlaybooks } from '../../../../lib/language/playbook/assets.ts';
import { loadPlaybook } from '../../../../lib/language/playbook/load.ts';
import { flatTasks } from '../../../../lib/language/playbook/load-steps.ts';
import type { Play, Task } from '../../../../lib/language/playbook/model.ts';
import { folder } from '../../language/playbook/support/folder.ts';

/** A recovery with its cut-over, of the time when the proofs and the restore still stood in recover.yml itself. */
const BEFORE_PARTS = join(
  import.meta.dirname,
  '../../../fixtures/journals-in-one-file/runs/20261128T024948-fa6c/journal.jsonl',
);

/** Proofs that stand in recover.yml in other words by now, where the place is the same; or that are made earlier. */
const REPLACED = [
  'The data is configured in its directory',
  'The data is configured where Patroni says',
  'Backup and node belong to one cluster',
];

async function playsOf(files: Readonly<Record<string, string>>): Promise<readonly Play[]> {
  await using there = await folder(files);
  return (await loadPlaybook(there.file('site.yml'))).plays;
}

/** What a run of a playbook with these tasks has written: `[id, module, name]`. */
function journal(...tasks: readonly (readonly [id: string, module: string, name: string])[]): JournalledRun {
  const records: JournalRecord[] = tasks.flatMap(([task, module, name], index): JournalRecord[] => [
    { type: 'task.started', time: 1, task, name },
    {
      type: 'change.intended',
      time: 1,
      number: index + 1,
      host: 'one',
      step: { task, turn: 1, host: 'one' },
      module,
      params: {},
      change: { summary: name },
      effects: [],
      undoable: true,
    },
    { type: 'change.done', time: 1, number: index + 1, result: {} },
    { type: 'task.result', time: 1, task, turn: 1, host: 'one', module, status: 'changed', result: {} },
  ]);
  return withRecords(records);
}

function withRecords(records: readonly JournalRecord[]): JournalledRun {
  const started = {
    type: 'run.started',
    version: 4,
    time: 1,
    operator: 'a@b',
    pid: 1,
    inventories: [],
    extraVars: {},
    runId: '20261128T000000-aaaa',
    playbook: '/srv/site.yml',
  };
  return parseJournal([started, ...records].map((record) => JSON.stringify(record)).join('\n'), '/j');
}

const standing = async (run: JournalledRun, plays: readonly Play[]): Promise<readonly string[]> =>
  [...(await pastIn(run, plays)).results()].map(({ task }) => task);

const task = (name: string, module = 'core.shell'): string => `- { name: ${name}, ${module}: x }\n`;
const play = (...lines: readonly string[]): string =>
  `- hosts: all\n  tasks:\n${lines.join('').replace(/^(?=.)/gm, '    ')}`;

/** What the journals of then call a task. */
/** The name that it had, of all that it ever had; several tasks of before may be one file's by now. */
const nameThen = (one: Task | undefined, had: string | undefined): string | undefined =>
  one?.formerly.find((name) => name === had) ?? one?.formerly[0] ?? one?.name.value;

describe('a run of a playbook whose parts have moved into files since', () => {
  it('is known again at each change of a recovery, task by task, by what each task is', async () => {
    const text = await readFile(BEFORE_PARTS, 'utf8');
    const lines = text.trimEnd().split('\n');
    const { plays } = await loadPlaybook(join(productPlaybooks(), 'recover.yml'));
    const tasks = new Map(
      plays.flatMap(({ tasks: steps }) => flatTasks(steps)).map((one) => [one.id, one] as const),
    );
    const ends = lines.flatMap((line, index) => (/"change\.(intended|done)"/.test(line) ? [index + 1] : []));
    expect(ends.length).toBeGreaterThan(50);
    for (const end of [...ends, lines.length]) {
      const run = parseJournal(lines.slice(0, end).join('\n'), BEFORE_PARTS);
      const names = new Map(
        run.records.flatMap((record) =>
          record.type === 'task.started' ? [[record.task, record.name] as const] : [],
        ),
      );
      // A proof that the playbook has no more is missed by nobody; no change is.
      const old = [...pastOf(run.records).results()]
        .map((one) => [names.get(one.task), one.module, one.host])
        .filter(([name]) => !REPLACED.includes(name ?? ''));
      const now = [...(await pastIn(run, plays)).results()]
        .filter(({ task: id }) => tasks.has(id))
        .map((one) => ({ one, task: tasks.get(one.task) }))
        .filter(({ task }) => !REPLACED.includes(nameThen(task, undefined) ?? ''))
        .map(({ one, task }, index) => [nameThen(task, old[index]?.[0]), one.module, one.host]);
      expect(now).toEqual(old);
    }
  });

  it('is known again though the hold of a recovery has moved from the tasks of its restore', async () => {
    const { plays } = await loadPlaybook(join(productPlaybooks(), 'recover.yml'));
    const tasks = plays
      .flatMap(({ tasks: steps }) => flatTasks(steps))
      .filter(({ id }) => id.startsWith('3.'));
    const end = tasks.findIndex(({ module }) => module === 'barman.recover') + 1;
    const now = tasks.slice(0, end).filter(({ module }) => module !== 'core.debug');
    expect(now.map(({ id }) => id)).toContain('3.3.1.1');
    const then = now.map(
      ({ id, module, name }) => [id === '3.3.1.1' ? '3.3.1' : id, module, name.value] as const,
    );
    expect(await standing(journal(...then), plays)).toEqual(now.map(({ id }) => id));
  });

  it('is known again though the archiving of the leader has moved into a file of its own', async () => {
    const { plays } = await loadPlaybook(join(productPlaybooks(), 'revert.yml'));
    const tasks = plays.flatMap(({ tasks: steps }) => flatTasks(steps));
    const end = tasks.findIndex(({ module }) => module === 'barman.switch_wal') + 1;
    const [place = ''] = tasks[end - 1]?.id.split('.') ?? [];
    const now = tasks.slice(0, end).filter(({ id }) => id.startsWith(`${place}.`));
    const then = now.map(
      ({ id, module, name }, index) =>
        [index === now.length - 1 ? id.replace(/\.1$/, '') : id, module, name.value] as const,
    );
    expect(then.at(-1)?.[0]).not.toBe(now.at(-1)?.id);
    expect(await standing(journal(...then), plays)).toEqual(now.map(({ id }) => id));
  });

  it('also where a process of before and one of after have written', async () => {
    const plays = await playsOf({
      'site.yml': play(task('a'), '- import_tasks: part.yml\n', task('d')),
      'part.yml': task('b') + task('c'),
    });
    const [, ...before] = journal(['1.1', 'core.shell', 'a'], ['1.2', 'core.shell', 'b']).records;
    const [, ...after] = journal(['1.2.2', 'core.shell', 'c']).records;
    const resumed = { type: 'run.resumed', time: 2, operator: 'a@b', pid: 2, inventories: [], extraVars: {} };
    const later = after.map((record) => ('number' in record ? { ...record, number: 3 } : record));
    const run = withRecords([...before, resumed as unknown as JournalRecord, ...later]);
    expect(await standing(run, plays)).toEqual(['1.1', '1.2.1', '1.2.2']);
  });

  it('tells tasks of one name and module by their order', async () => {
    const plays = await playsOf({
      'site.yml': play('- import_tasks: part.yml\n', task('look'), task('look')),
      'part.yml': task('a') + task('look'),
    });
    const run = journal(
      ['1.1', 'core.shell', 'a'],
      ['1.2', 'core.shell', 'look'],
      ['1.3', 'core.shell', 'look'],
    );
    expect(await standing(run, plays)).toEqual(['1.1.1', '1.1.2', '1.2']);
  });

  it('knows a task whose name was rendered, one that has another name now, and steps over what may be left out', async () => {
    const rendered = await playsOf({
      'site.yml': play('- import_tasks: part.yml\n'),
      'part.yml': task('"on {{ inventory_hostname }} (1.5)"'),
    });
    expect(await standing(journal(['1.1', 'core.shell', 'on db1 (1.5)']), rendered)).toEqual(['1.1.1']);
    const renamed = await playsOf({ 'site.yml': play(task('better'), task('b')) });
    const run = journal(['1.1', 'core.shell', 'good'], ['1.2', 'core.shell', 'b']);
    expect(await standing(run, renamed)).toEqual(['1.1', '1.2']);
    const moved = await playsOf({
      'site.yml': play('- import_tasks: part.yml\n', task('b')),
      'part.yml': '- { name: better, formerly: [good, "good {{ enough }}"], core.shell: x }\n',
    });
    expect(await standing(run, moved)).toEqual(['1.1.1', '1.2']);
    const block = await playsOf({
      'site.yml': play('- import_tasks: part.yml\n', task('b')),
      'part.yml': `- block:\n${task('a').replace(/^/, '    ')}  rescue:\n${task('mend').replace(/^/, '    ')}`,
    });
    expect(await standing(journal(['1.1.1', 'core.shell', 'a'], ['1.2', 'core.shell', 'b']), block)).toEqual([
      '1.1.1.1',
      '1.2',
    ]);
  });
});

describe('a run is not known again', () => {
  const run = journal(['1.1', 'core.shell', 'a'], ['1.2', 'core.shell', 'b'], ['1.3', 'core.shell', 'c']);

  it.each([
    ['a task has come in between', play(task('a'), task('new'), task('b'), task('c')), 'task 1.2, "b"'],
    ['one was taken out', play(task('a'), task('c')), 'task 1.3, "c"'],
    ['two have changed places', play(task('b'), task('a'), task('c')), 'task 1.1, "a"'],
    [
      'one runs another module',
      play(task('a'), task('b', 'core.command'), task('c')),
      'was core.shell and is core.command',
    ],
  ])('where %s', async (_what, yaml, told) => {
    const plays = await playsOf({ 'site.yml': yaml });
    await expect(pastIn(run, plays)).rejects.toThrowError(
      expect.objectContaining({ code: 'playbook-changed', message: expect.stringContaining(told) }),
    );
  });

  it('though what was undone may be written otherwise', async () => {
    const undone = withRecords([
      ...run.records.slice(1),
      { type: 'change.undone', time: 2, number: 3 } as JournalRecord,
      { type: 'change.undone', time: 2, number: 2 } as JournalRecord,
    ]);
    const plays = await playsOf({ 'site.yml': play(task('a'), task('other')) });
    expect(await standing(undone, plays)).toEqual(['1.1']);
    expect(knownAgain(undone.records, plays, () => true)).toHaveLength(undone.records.length);
  });
});
