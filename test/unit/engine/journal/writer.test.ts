import { readlinkSync, writeSync } from 'node:fs';
import { appendFile, type FileHandle, mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { beginningHere } from '../../../../lib/engine/journal/beginning.ts';
import { readRun } from '../../../../lib/engine/journal/read.ts';
import { JOURNAL_VERSION, type JournalRecord } from '../../../../lib/engine/journal/records.ts';
import { JournalWriter } from '../../../../lib/engine/journal/writer.ts';

const STARTED: JournalRecord = {
  type: 'run.started',
  version: JOURNAL_VERSION,
  ...beginningHere(),
  runId: '20261122T144512-7f3a',
  playbook: '/srv/recover.yml',
  inventories: ['/srv/inventory.yml'],
  extraVars: {},
};
const RESUMED: JournalRecord = { type: 'run.resumed', ...beginningHere(), inventories: [], extraVars: {} };
const FINISHED: JournalRecord = { type: 'run.finished', time: 9, status: 'ok', recap: {} };
const FULL = 'ENOSPC: no space left on device, write';

function intended(number: number): JournalRecord {
  return {
    type: 'change.intended',
    time: 2,
    number,
    host: 'db2',
    module: 'fs.move',
    params: {},
    change: { summary: `change ${number}` },
    undoable: true,
  };
}

async function scratch(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'pitr-journal-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return join(directory, 'runs/20261122T144512-7f3a/journal.jsonl');
}

async function fileHandles(path: string): Promise<FileHandle> {
  const handle = await open(path);
  await handle.close();
  return Object.getPrototypeOf(handle);
}

/** The next write puts half of its bytes on disk, and fails. */
async function fillDisk(path: string): Promise<void> {
  const spy = vi.spyOn(await fileHandles(path), 'write');
  onTestFinished(() => spy.mockRestore());
  spy.mockImplementationOnce(function half(this: FileHandle, bytes: unknown) {
    const whole = Buffer.from(bytes as Buffer);
    writeSync(this.fd, whole.subarray(0, whole.length / 2));
    return Promise.reject(Object.assign(new Error(FULL), { code: 'ENOSPC' }));
  });
}

describe('a journal that is created', () => {
  it('is found after a power cut: every directory that got a new name in it is on disk', async () => {
    const path = await scratch();
    const place = dirname(dirname(dirname(path)));
    const handles = await fileHandles(place);
    const synced: string[] = [];
    const spy = vi.spyOn(handles, 'sync');
    onTestFinished(() => spy.mockRestore());
    spy.mockImplementation(async function sync(this: FileHandle) {
      synced.push(readlinkSync(`/proc/self/fd/${this.fd}`));
    });
    const writer = await JournalWriter.create(path);
    await writer.close();
    expect(synced).toEqual([dirname(path), join(place, 'runs'), place]);
  });
});

describe('the end of a change', () => {
  const DONE: JournalRecord = { type: 'change.done', time: 3, number: 1, result: {} };

  async function syncs(path: string): Promise<{ readonly count: () => number }> {
    const spy = vi.spyOn(await fileHandles(path), 'datasync');
    onTestFinished(() => spy.mockRestore());
    return { count: () => spy.mock.calls.length };
  }

  it('is with the kernel when it is told, and on the disk by the flush of the next intent', async () => {
    // What is on the disk soon in any case is not to come between here.
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    const path = await scratch();
    const writer = await JournalWriter.create(path);
    await writer.durable(STARTED);
    const disk = await syncs(path);
    await writer.durable(intended(1));
    await writer.written(DONE);
    expect((await readRun(path)).changes).toMatchObject([{ ended: 'done' }]);
    expect(disk.count()).toBe(1);
    await writer.durable(intended(2));
    expect(disk.count()).toBe(2);
    await writer.close();
    expect(disk.count()).toBe(2);
  });

  it('is on the disk soon, also when nothing comes after it, and at the end at the latest', async () => {
    const path = await scratch();
    const writer = await JournalWriter.create(path);
    const disk = await syncs(path);
    await writer.written(DONE);
    await vi.waitFor(() => expect(disk.count()).toBe(1));
    await writer.written(DONE);
    await writer.close();
    expect(disk.count()).toBe(2);
  });

  it('that does not get onto the disk lets no change begin after it', async () => {
    const path = await scratch();
    const writer = await JournalWriter.create(path);
    const spy = vi.spyOn(await fileHandles(path), 'datasync');
    onTestFinished(() => spy.mockRestore());
    spy.mockRejectedValueOnce(Object.assign(new Error('EIO: i/o error'), { code: 'EIO' }));
    await writer.written(DONE);
    await vi.waitFor(() => expect(spy).toHaveBeenCalled());
    await expect(writer.durable(intended(2))).rejects.toThrow('EIO');
    await expect(writer.close()).rejects.toThrow('EIO');
  });
});

describe('a journal whose disk is full', () => {
  it('stays as it was before the write that failed', async () => {
    const path = await scratch();
    const writer = await JournalWriter.create(path);
    await writer.durable(STARTED);
    const before = await readFile(path, 'utf8');
    await fillDisk(path);
    await expect(writer.durable(intended(1))).rejects.toThrow(FULL);
    await expect(writer.close()).rejects.toThrow(FULL);
    expect(await readFile(path, 'utf8')).toBe(before);
  });

  it('takes nothing any more, although there is room again: a change without its intent never begins', async () => {
    const path = await scratch();
    const writer = await JournalWriter.create(path);
    await writer.durable(STARTED);
    await fillDisk(path);
    const first = await writer.durable(intended(1)).catch((error: unknown) => error);
    await expect(writer.durable(intended(2))).rejects.toBe(first);
    writer.append(FINISHED);
    await expect(writer.close()).rejects.toBe(first);
    expect((await readRun(path)).records).toHaveLength(1);
  });

  it('is told as what it is, with the way on', async () => {
    const path = await scratch();
    const writer = await JournalWriter.create(path, { again: 'pitr resume 20261122T144512-7f3a' });
    await writer.durable(STARTED);
    await fillDisk(path);
    await expect(writer.durable(intended(1))).rejects.toMatchObject({
      kind: 'failed',
      code: 'journal-not-written',
      state: 'nothing further was changed',
      details: [path, expect.anything()],
      next: [expect.stringContaining('Make room there'), 'Then go on: pitr resume 20261122T144512-7f3a'],
    });
    await expect(writer.close()).rejects.toThrow(FULL);
  });

  it('keeps what another process has written behind the half line', async () => {
    const path = await scratch();
    const writer = await JournalWriter.create(path);
    await writer.durable(STARTED);
    const spy = vi.spyOn(await fileHandles(path), 'write');
    onTestFinished(() => spy.mockRestore());
    spy.mockImplementationOnce(async function half(this: FileHandle) {
      writeSync(this.fd, '{"type":"chan');
      await appendFile(path, `\n${JSON.stringify(RESUMED)}\n`);
      throw Object.assign(new Error(FULL), { code: 'ENOSPC' });
    });
    await expect(writer.durable(intended(1))).rejects.toThrow(FULL);
    await expect(writer.close()).rejects.toThrow(FULL);
    expect((await readRun(path)).resumed).toBe(1);
  });
});

describe('a journal that cannot be made', () => {
  it.each([
    ['a directory that cannot be made', '/proc/no where/runs', 'ls -ld /proc; df -h /proc'],
    ['a file in the place of a directory', '/etc/passwd/runs', 'ls -ld /etc/passwd; df -h /etc/passwd'],
  ])('says where to look, for %s, and names no run to go on with', async (_what, directory, look) => {
    const path = `${directory}/20261122T144512-7f3a/journal.jsonl`;
    const made = JournalWriter.create(path, { again: 'pitr resume 20261122T144512-7f3a' });
    await expect(made).rejects.toMatchObject({
      kind: 'failed',
      code: 'journal-not-written',
      state: 'nothing was changed',
      details: [path, expect.anything()],
      next: [`See what is wrong there: ${look}`, 'Then type the same command again.'],
    });
  });
});

describe('a journal that is written to again', () => {
  it.each([
    ['whole', '', 0],
    ['a line that lost its end', '{"type":"change.done","ti', 0],
    ['two records in one line, as a full disk left them', '{"type":"change.i{"type":"run.finished"}\n', 0],
    ['zeros, as a file system leaves them after a power cut', '\0\0\0\0', 0],
    ['a whole record without its line end', JSON.stringify(intended(2)), 1],
  ])('stays readable after %s', async (_what, tail, changes) => {
    const path = await scratch();
    await (await JournalWriter.create(path)).close();
    await writeFile(path, `${JSON.stringify(STARTED)}\n${tail}`);
    const writer = await JournalWriter.reopen(path);
    await writer.durable(RESUMED);
    await writer.durable(FINISHED);
    await writer.close();
    const run = await readRun(path);
    expect(run).toMatchObject({ resumed: 1, finished: FINISHED });
    expect(run.changes).toHaveLength(changes);
  });
});
