import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { hostname, userInfo } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { resumeRequest } from '../../lib/engine/back/resume.ts';
import { storyOf } from '../../lib/engine/back/story.ts';
import { undoRun } from '../../lib/engine/back/undo.ts';
import { planUndo } from '../../lib/engine/back/undo-plan.ts';
import { believed, type JournalledRun, readRun } from '../../lib/engine/journal/read.ts';
import { runStatus } from '../../lib/engine/journal/status.ts';
import { aMinuteAgo } from './aged.ts';
import { inventoryOfPair, keepRunsIn, newDirectory, play } from './support.ts';

/** What pitr 0.1.0 left when it was killed in the task "Long work": its playbook, journal and the claim of its lock. */
const KEPT = join(import.meta.dirname, '../fixtures/killed-0.1.0');
const RUN = '20261128T124505-2bdc';

interface Left {
  readonly directory: string;
  readonly run: JournalledRun;
  readonly yaml: string;
  /** Every file below `place`, with its mode and content. */
  readonly picture: () => Promise<Readonly<Record<string, string>>>;
  /** Resolves when the command is gone that the killed run has left at work. */
  readonly orphanEnded: Promise<unknown>;
}

const BEFORE = {
  'old/data': '644 precious',
  settings: '640 colour = red\n',
  stale: '644 stale',
};

/** A minute ago 0.1.0 made these changes here, and was killed. */
async function left(): Promise<Left> {
  const directory = await newDirectory();
  const place = join(directory, 'place');
  const put = async (path: string, mode: number, text: string): Promise<void> => {
    await writeFile(join(directory, path), text);
    await chmod(join(directory, path), mode);
  };
  await mkdir(join(place, 'kept'), { recursive: true });
  await mkdir(join(place, 'new'), { mode: 0o700 });
  await put('place/kept/data', 0o644, 'precious');
  await put('place/new/settings', 0o644, 'colour = green\n');
  await put('place/settings', 0o600, 'colour = blue\n');
  await put('place/count', 0o644, 'counted\n');
  await put('place/work', 0o644, 'begun\n');

  const { dev, ino } = await stat(join(place, 'kept'));
  const words: Readonly<Record<string, string>> = {
    DIR: directory,
    IDENTITY: `${dev}:${ino}`,
    USER: userInfo().username,
    GROUP: await groupName(),
    HOST: hostname(),
  };
  const kept = async (name: string): Promise<string> =>
    (await readFile(join(KEPT, name), 'utf8')).replace(
      /\b(?:DIR|IDENTITY|USER|GROUP|HOST)\b/g,
      (word) => words[word] ?? word,
    );
  await mkdir(join(directory, 'locks'), { mode: 0o700 });
  await put('locks/place.lock', 0o600, '');
  await put('locks/place.json', 0o600, await kept('claim'));
  await put('settings.hbs', 0o644, await readFile(join(KEPT, 'settings.hbs'), 'utf8'));
  await put('inventory.yml', 0o644, inventoryOfPair);
  const yaml = await kept('play.yml');
  await put('play.yml', 0o644, yaml);

  keepRunsIn(join(directory, 'state'));
  const folder = join(directory, 'state', 'runs', RUN);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await put(join('state', 'runs', RUN, 'journal.jsonl'), 0o600, aMinuteAgo(await kept('journal.jsonl')));

  const orphan = spawn('sleep', ['300'], { env: { PITR_CHANGE: `${RUN}.8` }, stdio: 'ignore' });
  onTestFinished(() => void orphan.kill());
  return {
    directory,
    run: await readRun(RUN),
    yaml,
    picture: () => filesBelow(place),
    orphanEnded: once(orphan, 'exit'),
  };
}

/** Files are made with the group of this process. */
async function groupName(): Promise<string> {
  const gid = process.getgid?.();
  const groups = (await readFile('/etc/group', 'utf8')).split('\n').map((line) => line.split(':'));
  return groups.find(([, , id]) => Number(id) === gid)?.[0] ?? String(gid);
}

async function filesBelow(directory: string): Promise<Readonly<Record<string, string>>> {
  const seen: Record<string, string> = {};
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const { mode } = await stat(path);
    seen[path.slice(directory.length + 1)] = `${(mode & 0o777).toString(8)} ${await readFile(path, 'utf8')}`;
  }
  return seen;
}

async function takenBack(run: JournalledRun): ReturnType<typeof undoRun> {
  return undoRun({
    plan: await planUndo(storyOf(run, [])),
    again: `pitr undo ${RUN}`,
    inventories: [],
    extraVars: {},
    signal: new AbortController().signal,
    report: () => {},
  });
}

async function goneOn({ directory, run, yaml }: Left): ReturnType<typeof play> {
  const request = resumeRequest(believed(run), {
    inventories: [],
    extraVars: {},
    mode: 'run',
    forks: 10,
    again: `pitr resume ${RUN}`,
  });
  await writeFile(join(directory, 'mended'), '');
  return play(yaml, { ...request, directory });
}

describe('a run that pitr 0.1.0 has begun, and that was killed in the middle', () => {
  it('is read as what it is: of the format before effects, dead, and not to be believed without a word', async () => {
    const { run } = await left();
    expect(run.started.version).toBe(3);
    expect(run.changes.map(({ intent }) => intent.effects)).toEqual(Array.from({ length: 8 }));
    expect(runStatus(run)).toBe('died');
    expect([run.origin.own, run.believed]).toEqual([false, false]);
  });

  it('is taken back: every file is as it was, and the lock is free', async () => {
    const { directory, run, picture, orphanEnded } = await left();
    const undone = await takenBack(believed(run));
    expect(undone.error).toBeUndefined();
    expect(undone.undone.map(({ intent }) => intent.number)).toEqual([8, 7, 6, 5, 4, 3, 2, 1]);
    await orphanEnded;
    expect(await picture()).toEqual(BEFORE);
    expect((await readdir(join(directory, 'place'))).sort()).toEqual(['old', 'settings', 'stale']);
    expect(await readdir(join(directory, 'locks'))).toEqual(['place.lock']);
  });

  it('is gone on with: what was done is not done again, what it was doing is, and its lock is taken anew', async () => {
    const killed = await left();
    const { directory, picture, orphanEnded } = killed;
    const { outcome, results } = await goneOn(killed);
    expect(outcome).toMatchObject({ status: 'ok', runId: RUN });
    await orphanEnded;
    expect(results).toEqual([
      'one: One run at a time: changed',
      'one: Long work: changed',
      'one: What comes after it: changed',
      'one: Tell of the settings: changed',
    ]);
    expect(await picture()).toEqual({
      count: '644 counted\n',
      'kept/data': '644 precious',
      // What earlier tasks registered.
      last: `644 ${directory}/place/settings 1`,
      'new/settings': '644 colour = green\n',
      settings: '600 colour = blue\n',
      told: '644 told\n',
      work: '644 begun\nbegun\n',
    });
    expect(await readdir(join(directory, 'locks'))).toEqual(['place.lock']);
  });

  it('is taken back as a whole after that, the changes of both', async () => {
    const killed = await left();
    expect((await goneOn(killed)).outcome.status).toBe('ok');
    const run = await readRun(RUN);
    expect([run.origin.own, run.believed]).toEqual([false, false]);
    const undone = await takenBack(believed(run));
    expect(undone.error).toBeUndefined();
    expect(await killed.picture()).toEqual(BEFORE);
  });
});
