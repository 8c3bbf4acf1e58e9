import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, chmod, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { userInfo } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { deadlinePassed, until } from '../../lib/base/wait/until.ts';
import { resumeRequest } from '../../lib/engine/back/resume.ts';
import { readStory, storyOf } from '../../lib/engine/back/story.ts';
import { type UndoOutcome, type UndoStep, undoRun } from '../../lib/engine/back/undo.ts';
import { planUndo, type UndoWish } from '../../lib/engine/back/undo-plan.ts';
import { listRuns, readRun } from '../../lib/engine/journal/read.ts';
import { runStatus } from '../../lib/engine/journal/status.ts';
import { errorOf } from '../support/errors.ts';
import { keepRunsIn, newDirectory, play } from './support.ts';

const checkout = resolve(import.meta.dirname, '../..');
const TSX = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;

interface Undone {
  readonly outcome: UndoOutcome;
  /** What was taken back, in order. */
  readonly numbers: readonly number[];
  readonly steps: readonly UndoStep[];
}

async function undo(
  reference: string,
  wish: UndoWish = {},
  more: { readonly extraVars?: Record<string, unknown>; readonly inventories?: string[] } = {},
): Promise<Undone> {
  const steps: UndoStep[] = [];
  const outcome = await undoRun({
    plan: await planUndo(await readStory(reference), wish),
    again: `pitr undo ${reference}`,
    inventories: [],
    extraVars: {},
    signal: new AbortController().signal,
    report: (step) => steps.push(step),
    ...more,
  });
  return { outcome, numbers: outcome.undone.map(({ intent }) => intent.number), steps };
}

/** Everything below a directory, with content and mode: what has to be the same again. */
async function picture(directory: string): Promise<Record<string, string>> {
  const seen: Record<string, string> = {};
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const { mode } = await stat(path);
    const content = entry.isFile() ? await readFile(path, 'utf8') : '/';
    seen[path.slice(directory.length + 1)] = `${(mode & 0o7777).toString(8)} ${content}`;
  }
  return seen;
}

async function work(): Promise<{ readonly directory: string; readonly place: string }> {
  const directory = await newDirectory();
  const place = join(directory, 'place');
  await mkdir(join(place, 'old'), { recursive: true });
  await writeFile(join(place, 'settings'), 'colour = red\n');
  await chmod(join(place, 'settings'), 0o640);
  await writeFile(join(place, 'old', 'data'), 'precious');
  return { directory, place };
}

const CHANGES = `
- hosts: one
  tasks:
    - fs.directory: { path: DIR/place/new/deep, mode: "0700" }
    - fs.copy: { dest: DIR/place/settings, content: "colour = blue\\n", mode: "0600" }
    - fs.copy: { dest: DIR/place/new/deep/file, content: fresh }
    - fs.move: { src: DIR/place/old, dest: DIR/place/kept }
    - fs.file: { path: DIR/place/kept/data, state: absent }
    - core.command: { argv: [touch, DIR/place/made], undo: [rm, DIR/place/made] }
`;

