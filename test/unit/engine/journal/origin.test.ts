import {
  appendFile,
  chmod,
  chown,
  mkdtemp,
  readFile,
  rename,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { beginningHere } from '../../../../lib/engine/journal/beginning.ts';
import { Chain } from '../../../../lib/engine/journal/chain.ts';
import { goOn } from '../../../../lib/engine/journal/go-on.ts';
import { ownKey } from '../../../../lib/engine/journal/key.ts';
import { journalPath } from '../../../../lib/engine/journal/place.ts';
import { readRun } from '../../../../lib/engine/journal/read.ts';
import { JOURNAL_VERSION, type JournalRecord } from '../../../../lib/engine/journal/records.ts';
import { JournalWriter } from '../../../../lib/engine/journal/writer.ts';

const RUN = '20261122T144512-7f3a';
const STARTED: JournalRecord = {
  type: 'run.started',
  version: JOURNAL_VERSION,
  ...beginningHere(),
  runId: RUN,
  playbook: '/srv/recover.yml',
  inventories: [],
  extraVars: {},
};
const TASK: JournalRecord = { type: 'task.started', time: 2, task: '1.1', name: 'Look' };
const FINISHED: JournalRecord = { type: 'run.finished', time: 9, status: 'failed', recap: {} };

let state: string;
let path: string;

async function chain(): Promise<Chain> {
  const key = await ownKey();
  if ('flaw' in key) throw new Error(key.flaw);
  return new Chain(key.key);
}

async function written(...records: readonly JournalRecord[]): Promise<void> {
  const writer = await JournalWriter.create(path, { chain: await chain() });
  for (const record of records) await writer.durable(record);
  await writer.close();
}

const why = async (): Promise<string> => {
  const { origin, believed } = await readRun(path);
  expect(believed).toBe(origin.own);
  return origin.own ? 'own' : origin.why;
};

async function edited(edit: (lines: string[]) => readonly string[]): Promise<void> {
  const lines = (await readFile(path, 'utf8')).trimEnd().split('\n');
  await writeFile(path, `${edit(lines).join('\n')}\n`);
}

beforeEach(async () => {
  state = await mkdtemp(join(tmpdir(), 'pitr-origin-'));
  vi.stubEnv('PITR_STATE_DIR', state);
  path = journalPath(RUN);
  onTestFinished(async () => {
    vi.unstubAllEnvs();
    await rm(state, { recursive: true, force: true });
  });
  await written(STARTED, TASK, FINISHED);
});

describe('a journal', () => {
  it("is this controller's own as pitr has written it, also where it was gone on with", async () => {
    expect(await why()).toBe('own');
    const again = await goOn(await readRun(path), { type: 'undo.started', ...beginningHere() });
    await again.durable({ type: 'undo.finished', time: 10, status: 'ok' });
    await again.close();
    expect(await why()).toBe('own');
    expect((await readRun(path)).records.at(-1)).toEqual({ type: 'undo.finished', time: 10, status: 'ok' });
  });

  it('stays it where two processes went on at once, and one was refused', async () => {
    const run = await readRun(path);
    const first = await goOn(run, { type: 'undo.started', ...beginningHere() });
    await expect(goOn(run, { type: 'undo.started', ...beginningHere() })).rejects.toMatchObject({
      code: 'run-moved-on',
    });
    await first.durable({ type: 'undo.finished', time: 10, status: 'ok' });
    await first.close();
    expect(await why()).toBe('own');
  });

  it('stays it with line ends of Unicode in a value, which JSON leaves as they are', async () => {
    const writer = await goOn(await readRun(path), { type: 'undo.started', ...beginningHere() });
    await writer.durable({ ...TASK, name: 'Look\u2028here\u2029\u0085' });
    await writer.close();
    expect(await why()).toBe('own');
  });

  it('stays it with a line that its process did not live to write whole', async () => {
    await appendFile(path, '{"type":"task.sta');
    expect(await why()).toBe('own');
    await appendFile(path, '\n{"type":"undo.started","ti');
    expect(await why()).toBe('own');
    const again = await goOn(await readRun(path), { type: 'undo.started', ...beginningHere() });
    await again.close();
    expect(await why()).toBe('own');
  });

  it.each([
    ['a line was changed', (lines: string[]) => lines.map((line) => line.replace('Look', 'Loot')), 2],
    ['a line was left out', (lines: string[]) => lines.toSpliced(1, 1), 2],
    ['a line was added', (lines: string[]) => lines.toSpliced(2, 0, JSON.stringify(TASK)), 3],
    ['a line was said twice', (lines: string[]) => lines.toSpliced(2, 0, lines[1] ?? ''), 3],
    ['two lines changed places', ([a = '', b = '', c = '']: string[]) => [a, c, b], 2],
  ])('is not where %s', async (_what, edit, line) => {
    await edited(edit);
    expect(await why()).toBe(`line ${line} was not written there by this controller, or was changed`);
  });

  it('is not where another key has chained it, or none', async () => {
    await rm(join(state, 'journal.key'));
    expect(await why()).toContain('this controller has no key yet');
    await ownKey();
    expect(await why()).toContain('line 1 ');
    await edited((lines) => lines.map((line) => line.replace(/,"chain":"[0-9a-f]+"\}$/, '}')));
    expect(await why()).toContain('its lines are not chained: pitr 0.1.0 has written it');
  });

  it('is not where others may write, or read the key', async () => {
    await chmod(path, 0o666);
    expect(await why()).toBe(`others may write to ${path} (mode 0666)`);
    await chmod(path, 0o600);
    await chmod(dirname(path), 0o777);
    expect(await why()).toBe(`others may write to ${dirname(path)} (mode 0777)`);
    await chmod(dirname(path), 0o700);
    await chmod(join(state, 'journal.key'), 0o644);
    expect(await why()).toContain('others can read the key');
  });

  it.runIf(process.getuid?.() === 0)(
    'is not where it, its directory or the key belongs to somebody else',
    async () => {
      const key = join(state, 'journal.key');
      for (const [place, words] of [
        [path, `${path} belongs to somebody else (uid 4711)`],
        [dirname(path), `${dirname(path)} belongs to somebody else (uid 4711)`],
        [key, `its lines cannot be proved: the key ${key} belongs to somebody else (uid 4711)`],
      ] as const) {
        await chown(place, 4711, 4711);
        expect(await why()).toBe(words);
        await chown(place, 0, 0);
      }
      expect(await why()).toBe('own');
      // What a link leads to is what counts of a key.
      await rename(key, `${key}.theirs`);
      await chown(`${key}.theirs`, 4711, 4711);
      await symlink(`${key}.theirs`, key);
      expect(await why()).toContain('belongs to somebody else (uid 4711)');
    },
  );

  it('is not where it, or its directory, is a link', async () => {
    for (const place of [path, dirname(path)]) {
      await rename(place, `${place}.away`);
      await symlink(`${place}.away`, place);
      expect(await why()).toBe(`${place} is a link`);
      await rm(place);
      await rename(`${place}.away`, place);
    }
    expect(await why()).toBe('own');
  });

  it('is never made ours by going on with it', async () => {
    await edited((lines) => lines.map((line) => line.replace(/,"chain":"[0-9a-f]+"\}$/, '}')));
    await (await goOn(await readRun(path), { type: 'undo.started', ...beginningHere() })).close();
    expect(await why()).toContain('its lines are not chained');
  });
});

it('a key is made once, whoever comes first', async () => {
  await rm(join(state, 'journal.key'));
  const keys = await Promise.all(Array.from({ length: 8 }, () => ownKey()));
  expect(new Set(keys.map((one) => ('key' in one ? one.key.toString('hex') : one.flaw))).size).toBe(1);
});
