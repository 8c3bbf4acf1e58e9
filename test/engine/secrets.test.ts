import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { MASK, Secret } from '../../lib/base/values/secret.ts';
import { readStory } from '../../lib/engine/back/story.ts';
import { planUndo } from '../../lib/engine/back/undo-plan.ts';
import { readRun } from '../../lib/engine/journal/read.ts';
import { shownOutcome } from '../../lib/engine/task/no-log.ts';
import { shellLost } from '../../lib/transport/errors.ts';
import { runHere } from '../support/run-here.ts';
import { inventoryOfPair, keepRunsIn, newDirectory, play } from './support.ts';

const SECRET = 'hunter2-hunter2';

describe('a secret in environment', () => {
  it('reaches the command itself, and no reader', async () => {
    const { outcome, events, directory } = await play(
      `
- hosts: one
  environment: [{ PLAIN: 0, GREETING: good evening }, { GREETING: "hello {{ db_password }}" }]
  tasks:
    - core.shell: { script: 'echo "$GREETING,$PLAIN" > DIR/seen; echo "$GREETING"', check: "false" }
      environment: { PLAIN: "{{ number }}" }
`,
      { extraVars: { db_password: new Secret(SECRET) } },
    );
    expect(outcome.status).toBe('ok');
    expect(await readFile(join(directory, 'seen'), 'utf8')).toBe(`hello ${SECRET},1\n`);
    expect(JSON.stringify(events)).not.toContain(SECRET);
    expect(await readFile((await readRun(outcome.runId)).path, 'utf8')).not.toContain(SECRET);
  });

  it('that only the run could tell makes the task unknown in check mode', async () => {
    const { results } = await play(
      `
- hosts: one
  tasks:
    - core.command: { argv: [echo] }
      register: said
    - name: uses it
      core.command: { argv: ["true"], check: ["false"] }
      environment: { SAID: "{{ said.stdout }}" }
`,
      { mode: 'check' },
    );
    expect(results).toContain('one: uses it: unknown');
  });
});

describe('a secret that leads to a host by another name', () => {
  it.each([
    ['a host of the run', 'one'],
    ['one that tasks are only delegated to', 'two'],
  ])('is in no journal: of %s', async (_, host) => {
    const directory = await newDirectory();
    const inventory = join(directory, 'hosts.yml');
    const own = { one: { ansible_connection: 'local' }, two: { ansible_connection: 'local' } };
    const leads = { ansible_connection: 'local', ansible_become_password: '{{ word }}' };
    await writeFile(inventory, JSON.stringify({ all: { hosts: { ...own, [host]: leads } } }));
    const { outcome } = await play('- hosts: one\n  tasks: [{ core.command: [hostname] }]\n', {
      directory,
      inventories: [inventory],
      extraVars: { word: SECRET },
    });
    const { path, extraVars } = await readRun(outcome.runId);
    expect(extraVars).toEqual({ word: MASK });
    expect(await readFile(path, 'utf8')).not.toContain(SECRET);
  });
});

describe('a secret with blanks in it', () => {
  it('is masked also where the line of an error is wrapped in its middle', async () => {
    const directory = await newDirectory();
    keepRunsIn(join(directory, 'state'));
    await writeFile(join(directory, 'inventory.yml'), inventoryOfPair);
    const yaml = '- hosts: one\n  tasks:\n    - core.wait_for: { port: "{{ db_password }}" }\n';
    await writeFile(join(directory, 'play.yml'), yaml);
    const secret = 'a correct horse battery staple';
    const { stderr } = await runHere(
      directory,
      ...['play', 'play.yml', '-i', 'inventory.yml', '-e', `{"db_password": "${secret}"}`],
    );
    expect(stderr.replaceAll(/\s+/g, ' ')).toContain(`but is the text "${MASK}"`);
  });
});

describe('a secret beside its name in a text with {{ in it', () => {
  it.each(['run', 'check'] as const)('reaches no reader, of a result or a difference: %s', async (mode) => {
    const directory = await newDirectory();
    const hook = (secret: string) => `PGPASSWORD=${secret} psql\ndocker ps --format '{{.Names}}'\n`;
    for (const [name, secret] of Object.entries({ old: SECRET, new: `${SECRET}x`, read: `${SECRET}y` }))
      await writeFile(join(directory, name), hook(secret));
    const { outcome, events } = await play(
      `
- hosts: one
  tasks:
    - fs.copy: { src: new, dest: DIR/old }
    - fs.read: { path: DIR/read }
`,
      { directory, mode },
    );
    expect(outcome.status).toBe('ok');
    const shown = JSON.stringify(events);
    expect(shown).toContain('docker ps');
    expect(shown).not.toContain(SECRET);
    if (mode === 'run')
      expect(await readFile((await readRun(outcome.runId)).path, 'utf8')).not.toContain(SECRET);
  });
});

describe('a secret in a question', () => {
  it('is masked before whoever asks wraps its lines', async () => {
    const asked: unknown[] = [];
    await play(
      `
- hosts: one
  tasks:
    - core.confirm: { text: "Go on with {{ db_password }}?", details: ["It is {{ db_password }}."] }
`,
      { extraVars: { db_password: SECRET }, asked: (question) => asked.push(question) },
    );
    expect(asked).toMatchObject([{ text: `Go on with ${MASK}?`, details: [`It is ${MASK}.`] }]);
  });
});

