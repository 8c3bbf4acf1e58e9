import { EventEmitter } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCommandLine } from '../../cli/run.ts';
import { folder } from '../unit/language/playbook/support/folder.ts';

const from = process.cwd();
const outer = process.env.PITR_STATE_DIR;
let place: string;
let runId: string;

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly lines: readonly Record<string, unknown>[];
}

/** The command line in this process, in the directory of the test and without a terminal. */
async function pitr(...words: string[]): Promise<Ended> {
  let stdout = '';
  let stderr = '';
  const code = await runCommandLine(words, {
    stdout: { write: (text: string) => (stdout += text) },
    stderr: { write: (text: string) => (stderr += text) },
    stdin: new PassThrough(),
    env: { NO_COLOR: '1' },
    cwd: place,
    signals: new EventEmitter(),
    leaveNow: () => {},
  });
  const lines = words.includes('json')
    ? stdout
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line))
    : [];
  return { code, stdout: told(stdout), stderr: told(stderr), lines };
}

/** The same with runs that are kept somewhere else. */
async function pitrWith(env: { readonly PITR_STATE_DIR: string }, ...words: string[]): Promise<Ended> {
  const before = process.env.PITR_STATE_DIR;
  Object.assign(process.env, env);
  try {
    return await pitr(...words);
  } finally {
    process.env.PITR_STATE_DIR = before;
  }
}

/** What differs from run to run, replaced. */
function told(text: string): string {
  return text
    .replaceAll(runId ?? '\0', 'RUN')
    .replaceAll(place, 'PLACE')
    .replace(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/g, 'YYYY-MM-DD hh:mm:ss')
    .replace(/by \S+@\S+/g, 'by WHO');
}

beforeAll(async () => {
  place = await mkdtemp(join(tmpdir(), 'pitr-runs-'));
  process.env.PITR_STATE_DIR = join(place, 'state');
  expect((await pitr('runs')).stdout).toBe('No runs are kept here.\n');
  await writeFile(join(place, 'inventory.yml'), 'all: { hosts: { one: { ansible_connection: local } } }\n');
  await writeFile(
    join(place, 'two.yml'),
    `
- hosts: one
  tasks:
    - fs.copy: { dest: "{{ place }}/one", content: one }
    - { name: once, core.command: "true" }
    - fs.copy: { dest: "{{ place }}/two", content: two }
    - core.command: "false"
      when: fails
`,
  );
  // the playbook and the inventory are looked for from where pitr works
  process.chdir(place);
  const played = await pitr(
    'play',
    'two.yml',
    '-e',
    `place=${place}`,
    '-e',
    'fails=true',
    '--output',
    'json',
  );
  expect(played.code).toBe(2);
  runId = String(played.lines[0]?.runId);
});

afterAll(async () => {
  process.chdir(from);
  if (outer === undefined) delete process.env.PITR_STATE_DIR;
  else process.env.PITR_STATE_DIR = outer;
  await rm(place, { recursive: true, force: true });
});

