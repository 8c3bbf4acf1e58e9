import { constants } from 'node:buffer';
import { spawnSync } from 'node:child_process';
import { appendFile, mkdir, mkdtemp, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { MASK } from '../../../../lib/base/values/secret.ts';
import { beginningHere } from '../../../../lib/engine/journal/beginning.ts';
import { readOthers } from '../../../../lib/engine/journal/others.ts';
import { pastOf } from '../../../../lib/engine/journal/past.ts';
import { listRuns, parseJournal, readRun } from '../../../../lib/engine/journal/read.ts';
import { JOURNAL_VERSION, type JournalRecord } from '../../../../lib/engine/journal/records.ts';
import { canGoOn, runStatus, undoStatus } from '../../../../lib/engine/journal/status.ts';
import { JournalWriter } from '../../../../lib/engine/journal/writer.ts';
import { projectRoot } from '../../../../lib/language/playbook/assets.ts';
import { commandLineFile } from '../../../support/command-line.ts';

const STARTED = {
  type: 'run.started',
  version: JOURNAL_VERSION,
  ...beginningHere(),
  runId: '20261122T144512-7f3a',
  playbook: '/srv/recover.yml',
  inventories: ['/srv/inventory.yml'],
  extraVars: {},
} as const satisfies JournalRecord;

function intended(number: number): JournalRecord {
  return {
    type: 'change.intended',
    time: 2,
    number,
    host: 'db2',
    step: { task: `1.${number}`, turn: 1, host: 'db2' },
    module: 'fs.move',
    params: {},
    change: { summary: `change ${number}` },
    undoable: true,
  };
}

const done = (number: number): JournalRecord => ({ type: 'change.done', time: 3, number, result: {} });
const finished: JournalRecord = { type: 'run.finished', time: 9, status: 'ok', recap: {} };

function text(...records: readonly JournalRecord[]): string {
  return records.map((record) => `${JSON.stringify(record)}\n`).join('');
}

const read = (journal: string) => parseJournal(journal, 'journal.jsonl');

/** Two of them are longer than a text can be, and each is shorter. */
const HOLE = 300 * 1024 * 1024;

async function scratchDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'pitr-journal-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

describe('a journal that is read', () => {
  it('tells changes that were done, that failed, that may be half made, and that were taken back', () => {
    const error = { kind: 'failed', code: 'x', message: 'no' } as const;
    const { changes } = read(
      text(
        STARTED,
        intended(1),
        done(1),
        intended(2),
        { type: 'change.failed', time: 3, number: 2, error },
        intended(3),
        intended(4),
        done(4),
        { type: 'change.undone', time: 5, number: 4 },
      ),
    );
    expect(changes.map(({ ended, undone }) => [ended, undone])).toEqual([
      ['done', false],
      ['failed', false],
      ['open', false],
      ['done', true],
    ]);
    expect(changes[1]?.error).toEqual(error);
  });

  it('tells a change whose undo did not end from one that was taken back', () => {
    const undo = (type: 'change.undoing' | 'change.undone', number: number) => ({ type, time: 5, number });
    const { changes } = read(
      text(
        STARTED,
        ...[1, 2, 3].flatMap((number) => [intended(number), done(number)]),
        undo('change.undoing', 3),
        undo('change.undone', 3),
        undo('change.undoing', 2),
      ),
    );
    expect(changes.map(({ undone, halfUndone }) => [undone, halfUndone])).toEqual([
      [false, false],
      [false, true],
      [true, false],
    ]);
  });

  it('keeps a change as half taken back where an undo broke off in it and the next one was refused', () => {
    const step = (type: 'change.undoing' | 'change.undo-refused', number = 1) => ({ type, time: 5, number });
    const undo: JournalRecord = { ...beginningHere(), type: 'undo.started' };
    const failed: JournalRecord = { type: 'undo.finished', time: 6, status: 'failed' };
    const begun = [STARTED, intended(1), done(1), finished, undo, step('change.undoing')];
    const halfBack = (...more: readonly JournalRecord[]) => {
      const run = read(text(...begun, ...more));
      return [run.changes[0]?.halfUndone, canGoOn(run), pastOf(run.records).changeCount > 0];
    };
    const [half, whole] = [
      [true, true, false],
      [false, false, true],
    ];
    const refused = step('change.undo-refused');
    expect(halfBack(refused, failed)).toEqual(whole);
    expect(halfBack(failed, undo, step('change.undoing'), refused)).toEqual(half);
    expect(halfBack(failed, undo, step('change.undoing'), refused, step('change.undoing'), refused)).toEqual(
      half,
    );
    // The lock was lost before that undo began with the change, which older versions wrote down like this, too.
    expect(halfBack(failed, undo, refused)).toEqual(half);
  });

  it('knows what the run was given by all its processes, what is masked as missing', () => {
    const resumed = (inventories: string[], extraVars: Record<string, unknown>): JournalRecord => ({
      type: 'run.resumed',
      ...beginningHere(),
      inventories,
      extraVars,
    });
    const started = { ...STARTED, extraVars: { auto_start: true, target: 'db1', note: 'plain' } };
    const first = resumed(['/new.yml'], { auto_start: false, note: MASK });
    expect(read(text(started, first))).toMatchObject({
      inventories: ['/new.yml'],
      extraVars: { auto_start: false, target: 'db1', note: MASK },
    });
    expect(read(text(started, first, resumed([], { target: 'db2' })))).toMatchObject({
      inventories: ['/new.yml'],
      extraVars: { auto_start: false, target: 'db2' },
    });
  });

  it('leaves out who was refused because somebody else had gone on', () => {
    const resumed = (pid: number, after?: number): JournalRecord => ({
      type: 'run.resumed',
      time: 4,
      operator: 'root@backup1',
      pid,
      inventories: [],
      extraVars: {},
      after,
    });
    const run = read(
      text(STARTED, resumed(11), resumed(12, 2), resumed(13, 2), resumed(14, 4), resumed(15, 4)),
    );
    expect(run.records.flatMap((record) => ('pid' in record ? [record.pid] : [])).slice(1)).toEqual([
      11, 12, 14,
    ]);
    expect(run).toMatchObject({ begun: { pid: 14 }, resumed: 3, length: 6 });
  });

  it('is committed from the first moment of a commit on, unless that was refused before it removed anything', () => {
    const commit: JournalRecord = { type: 'commit.started', time: 5, operator: 'root@backup1', pid: 1 };
    const end = (notBegun?: true): JournalRecord => ({
      type: 'commit.finished',
      time: 6,
      removed: [],
      notBegun,
    });
    expect(read(text(STARTED, commit)).committed).toEqual(commit);
    expect(read(text(STARTED, commit, end())).committed).toEqual(commit);
    expect(read(text(STARTED, commit, end(true))).committed).toBeUndefined();
    expect(read(text(STARTED, commit, end(true), commit)).committed).toEqual(commit);
  });

  it('stays committed where a commit died and the next one was refused before it removed anything', () => {
    const commit: JournalRecord = { type: 'commit.started', time: 5, operator: 'root@backup1', pid: 1 };
    const refused: JournalRecord = { type: 'commit.finished', time: 7, removed: [], notBegun: true };
    expect(read(text(STARTED, commit, { ...commit, pid: 2 }, refused)).committed).toEqual(commit);
  });

  it('may be cut off at any byte: what is whole before it counts, and an intent alone is a half-made change', () => {
    const whole = text(STARTED, intended(1), done(1), intended(2), done(2), finished);
    const start = text(STARTED).length;
    fc.assert(
      fc.property(fc.integer({ min: start, max: whole.length }), (length) => {
        const run = read(whole.slice(0, length));
        const lines = whole.slice(0, length + 1).split('\n').length - 1;
        const intents = run.changes.length;
        const ends = run.changes.filter(({ ended }) => ended === 'done').length;
        expect(1 + intents + ends + (run.finished === undefined ? 0 : 1)).toBe(lines);
      }),
    );
  });

  it.each([
    ['was written by a newer pitr', text({ ...STARTED, version: JOURNAL_VERSION + 1 })],
    ['line 2 is no JSON', `${text(STARTED)}{"type":\n${text(done(1))}`],
    ['line 2 is no JSON', `${text(STARTED)}{"type":\n{"type":"change.do`],
    ['line 2 was written by a newer pitr', `${text(STARTED)}{"type":"change.parted","number":1}\n`],
    [
      'line 2 was written by a newer pitr (format 5; this one knows 4)',
      text(STARTED, { ...beginningHere(), type: 'undo.started', version: JOURNAL_VERSION + 1 }),
    ],
    ['line 1, run.started: time: ', '{"type":"run.started","version":2}\n'],
    ['line 2, run.resumed: operator: ', `${text(STARTED)}{"type":"run.resumed","time":1}\n`],
    ['it does not say how the run started', ''],
    ['it does not say how the run started', '{"type":"run.sta'],
  ])('is refused with its path when %s', (why, journal) => {
    expect(() => read(journal)).toThrow(
      expect.objectContaining({ code: 'journal-unreadable', message: expect.stringContaining(why) }),
    );
  });

  it('may be cut off again in the first line of whoever goes on, and gone on with after that', () => {
    const cut = `${text(STARTED, intended(1))}{"type":"change.do`;
    for (const again of ['{"ty', '{"type":"run.resumed","ti', '{"type":"undo.started"']) {
      expect(read(`${cut}\n${again}`).changes.map(({ ended }) => ended)).toEqual(['open']);
      const undo = { ...beginningHere(), type: 'undo.started', after: 2, token: 'x' } as const;
      expect(read(`${cut}\n${again}\n${text(undo)}`).undo?.started).toEqual(undo);
    }
  });

  it('may be longer than a text of Node.js can be', async () => {
    const path = join(await scratchDirectory(), 'journal.jsonl');
    await writeFile(path, text(STARTED, intended(1)));
    // Holes, as a power cut leaves them: lines that were cut off.
    await truncate(path, (await stat(path)).size + HOLE);
    const undo = { ...beginningHere(), type: 'undo.started', after: 2, token: 'x' } as const;
    await appendFile(path, `\n${text(undo, { type: 'change.undone', time: 5, number: 1 })}`);
    await truncate(path, (await stat(path)).size + HOLE);
    expect((await stat(path)).size).toBeGreaterThan(constants.MAX_STRING_LENGTH);
    expect((await readRun(path)).changes.map(({ undone }) => undone)).toEqual([true]);
  });

  it('of an unknown run names the nearest one', async () => {
    const directory = await scratchDirectory();
    const writer = await JournalWriter.create(join(directory, 'runs/20261122T144512-7f3a/journal.jsonl'));
    await writer.durable(STARTED);
    await writer.close();
    await expect(readRun('20261122T144512-7f3b', directory)).rejects.toMatchObject({
      kind: 'usage',
      message: 'there is no run "20261122T144512-7f3b" (did you mean "20261122T144512-7f3a"?)',
    });
    expect(await listRuns(directory)).toEqual(['20261122T144512-7f3a']);
    const kept = join(directory, 'runs/20261122T144512-7f3a');
    for (const path of [kept, join(kept, 'journal.jsonl')]) {
      expect((await readRun(path)).started.runId).toBe('20261122T144512-7f3a');
    }
    await expect(readRun(join(directory, 'nowhere'))).rejects.toMatchObject({ code: 'run-unknown' });
  });
});

describe('the other runs that are kept', () => {
  const SECOND = '20261122T150000-0002';
  const second = { ...STARTED, runId: SECOND };

  /** A state directory with the run and, of each other one, what stands in its journal; nothing where it has none. */
  async function keeping(others: Readonly<Record<string, string | undefined>>): Promise<string> {
    const directory = await scratchDirectory();
    for (const [id, journal] of Object.entries({ [STARTED.runId]: text(STARTED), ...others })) {
      await mkdir(join(directory, 'runs', id), { recursive: true });
      if (journal !== undefined) await writeFile(join(directory, 'runs', id, 'journal.jsonl'), journal);
    }
    return directory;
  }

  const others = async (directory: string): Promise<readonly string[]> =>
    (await readOthers(await readRun(STARTED.runId, directory), directory)).map(
      ({ started }) => started.runId,
    );

  it('leave out a damaged one that does not name the run, and what has no journal', async () => {
    const directory = await keeping({
      [SECOND]: text(second, intended(1)),
      damaged: '{"type":\n',
      empty: undefined,
    });
    expect(await others(directory)).toEqual([SECOND]);
  });

  it('cannot be told where a damaged one names the run', async () => {
    const directory = await keeping({
      [SECOND]: `${text(second)}{"about":"${STARTED.runId}\n${text(done(1))}`,
    });
    await expect(others(directory)).rejects.toMatchObject({ code: 'journal-unreadable' });
  });

  it('are told apart by what a damaged one names, also where that is longer than a text of Node.js can be', async () => {
    const directory = await keeping({ [SECOND]: `${text(second)}{"type":\n${text(done(1))}` });
    const path = join(directory, 'runs', SECOND, 'journal.jsonl');
    await truncate(path, 2 * HOLE);
    expect(await others(directory)).toEqual([]);
    await appendFile(path, `{"about":"${STARTED.runId}"}\n`);
    await expect(others(directory)).rejects.toMatchObject({ code: 'journal-unreadable' });
  });

  it('cannot be told where one cannot be looked at: it may have gone on with the run', async () => {
    const directory = await keeping({ [SECOND]: undefined });
    const path = join(directory, 'runs', SECOND, 'journal.jsonl');
    await symlink(path, path);
    await expect(others(directory)).rejects.toMatchObject({
      code: 'journal-unreadable',
      state: `nothing was done: what came after run ${STARTED.runId} cannot be told without it`,
      next: [`See who may read it, and do it as that user: ls -ld ${dirname(path)} ${path}`],
    });
  });

  it('are told where a link leads to them, and cannot be where it leads nowhere', async () => {
    const directory = await keeping({});
    const elsewhere = join(directory, 'archive');
    await symlink(elsewhere, join(directory, 'runs', SECOND));
    await expect(others(directory)).rejects.toMatchObject({
      code: 'journal-unreadable',
      message: `the journal cannot be read: ${join(directory, 'runs', SECOND)} is a link that leads nowhere`,
      next: [expect.stringContaining('ls -ld ')],
    });
    await mkdir(elsewhere);
    await writeFile(join(elsewhere, 'journal.jsonl'), text(second, intended(1)));
    expect(await others(directory)).toEqual([SECOND]);
    expect(await listRuns(directory)).toEqual([STARTED.runId, SECOND]);
  });

  it('are all told where they are more than files may be open at once', async () => {
    const many = Array.from({ length: 150 }, (_, index) => `20261122T160000-${1000 + index}`);
    const directory = await keeping(
      Object.fromEntries(many.map((id) => [id, text({ ...second, runId: id })])),
    );
    const pitr = spawnSync(
      'sh',
      // What is built: the loader of the sources itself opens many files at once, where none of them is cached.
      ['-c', 'ulimit -n 100; exec "$0" "$1" runs --all --output json', process.execPath, commandLineFile()],
      { cwd: projectRoot(), env: { ...process.env, PITR_STATE_DIR: directory }, encoding: 'utf8' },
    );
    expect(pitr.stderr).toBe('');
    expect(pitr.stdout.match(/"status":"unreadable"/g) ?? []).toHaveLength(0);
    expect(pitr.stdout.trim().split('\n')).toHaveLength(many.length + 1);
  });
});

describe('the status of a run', () => {
  const { process: mark, ...unmarked } = beginningHere();
  const OTHER_BOOT = '00000000-0000-4000-8000-000000000000:7';

  it.each([
    ['ok', STARTED, [finished]],
    ['running', STARTED, []],
    ['died', { ...STARTED, pid: 2 ** 22 + 1, process: undefined }, []],
    ['died', { ...STARTED, process: `${mark}0` }, []],
    ['running', { ...STARTED, ...unmarked, process: undefined }, []],
    ['unknown', { ...STARTED, operator: 'root@another-machine' }, []],
    // Of another boot: this machine's last one, or a machine of the same name that shares the directory.
    ['died', { ...STARTED, time: 1, process: OTHER_BOOT }, []],
    ['unknown', { ...STARTED, process: OTHER_BOOT }, []],
    // Its number says nothing here: there it may be another's, or nobody's.
    ['unknown', { ...STARTED, pidNamespace: 'pid:[1]' }, []],
    ['unknown', { ...STARTED, pid: 2 ** 22 + 1, pidNamespace: 'pid:[1]' }, []],
    ['died', { ...STARTED, time: 1, process: OTHER_BOOT, pidNamespace: 'pid:[1]' }, []],
    // Of a machine without /proc, which came up after the run began.
    ['died', { ...STARTED, time: 1, process: undefined }, []],
    // As older journals have it.
    ['running', { ...STARTED, pidNamespace: undefined }, []],
  ] as const)('is %s', (status, started, rest) => {
    expect(runStatus(read(text(started, ...rest)))).toBe(status);
  });

  it('does not take a process that has the number of a dead one for it', () => {
    expect(mark).toMatch(/^[0-9a-f-]{36}:[0-9]+$/);
  });

  it('says how the last undo stands', () => {
    const undo = (pid: number): JournalRecord => ({
      type: 'undo.started',
      time: Date.now(),
      operator: `root@${hostname()}`,
      pid,
    });
    const end: JournalRecord = { type: 'undo.finished', time: 2, status: 'failed' };
    expect(undoStatus(read(text(STARTED)))).toBeUndefined();
    expect(undoStatus(read(text(STARTED, undo(process.pid))))).toBe('running');
    expect(undoStatus(read(text(STARTED, undo(2 ** 22 + 1), end)))).toBe('failed');
    expect(undoStatus(read(text(STARTED, undo(1), end, undo(2 ** 22 + 1))))).toBe('died');
  });
});