describe('a long result that an error shows', () => {
  /** Wherever a part of it stands, it is told by these. */
  const LONG = Array.from({ length: 40 }, (_, index) => `key${index}`).join('-');

  it.each([
    ['failed_when', 1000],
    ['until', 500],
  ])('is not cut inside a secret by %s', async (condition, most) => {
    const { outcome, events } = await play(
      `
- hosts: one
  tasks:
    - core.shell: { script: 'printf %0${most - 100}d 0; echo "$WORD"', check: "false" }
      environment: { WORD: "{{ db_password }}" }
      ${condition}: ${condition === 'until' ? 'result.stdout == ""\n      retries: 0' : 'result.stdout != ""'}
`,
      { extraVars: { db_password: new Secret(LONG) } },
    );
    expect(outcome.status).toBe('failed');
    expect(JSON.stringify(events)).not.toContain('key1-');
    expect(await readFile((await readRun(outcome.runId)).path, 'utf8')).not.toContain('key1-');
  });
});

describe('no_log', () => {
  /** Nothing here has the name of a secret: only no_log says that it is one. */
  const TASKS = `
- hosts: one
  no_log: true
  tasks:
    - name: writes
      fs.copy: { dest: DIR/file, content: "{{ word }}\\n" }
    - name: prints
      core.shell: { script: 'echo "$1"; echo "$1" >&2', args: ["{{ word }}"], undo: "echo {{ word }}" }
      environment: { WORD: "{{ word }}" }
      register: said
    - name: loops
      core.command: { argv: [echo, "{{ item }}"], undo: [echo, "{{ item }}"] }
      loop: ["{{ word }}", b]
    - name: says
      core.debug: { msg: "{{ said.stdout }}" }
    - name: fails
      core.shell: { script: 'echo "$1" >&2; exit 3', args: ["{{ word }}"] }
`;

  it('keeps params, changes, results and errors out of the journal and out of every event', async () => {
    const yaml = TASKS.replaceAll(/, args: \["\{\{ word \}\}"\]/g, '').replaceAll('"$1"', '"{{ word }}"');
    const { outcome, events, results, directory } = await play(yaml, { extraVars: { word: SECRET } });
    expect(results).toEqual([
      'one: writes: changed',
      'one: prints: changed',
      'one: loops: changed',
      'one: says: ok',
      'one: fails: failed',
    ]);
    expect(await readFile(join(directory, 'file'), 'utf8')).toBe(`${SECRET}\n`);
    expect(JSON.stringify(events)).not.toContain(SECRET);
    const run = await readRun(outcome.runId);
    const written = (await readFile(run.path, 'utf8')).split('\n').filter((line) => line.includes(SECRET));
    // -e is given by the operator, and is not the task's
    expect(written.map((line) => JSON.parse(line).type)).toEqual(['run.started']);
    expect(run.changes.map(({ intent }) => intent.change.summary)).toContain('fs.copy (not shown: no_log)');
    expect(outcome.error).toMatchObject({ kind: 'failed', host: 'one', task: 'fails' });
    expect(outcome.error?.message).toBe('it failed (not shown: no_log)');
  });

  it('names no command that was at work when the run was stopped', async () => {
    const stop = new AbortController();
    const { outcome, events } = await play(
      `
- hosts: one
  no_log: true
  tasks:
    - core.command: { argv: [sh, -c, 'echo begun > DIR/begun; sleep 60', "{{ word }}"], check: ["false"] }
`,
      {
        extraVars: { word: SECRET },
        signal: stop.signal,
        seen: ({ type }) => type === 'host.started' && setTimeout(() => stop.abort(), 500),
      },
    );
    expect(outcome.status).toBe('interrupted');
    expect(JSON.stringify(events)).not.toContain(SECRET);
    expect(outcome.error?.message).toBe('interrupted (not shown: no_log)');
    const journal = await readFile((await readRun(outcome.runId)).path, 'utf8');
    const written = journal.split('\n').filter((line) => line.includes(SECRET));
    expect(written.map((line) => JSON.parse(line).type)).toEqual(['run.started']);
  });

  it('names no command whose connection was lost', () => {
    const lost = shellLost(`psql -c ${SECRET}`, { kind: 'exited', exitCode: 255 });
    const task = { noLog: true } as Parameters<typeof shownOutcome>[0]['task'];
    const { error } = shownOutcome({ task }, { status: 'unreachable', result: {}, error: lost });
    expect(error).toMatchObject({ kind: 'unreachable', code: 'connection-lost', state: lost.state });
    expect(error?.message).toBe('the connection ended while it ran (not shown: no_log)');
  });

  it('leaves nothing to undo from, and the plan of an undo says so', async () => {
    const { outcome } = await play(TASKS.split('    - name: prints')[0] ?? '', {
      extraVars: { word: SECRET },
    });
    expect(outcome.status).toBe('ok');
    const plan = await planUndo(await readStory(outcome.runId));
    expect(plan.wall).toMatchObject({
      why: 'no_log: true keeps what it did out of the journal',
      canBeKept: true,
    });
  });

  it('does not hide which host or file is wrong', async () => {
    const { outcome } = await play(`
- hosts: one
  no_log: true
  tasks:
    - core.command: "true"
      delegate_to: nobody-there
`).catch((error: unknown) => ({ outcome: { error } }));
    expect(outcome.error).toMatchObject({ kind: 'validation' });
  });
});