describe('pitr runs', () => {
  it('lists runs with what they changed', async () => {
    const { code, stdout } = await pitr('runs');
    expect(code).toBe(0);
    expect(stdout.replaceAll(/ +/g, ' ')).toMatchInlineSnapshot(`
      "RUN STARTED (UTC) STATUS CHANGES UNDONE PLAYBOOK
      RUN YYYY-MM-DD hh:mm:ss failed 4 0 two.yml
      "
    `);
    expect((await pitr('runs', '--output', 'json')).lines).toMatchObject([
      { type: 'run', id: runId, status: 'failed', changes: 4, undone: 0, playbook: join(place, 'two.yml') },
    ]);
  });

  it('tells what a run did, how things stand, and the commands that go on', async () => {
    expect((await pitr('runs', runId)).stdout).toMatchInlineSnapshot(`
      "Run RUN: two.yml, started YYYY-MM-DD hh:mm:ss UTC by WHO
      It failed; the last task that began: core.command.

      Failed: false exited with 1
        host     one
        task     core.command
        at       two.yml:7:7

        5 |     - { name: once, core.command: "true" }
        6 |     - fs.copy: { dest: "{{ place }}/two", content: two }
      > 7 |     - core.command: "false"
          |       ^

        command  false
        ended    exit code 1

      #  HOST  STATE   CHANGE
      1  one   done    create PLACE/one (3 bytes)
      2  one   done    run true
      3  one   done    create PLACE/two (3 bytes)
      4  one   failed  run false

      3 changes in place, 1 perhaps half made.

      What you can do now:
        Go on where it stood:
          pitr resume RUN
        Change 4 cannot be taken back: the task gives no "undo" command. What is older
        stays with it.
        Leave changes 4, 2 as they are and take back the rest:
          pitr undo RUN --keep 4,2
      "
    `);
    const { lines } = await pitr('runs', runId, '--output', 'json');
    expect(lines.map(({ type }) => type)).toEqual([
      'run',
      ...Array.from({ length: 4 }, () => 'run.change'),
      'run.ways',
    ]);
    expect(lines[4]).toMatchObject({ number: 4, ended: 'failed', undone: false, error: { kind: 'failed' } });
  });

  it('reads the journal of another machine from its path, and lists one that is unreadable as such', async () => {
    const journal = join(place, 'state/runs', runId, 'journal.jsonl');
    const elsewhere = join(place, 'copy.jsonl');
    const text = (await readFile(journal, 'utf8')).replace(
      /"operator":"[^"]*"/,
      '"operator":"ann@elsewhere"',
    );
    await writeFile(elsewhere, text.replace(/\{"type":"run.finished.*\n/, ''));
    const { stdout } = await pitr('runs', elsewhere);
    expect(stdout).toContain('only elsewhere,');
    expect(stdout).toContain('pitr undo PLACE/copy.jsonl');

    const broken = join(place, 'state/runs/20000101T000000-0000');
    await mkdir(broken);
    for (const odd of ['', '{"type":"run.started","version":2}\n']) {
      await writeFile(join(broken, 'journal.jsonl'), odd);
      expect((await pitr('runs')).stdout).toMatch(
        /^20000101T000000-0000 .* unreadable .* the journal cannot be read/m,
      );
    }
    await rm(broken, { recursive: true });
    expect((await pitr('runs', 'nothing-like-it')).code).toBe(64);
  });
});

describe('a journal that somebody else may have written', () => {
  it('is shown with what its undo would really do, and used only with a word', async () => {
    await writeFile(
      join(place, 'mark.yml'),
      `
- hosts: one
  tasks:
    - core.shell: { script: "touch ${place}/mark", undo: "rm ${place}/mark" }
`,
    );
    const state = { PITR_STATE_DIR: join(place, 'other-state') };
    expect((await pitrWith(state, 'play', 'mark.yml')).code).toBe(0);
    const [run] = (await pitrWith(state, 'runs', '--output', 'json')).lines;
    const id = String(run?.id);
    const journal = join(place, 'other-state/runs', id, 'journal.jsonl');
    const own = await pitrWith(state, 'undo', id, '--check');
    expect(own.stdout).toContain(`runs: sh -c 'rm PLACE/mark'`);

    await writeFile(
      journal,
      (await readFile(journal, 'utf8')).replaceAll(`rm ${place}/mark`, `touch ${place}/evil`),
    );
    expect((await pitrWith(state, 'runs', id)).stdout).toContain("not this controller's own");
    const checked = await pitrWith(state, 'undo', id, '--check');
    expect(checked.stdout).toContain(`runs: sh -c 'touch PLACE/evil'`);
    for (const command of ['undo', 'commit', 'resume']) {
      const refused = await pitrWith(state, command, id, '--yes');
      expect([command, refused.code]).toEqual([command, 5]);
      const words = refused.stderr.replaceAll(/\s+/g, ' ');
      expect(words).toContain("not this controller's own, unchanged");
      expect(words).toContain(`pitr ${command} RUN2 --trust-journal`.replace('RUN2', id));
    }
    const peeked = await pitrWith(state, 'peek', id);
    expect(peeked.stderr).toContain('Name the node instead');
    expect(await readFile(join(place, 'mark'), 'utf8')).toBe('');
    expect((await pitrWith(state, 'undo', id, '--trust-journal', '--yes')).code).toBe(0);
    expect(await readFile(join(place, 'evil'), 'utf8')).toBe('');
  });
});

describe('pitr undo', () => {
  it('shows the plan, and refuses at a change that cannot be taken back, with the ways round it', async () => {
    const { code, stdout, stderr } = await pitr('undo', runId);
    expect(code).toBe(5);
    expect(stdout).toMatchInlineSnapshot(`
      "Nothing newer can be taken back.

      This cannot be taken back:
           4  one  run false  (failed)
              the task gives no "undo" command

      It holds in its place what is older:
           3  one  create PLACE/two (3 bytes)
           2  one  run true
           1  one  create PLACE/one (3 bytes)
      "
    `);
    expect(stderr).toMatchInlineSnapshot(`
      "Refused: change 4, "run false", cannot be taken back, and so nothing older can
        host     one

        the task gives no "undo" command

        state    nothing was taken back
        next     Leave changes 4, 2 as they are and take back the rest: pitr undo RUN --keep 4,2
      "
    `);
  });

  it('names the commands that lead on, where nothing of it can be taken back', async () => {
    await using dir = await folder({
      'inventory.yml': 'all: { hosts: { one: { ansible_connection: local } } }\n',
      'one.yml':
        '- hosts: one\n  tasks:\n    - core.command: "true"\n    - core.command: [test, -e, there]\n',
    });
    const state = { PITR_STATE_DIR: dir.file('state') };
    const files = [dir.file('one.yml'), '-i', dir.file('inventory.yml')];
    const played = await pitrWith(state, 'play', ...files);
    expect(played.code).toBe(2);
    const id = /pitr resume (\S+)/.exec(played.stdout + played.stderr)?.[1] ?? 'none';
    const { code, stderr } = await pitrWith(state, 'undo', id, '--from', '1');
    expect(code).toBe(5);
    expect(stderr.replaceAll(id, 'ID')).toMatchInlineSnapshot(`
      "Refused: change 2, "run test -e there", cannot be taken back, and so nothing
      older can
        host     one

        the task gives no "undo" command

        state    nothing was taken back
        next     Go on where it stood: pitr resume ID
                 See every change, and how the run stands: pitr runs ID
      "
    `);
  });

  it('does not take anything back without a terminal and without --yes, nor with --check', async () => {
    const asked = await pitr('undo', runId, '--keep', '4,2');
    expect(asked.code).toBe(5);
    expect(asked.stderr).toContain('pitr undo RUN --keep 4,2 --yes');
    const checked = await pitr('undo', runId, '--keep', '4,2', '--check', '--output', 'json');
    expect(checked.code).toBe(0);
    expect(checked.lines).toMatchObject([
      {
        type: 'undo.plan',
        run: runId,
        changes: [{ number: 3 }, { number: 1 }],
        kept: [{ number: 4 }, { number: 2 }],
      },
    ]);
    expect(await readFile(join(place, 'two'), 'utf8')).toBe('two');
  });

  it('goes back to before a task that is named, and says which there are', async () => {
    const { code, lines } = await pitr(
      'undo',
      runId,
      '--to',
      'once',
      '--keep',
      '4,2',
      '--check',
      '--output',
      'json',
    );
    expect([code, lines[0]?.changes]).toMatchObject([0, [{ number: 3 }]]);
    const unknown = await pitr('undo', runId, '--to', 'onse');
    expect(unknown.code).toBe(64);
    expect(unknown.stderr.replaceAll(/\s+/g, ' ')).toContain('did you mean "once"?');
  });

  it('does not choose among tasks of one name', async () => {
    const { code, stderr } = await pitr('undo', runId, '--to', 'fs.copy');
    expect([code, stderr]).toEqual([64, expect.stringContaining('the run has 2 tasks "fs.copy"')]);
    const printed = stderr.match(/pitr undo RUN .*/g) ?? [];
    expect(printed).toEqual(['pitr undo RUN --from 1 --check', 'pitr undo RUN --from 3 --check']);
  });

  it.each([
    ['--from', 'x', '--from needs the number of a change, not "x"'],
    ['--keep', '0', '--keep needs the number of a change, not "0"'],
    ['--from', '9', 'run RUN has no change 9'],
  ])('refuses %s %s', async (option, value, message) => {
    const { code, stderr } = await pitr('undo', runId, option, value);
    expect(code).toBe(64);
    expect(stderr).toContain(message);
  });

  it('takes back in steps, and says when nothing is left', async () => {
    const first = await pitr('undo', runId, '--from', '3', '--keep', '4', '--yes');
    expect(first.code).toBe(0);
    expect(first.stdout).toMatchInlineSnapshot(`
      "To be taken back, in this order:
           3  one  create PLACE/two (3 bytes)

      Stays as it is, as you said:
           4  one  run false  (failed)

         3  [one] taking back: create PLACE/two (3 bytes)
         3  [one] taken back

      Done: 1 change taken back.
      "
    `);
    const { lines, code } = await pitr('undo', runId, '--keep', '4,2', '--yes', '--output', 'json');
    expect(code).toBe(0);
    expect(lines.map(({ type, status }) => [type, status])).toEqual([
      ['undo.plan', undefined],
      ['undo.change', 'undoing'],
      ['undo.change', 'undone'],
      ['undo.finished', 'ok'],
    ]);
    expect((await pitr('undo', runId, '--keep', '4,2')).stdout).toContain('There is nothing to take back.');
    // Nothing is left that could be taken back, so nothing is offered for it.
    const offers = [(await pitr('runs', runId)).stdout, (await pitr('undo', runId)).stderr];
    for (const text of offers) expect(text).not.toContain('--keep');
    expect((await pitr('runs', '--output', 'json')).lines).toMatchObject([{ undone: 2, undo: 'ok' }]);
  });
});