describe('undo', () => {
  it('marks its own commands, so that a later undo finds what a killed one has left at work', async () => {
    const directory = await newDirectory();
    const { outcome } = await play(
      `
- hosts: one
  tasks:
    - core.shell: { script: "true", undo: "echo $PITR_CHANGE > DIR/mark" }
`,
      { directory },
    );
    await undo(outcome.runId);
    expect(await readFile(join(directory, 'mark'), 'utf8')).toBe(`${outcome.runId}.1\n`);
  });

  it('ends what an undo has left at work that was killed', async () => {
    const directory = await newDirectory();
    const { outcome } = await play(
      `
- hosts: one
  tasks:
    - core.shell: { script: "true", undo: "test -e DIR/mended" }
`,
      { directory },
    );
    expect((await undo(outcome.runId)).outcome.status).toBe('failed');
    const orphan = spawn('sleep', ['300'], { env: { PITR_CHANGE: `${outcome.runId}.1` }, stdio: 'ignore' });
    const gone = once(orphan, 'exit');
    await writeFile(join(directory, 'mended'), '');
    const { outcome: second, steps } = await undo(outcome.runId);
    await gone;
    expect(second.status).toBe('ok');
    expect(steps[0]?.text).toContain('ended what change 1 had left at work');
  });

  it('puts directories, files, moves, removals and commands back as they were, newest first', async () => {
    const { directory, place } = await work();
    const before = await picture(place);
    const { outcome } = await play(CHANGES, { directory });
    expect(outcome.status).toBe('ok');
    expect(await picture(place)).not.toEqual(before);

    const undone = await undo(outcome.runId);
    expect(undone.outcome.status).toBe('ok');
    expect(undone.numbers).toEqual([6, 5, 4, 3, 2, 1]);
    expect(await picture(place)).toEqual(before);
  });

  it('can be repeated: what was taken back is not taken back twice', async () => {
    const { directory, place } = await work();
    const { outcome } = await play(CHANGES, { directory });
    expect((await undo(outcome.runId, { from: 5 })).numbers).toEqual([6, 5]);
    expect((await undo(outcome.runId)).numbers).toEqual([4, 3, 2, 1]);
    const after = await picture(place);
    expect((await undo(outcome.runId)).numbers).toEqual([]);
    expect(await picture(place)).toEqual(after);
  });

  it('takes back once what tries have failed at before one has made it', async () => {
    const { directory, place } = await work();
    const before = await picture(place);
    const { outcome } = await play(
      `
- hosts: one
  tasks:
    - fs.copy: { dest: DIR/place/settings, content: new }
    - core.shell:
        script: echo x >> DIR/tries; test $(wc -l < DIR/tries) -ge 3 && mkdir DIR/place/made
        undo: rmdir DIR/place/made
      until: result.rc == 0
      retries: 5
      delay: 0
`,
      { directory },
    );
    expect(outcome.status).toBe('ok');
    const { changes } = await readRun(outcome.runId);
    expect(changes.map(({ madeWholeBy }) => madeWholeBy)).toEqual([undefined, 4, 4, undefined]);
    expect((await undo(outcome.runId)).numbers).toEqual([4, 1]);
    expect(await picture(place)).toEqual(before);
    expect((await readRun(outcome.runId)).changes.map(({ undone }) => undone)).toEqual([
      true,
      true,
      true,
      true,
    ]);
  });

  it('takes back once what failed before the run was resumed, and apart what was another change', async () => {
    const { directory, place } = await work();
    const before = await picture(place);
    const yaml = `
- hosts: one
  tasks:
    - fs.copy: { dest: DIR/place/settings, content: new }
    - core.shell: { script: "echo mine > DIR/place/{{ name }}; test -e DIR/mended", undo: "rm DIR/place/{{ name }}" }
    - core.shell: { script: "test -e DIR/mended2", undo: "true" }
`;
    const { outcome } = await play(yaml, { directory, extraVars: { name: 'one' } });
    const goOn = async (name: string): Promise<void> => {
      const run = await readRun(outcome.runId);
      const again = { inventories: [], extraVars: { name }, mode: 'run' as const, forks: 10, again: '' };
      await play(yaml, { ...resumeRequest(run, again), directory });
    };
    await goOn('two');
    await writeFile(join(directory, 'mended'), '');
    await goOn('two');
    expect((await undo(outcome.runId)).numbers).toEqual([5, 4, 2, 1]);
    expect(await picture(place)).toEqual(before);
  });

  it('that cannot reach a host, or finds none in the inventory, names the way to leave it as it is, also where its lock lies there', async () => {
    const lock = `core.lock: { name: shop, user: ${userInfo().username}, directory: DIR/locks }`;
    const { outcome, directory } = await play(
      `
- hosts: one
  tasks:
    - ${lock}
- hosts: pair
  tasks:
    - fs.copy: { dest: "DIR/{{ inventory_hostname }}-a", content: new }
    - fs.copy: { dest: "DIR/{{ inventory_hostname }}-b", content: new }
`,
    );
    const hosts = { one: { ansible_connection: 'local' }, two: { ansible_connection: 'local' } };
    const away = { ansible_host: '127.0.0.1', ansible_port: 1, ansible_user: 'nobody' };
    const without = async (
      host: string,
      is: object | undefined,
    ): Promise<{ readonly inventories: string[] }> => {
      const inventory = join(directory, `${host}.yml`);
      await writeFile(inventory, JSON.stringify({ all: { hosts: { ...hosts, [host]: is } } }));
      return { inventories: [inventory] };
    };
    const nextWithout = async (gone: string, wish: UndoWish = {}): Promise<string> => {
      const unreachable = await errorOf(undo(outcome.runId, wish, await without(gone, away)));
      expect(unreachable).toMatchObject({ kind: 'unreachable', host: gone });
      const unknown = await errorOf(undo(outcome.runId, wish, await without(gone, undefined)));
      expect(unknown).toMatchObject({ code: 'host-unknown' });
      expect(unknown.next.at(-1)).toBe(unreachable.next.at(-1));
      return unreachable.next.join('\n');
    };
    const made = async () => (await readdir(directory)).filter((name) => /^(one|two)-/.test(name));
    expect(await nextWithout('two')).toMatch(
      /^Or leave all that was done on two as it is: pitr undo \S+ --keep [45] --keep [23]$/m,
    );
    const lockWay = new RegExp(
      `: pitr undo ${outcome.runId} --without-lock ${outcome.runId} --keep ([2-5]) --keep ([2-5])$`,
      'm',
    );
    const next = await nextWithout('one');
    expect(next).toMatch(lockWay);
    const keep = lockWay.exec(next)?.slice(1).map(Number) ?? [];
    // also where the lock is only to be held
    expect(await nextWithout('one', { from: 2, keep })).toMatch(/ --without-lock \S+$/m);

    const taken = await undo(outcome.runId, { keep, withoutLock: true }, await without('one', away));
    expect(taken.outcome.status).toBe('ok');
    expect(await made()).toEqual(['one-a', 'one-b']);
    // The host is there again.
    expect((await undo(outcome.runId)).outcome.status).toBe('ok');
    expect(await made()).toEqual([]);
  });

  it('of the newest changes goes to no host of older ones: that may be gone', async () => {
    const { outcome, directory } = await play(`
- hosts: pair
  tasks:
    - { core.shell: { script: "false", undo: "true" }, ignore_errors: true, when: inventory_hostname == "two" }
    - { fs.copy: { dest: DIR/made, content: new }, when: inventory_hostname == "one" }
`);
    expect(outcome.status).toBe('ok');
    const inventory = join(directory, 'without-two.yml');
    await writeFile(inventory, 'all: { hosts: { one: { ansible_connection: local } } }');
    const { outcome: undone, numbers } = await undo(outcome.runId, { from: 2 }, { inventories: [inventory] });
    expect(undone.error).toBeUndefined();
    expect(numbers).toEqual([2]);
  });

  it('takes a run back that failed in the middle, the failed change included', async () => {
    const { directory, place } = await work();
    const before = await picture(place);
    const { outcome } = await play(
      `
- hosts: one
  tasks:
    - fs.copy: { dest: DIR/place/one, content: one }
    - core.shell: { script: "touch DIR/place/half; exit 3", undo: "rm -f DIR/place/half" }
    - fs.copy: { dest: DIR/place/two, content: two }
`,
      { directory },
    );
    expect(outcome.status).toBe('failed');
    expect((await undo(outcome.runId)).numbers).toEqual([2, 1]);
    expect(await picture(place)).toEqual(before);
  });

  it('works from the journal alone: other working directory, other machine, no playbook', async () => {
    const { directory, place } = await work();
    const before = await picture(place);
    const { outcome } = await play(CHANGES, { directory });
    const { started, path } = await readRun(outcome.runId);
    expect(started.inventories).toEqual([join(directory, 'inventory.yml')]);
    expect(started.playbook).toBe(join(directory, 'play.yml'));

    const copy = join(await newDirectory(), 'journal.jsonl');
    await writeFile(
      copy,
      (await readFile(path, 'utf8')).replaceAll(`${directory}/inventory.yml`, '/nowhere.yml'),
    );
    await expect(undo(copy)).rejects.toMatchObject({
      kind: 'validation',
      next: expect.arrayContaining([expect.stringContaining('-i')]),
    });
    const { outcome: undone } = await undo(copy, {}, { inventories: [join(directory, 'inventory.yml')] });
    expect(undone.status).toBe('ok');
    expect(await picture(place)).toEqual(before);
  });

  it('is refused as a whole where somebody has changed a thing since: nothing is changed, and nothing left behind', async () => {
    const { directory, place } = await work();
    const lock = `    - core.lock: { name: shop, user: ${userInfo().username}, directory: DIR/locks }\n`;
    const { outcome } = await play(CHANGES.replace('tasks:\n', `tasks:\n${lock}`), { directory });
    await writeFile(join(place, 'settings'), 'mine\n');
    await rm(join(place, 'kept'), { recursive: true });
    await mkdir(join(place, 'kept'));
    const { path } = await readRun(outcome.runId);
    const all = async () => [
      await picture(place),
      await picture(join(directory, 'locks')),
      await readFile(path, 'utf8'),
    ];
    const before = await all();

    const error = await errorOf(undo(outcome.runId));
    expect(error).toMatchObject({
      ...{
        kind: 'refused',
        code: 'changed-since',
        host: 'one',
        state: 'taken back: nothing; not: 7, 6, 5, 4, 3, 2, 1',
      },
      message: expect.stringContaining('place/settings'),
      next: expect.arrayContaining([`When the cause is gone, go on: pitr undo ${outcome.runId}`]),
    });
    // a safety check has refused: what it guards is not to be passed over
    expect(error.next.join('\n')).not.toContain('--keep');
    expect(await all()).toEqual(before);

    expect((await undo(outcome.runId, { from: 6 })).numbers).toEqual([7, 6]);
  });

  it('names every change that would be refused', async () => {
    const { directory, place } = await work();
    const { outcome } = await play(CHANGES, { directory });
    await writeFile(join(place, 'settings'), 'mine\n');
    await writeFile(join(place, 'new/deep/file'), 'mine\n');
    expect(await errorOf(undo(outcome.runId))).toMatchObject({
      message: expect.stringContaining('place/new/deep/file'),
      details: [expect.stringMatching(/^Neither can change 2 on one: .*place\/settings/)],
    });
    expect((await readRun(outcome.runId)).undo).toBeUndefined();
    await writeFile(join(place, 'new/deep/file'), 'fresh');
    expect((await undo(outcome.runId, { keep: [2] })).numbers).toEqual([6, 5, 4, 3, 1]);
    expect(await readFile(join(place, 'settings'), 'utf8')).toBe('mine\n');
  });

  it('refuses on the way what only newer changes could tell, and goes on when that is settled', async () => {
    const { directory, place } = await work();
    const { outcome } = await play(CHANGES, { directory });
    await writeFile(join(place, 'new/deep/mine'), '');

    const { outcome: stopped } = await undo(outcome.runId);
    expect(stopped.undone.map(({ intent }) => intent.number)).toEqual([6, 5, 4, 3, 2]);
    expect(stopped.error).toMatchObject({
      ...{ kind: 'refused', code: 'changed-since', host: 'one', state: 'taken back: 6, 5, 4, 3, 2; not: 1' },
    });
    expect((await readRun(outcome.runId)).undo?.finished?.status).toBe('failed');
    await rm(join(place, 'new/deep/mine'));
    expect((await undo(outcome.runId)).numbers).toEqual([1]);
  });

  it.each([
    ['a move', 'fs.move: { src: DIR/place/kept, dest: DIR/place/elsewhere }'],
    ['a command', 'core.shell: { script: "mv DIR/place/kept DIR/x", undo: "cd DIR && mv x place/kept" }'],
    ['a move of what is above', 'fs.move: { src: DIR/place, dest: DIR/other }'],
  ])('does not refuse for what %s has made of it later', async (_, later) => {
    const { directory, place } = await work();
    const before = await picture(place);
    const { outcome } = await play(
      `
- hosts: one
  tasks:
    - fs.copy: { dest: DIR/place/old/data, content: new, mode: "0600" }
    - fs.move: { src: DIR/place/old, dest: DIR/place/kept }
    - ${later}
`,
      { directory },
    );
    expect(outcome.error).toBeUndefined();
    expect((await undo(outcome.runId)).numbers).toEqual([3, 2, 1]);
    expect(await picture(place)).toEqual(before);
  });

  it('is refused while the run is still running', async () => {
    const { directory } = await work();
    const { outcome } = await play(CHANGES, { directory });
    const { path } = await readRun(outcome.runId);
    const journal = (await readFile(path, 'utf8'))
      .split('\n')
      .filter((line) => !line.includes('run.finished'));
    await writeFile(path, journal.join('\n'));
    await expect(undo(outcome.runId)).rejects.toMatchObject({ kind: 'refused', code: 'run-still-running' });
  });

  it('works as the user and with the environment of the task', async () => {
    const { directory, place } = await work();
    const { outcome } = await play(
      `
- hosts: one
  environment: { COLOUR: green, API_TOKEN: hidden-token }
  tasks:
    - core.shell: { script: "true", undo: 'echo "$COLOUR,\${API_TOKEN-unset}" > DIR/place/undone' }
`,
      { directory },
    );
    const { path } = await readRun(outcome.runId);
    expect(await readFile(path, 'utf8')).not.toContain('hidden-token');
    const { steps } = await undo(outcome.runId);
    expect(steps.find(({ status }) => status === 'warning')?.text).toContain('API_TOKEN');
    expect(await readFile(join(place, 'undone'), 'utf8')).toBe('green,unset\n');
  });
});

describe('what cannot be taken back', () => {
  const WALLED = `
- hosts: one
  tasks:
    - fs.copy: { dest: DIR/place/one, content: one }
    - core.command: "true"
    - fs.copy: { dest: DIR/place/two, content: two }
`;

  it('holds everything older in its place, unless it is told to stay', async () => {
    const { directory } = await work();
    const { outcome } = await play(WALLED, { directory });
    const run = await readRun(outcome.runId);
    const numbers = (changes: readonly { readonly intent: { readonly number: number } }[]): number[] =>
      changes.map(({ intent }) => intent.number);

    const whole = await planUndo(storyOf(run, []));
    expect(whole.wall).toMatchObject({ canBeKept: true, why: 'the task gives no "undo" command' });
    expect([numbers(whole.steps), numbers(whole.behindWall)]).toEqual([[3], [1]]);
    expect(await planUndo(storyOf(run, []), { from: 3 })).toMatchObject({ wall: undefined });
    const kept = await planUndo(storyOf(run, []), { keep: [2] });
    expect([numbers(kept.steps), numbers(kept.kept), kept.wall]).toEqual([[3, 1], [2], undefined]);
    await expect(planUndo(storyOf(run, []), { from: 4 })).rejects.toMatchObject({
      kind: 'usage',
      message: `run ${outcome.runId} has no change 4`,
    });
  });

  it('is never passed where its module can never undo: a promotion stays', async () => {
    const { directory } = await work();
    const { outcome } = await play(WALLED, { directory });
    const { path } = await readRun(outcome.runId);
    await writeFile(path, (await readFile(path, 'utf8')).replaceAll('"core.command"', '"postgres.promote"'));
    const plan = await planUndo(await readStory(outcome.runId), { keep: [2] });
    expect(plan.wall).toMatchObject({ canBeKept: false, change: { intent: { number: 2 } } });
  });

  it('does not count where a safety check refused it: it was not begun', async () => {
    const { directory } = await work();
    const { outcome } = await play(WALLED, { directory });
    const { path } = await readRun(outcome.runId);
    const journal = (await readFile(path, 'utf8')).split('\n').map((line) =>
      line.includes('"change.done"') && line.includes('"number":2')
        ? JSON.stringify({
            type: 'change.failed',
            time: 1,
            number: 2,
            error: { kind: 'refused', code: 'x', message: 'no' },
          })
        : line,
    );
    await writeFile(path, journal.join('\n'));
    const plan = await planUndo(await readStory(outcome.runId));
    expect(plan.wall).toBeUndefined();
    expect(plan.steps.map(({ intent }) => intent.number)).toEqual([3, 1]);
  });

  it('is a change that lost a secret to the mask: the mask is never written to a host', async () => {
    const { directory } = await work();
    const extraVars = { ansible_become_password: 'hunter2hunter2' };
    const { outcome } = await play(
      `
- hosts: one
  tasks:
    - core.command: { argv: [echo, "{{ ansible_become_password }}"], undo: [touch, DIR/place/undone] }
    - core.command: { argv: [echo], undo: [touch, "DIR/place/{{ ansible_become_password }}"] }
`,
      { directory, extraVars },
    );
    expect(outcome.status).toBe('ok');
    const run = await readRun(outcome.runId);
    expect(await readFile(run.path, 'utf8')).not.toContain('hunter2');
    const plan = await planUndo(storyOf(run, []));
    expect(plan.wall).toMatchObject({ change: { intent: { number: 2 } }, canBeKept: true });
    expect(plan.wall?.why).toContain('secrets are masked');
    // the first needs its secret only to be applied
    expect((await undo(outcome.runId, { keep: [2] }, { extraVars })).numbers).toEqual([1]);
  });

  it('writes back a file that held a secret, also where it was removed: the file itself was kept, and the journal has none', async () => {
    const { directory, place } = await work();
    for (const name of ['rewritten', 'removed'])
      await writeFile(join(place, name), 'password=hunter2hunter2\n');
    const before = await picture(place);
    const extraVars = { ansible_become_password: 'hunter2hunter2' };
    const { outcome } = await play(
      `
- hosts: one
  tasks:
    - fs.copy: { dest: DIR/place/rewritten, content: "password={{ ansible_become_password }} or another" }
    - fs.copy: { dest: DIR/place/rewritten, content: nothing }
    - fs.file: { path: DIR/place/removed, state: absent }
`,
      { directory, extraVars },
    );
    expect(outcome.error).toBeUndefined();
    const { path } = await readRun(outcome.runId);
    const journal = await readFile(path, 'utf8');
    for (const encoding of ['utf8', 'base64'] as const)
      expect(journal).not.toContain(Buffer.from('password=hunter2hunter2').toString(encoding).slice(0, 20));
    expect((await undo(outcome.runId, {}, { extraVars })).numbers).toEqual([3, 2, 1]);
    expect(await picture(place)).toEqual(before);
  });

  it('writes back a file, rewritten or removed, that alone holds a secret, where it stands beside its name', async () => {
    const { directory, place } = await work();
    const held = 'PATRONI_REPLICATION_PASSWORD=S3cretOne9';
    await writeFile(join(place, 'rewritten'), `${held}\n`);
    await writeFile(join(place, 'removed'), `${held.replace('One', 'Two')}\n`);
    const before = await picture(place);
    const { outcome } = await play(
      `
- hosts: one
  tasks:
    - fs.copy: { dest: DIR/place/rewritten, content: nothing }
    - fs.file: { path: DIR/place/removed, state: absent }
`,
      { directory },
    );
    expect(outcome.error).toBeUndefined();
    const { path } = await readRun(outcome.runId);
    const journal = await readFile(path, 'utf8');
    expect(journal).not.toContain('S3cret');
    expect(journal).not.toContain(Buffer.from(held).toString('base64').slice(0, 20));
    expect((await undo(outcome.runId)).numbers).toEqual([2, 1]);
    expect(await picture(place)).toEqual(before);
  });

  it('writes back a file whose secret its new content gives away, and one with {{ in it', async () => {
    const { directory, place } = await work();
    await writeFile(join(place, 'copied'), 'password: S3cretOne9\n');
    await writeFile(join(directory, 'new.conf'), 'conninfo: "host=a password=S3cretOne9"\n');
    await writeFile(join(place, 'rendered'), 'password: S3cretTwo9\n');
    // Too big to be shown.
    const big = `url: postgres://app:S3cretTwo9@{{ inventory_hostname }}/shop\n${'#\n'.repeat(40_000)}`;
    await writeFile(join(directory, 'new.url.hbs'), big);
    await writeFile(join(place, 'hook'), "PGPASSWORD=S3cretSix9 psql\ndocker ps --format '{{.Names}}'\n");
    const before = await picture(place);
    const { outcome } = await play(
      `
- hosts: one
  tasks:
    - fs.copy: { src: new.conf, dest: DIR/place/copied }
    - fs.template: { src: new.url.hbs, dest: DIR/place/rendered }
    - fs.copy: { dest: DIR/place/hook, content: nothing }
`,
      { directory },
    );
    expect(outcome.error).toBeUndefined();
    const { path } = await readRun(outcome.runId);
    const journal = await readFile(path, 'utf8');
    expect(journal).not.toContain('S3cret');
    for (const held of ['password: S3cret', 'PGPASSWORD=S3cret'])
      expect(journal).not.toContain(Buffer.from(held).toString('base64').slice(0, 18));
    expect((await undo(outcome.runId)).numbers).toEqual([3, 2, 1]);
    expect(await picture(place)).toEqual(before);
  });

  it('is nothing at all while a password to reach the hosts is missing', async () => {
    const { directory } = await work();
    const extraVars = { ansible_become_password: 'sesame-open' };
    const { outcome } = await play(CHANGES, { directory, extraVars });
    const { path } = await readRun(outcome.runId);
    expect(await readFile(path, 'utf8')).not.toContain('sesame-open');
    await expect(undo(outcome.runId)).rejects.toMatchObject({
      kind: 'usage',
      code: 'secret-not-in-journal',
      next: ['Give it again: -e ansible_become_password=...'],
    });
    expect((await undo(outcome.runId, {}, { extraVars })).outcome.status).toBe('ok');
  });
});

describe('a run whose controller was killed', () => {
  it('is known as dead, and is taken back with its half-made change and a torn last line', async () => {
    const { directory, place } = await work();
    const before = await picture(place);
    keepRunsIn(join(directory, 'state'));
    await writeFile(
      join(directory, 'inventory.yml'),
      'all: { hosts: { one: { ansible_connection: local } } }\n',
    );
    await writeFile(
      join(directory, 'play.yml'),
      `
- hosts: one
  tasks:
    - fs.copy: { dest: ${place}/settings, content: blue }
    - core.shell:
        script: echo $$ > ${place}/half; exec sleep 300
        undo: rm -f ${place}/half
    - fs.copy: { dest: ${place}/never, content: never }
`,
    );
    const controller = spawn(
      process.execPath,
      ['--import', TSX, join(checkout, 'cli/main.ts'), 'play', 'play.yml'],
      { cwd: directory, stdio: 'ignore' },
    );
    const left = await until(() => readFile(join(place, 'half'), 'utf8').catch(() => ''), {
      everyMs: 50,
      deadlineMs: 60_000,
      done: (text) => text.endsWith('\n'),
      late: (text, deadlineMs) =>
        deadlinePassed({ what: 'the slow command to run', deadlineMs, lastSeen: text }),
    });
    controller.kill('SIGKILL');
    await once(controller, 'exit');

    // the command itself was left at work on the host
    process.kill(Number(left));

    const [runId = ''] = await listRuns();
    const run = await readRun(runId);
    expect(runStatus(run)).toBe('died');
    expect(run.changes.map(({ ended }) => ended)).toEqual(['done', 'open']);
    await appendFile(run.path, '{"type":"change.done","time":17');

    expect((await undo(runId)).numbers).toEqual([2, 1]);
    expect(await picture(place)).toEqual(before);
    expect((await readRun(runId)).changes.every(({ undone }) => undone)).toBe(true);
  });
});
