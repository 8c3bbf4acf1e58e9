import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runHere } from '../support/run-here.ts';

let place: string;
let outer: string | undefined;

beforeAll(async () => {
  outer = process.env.PITR_STATE_DIR;
  place = await mkdtemp(join(tmpdir(), 'pitr-advice-'));
  process.env.PITR_STATE_DIR = join(place, 'state');
  await writeFile(
    join(place, 'inventory.yml'),
    'all: { hosts: { localhost: { ansible_connection: local } } }\n',
  );
});

afterAll(async () => {
  await rm(place, { recursive: true });
  if (outer === undefined) delete process.env.PITR_STATE_DIR;
  else process.env.PITR_STATE_DIR = outer;
});

/** A run that has taken a lock, done this, and failed; and what the next one is told to do. */
async function advice(lock: string, ...tasks: readonly string[]): Promise<readonly string[]> {
  const head = `- hosts: all\n  tasks:\n    - core.lock: { name: ${lock}, user: ${userInfo().username}, directory: ${place}/locks }\n`;
  await writeFile(
    join(place, 'first.yml'),
    `${head}${[...tasks, 'core.fail: not yet'].map((task) => `    - ${task}\n`).join('')}`,
  );
  await writeFile(join(place, 'next.yml'), head);
  expect((await runHere(place, 'play', 'first.yml', '--output', 'json')).code).toBe(2);
  const { stdout } = await runHere(place, 'play', 'next.yml', '--output', 'json');
  const { error } = JSON.parse(
    stdout
      .trim()
      .split('\n')
      .findLast((line) => line.includes('"run.finished"')) ?? '{}',
  );
  expect(error).toMatchObject({ kind: 'refused', code: 'run-unfinished' });
  return error.next;
}

/** The commands in lines of advice. */
const commands = (lines: readonly string[]): readonly string[] =>
  lines.flatMap((line) => /pitr (undo|resume) .*/.exec(line)?.[0] ?? []);

describe('what a lock that a run has left tells the next one', () => {
  it('is to undo it, where an undo would be made', async () => {
    const told = commands(await advice('undoable', `fs.copy: { dest: ${place}/one, content: a }`));
    expect(told).toEqual([
      expect.stringMatching(/^pitr resume \S+$/),
      expect.stringMatching(/^pitr undo \S+ --check$/),
      expect.stringMatching(/^pitr undo \S+$/),
    ]);
    expect((await runHere(place, ...(told[2] ?? '').split(' ').slice(1), '--yes')).code).toBe(0);
  });

  it('is not to undo it where that would be refused, and says what can be', async () => {
    const told = commands(
      await advice(
        'walled',
        `fs.copy: { dest: ${place}/two, content: a }`,
        'core.shell: "true"',
        `fs.copy: { dest: ${place}/three, content: a }`,
      ),
    );
    expect(told.filter((line) => /^pitr undo \S+( --check)?$/.test(line))).toEqual([]);
    const [newer] = told.filter((line) => line.includes('--from'));
    expect((await runHere(place, ...(newer ?? '').split(' ').slice(1), '--yes')).code).toBe(0);
  });

  it('is as the lock has it, where the journal is somewhere else', async () => {
    const lines = await advice('elsewhere', `fs.copy: { dest: ${place}/four, content: a }`);
    expect(lines.some((line) => line.includes('where its journal is'))).toBe(false);
    process.env.PITR_STATE_DIR = join(place, 'another');
    const { stdout } = await runHere(place, 'play', 'next.yml', '--output', 'json');
    expect(stdout).toContain('Take it back, where its journal is: pitr undo');
    process.env.PITR_STATE_DIR = join(place, 'state');
  });
});

describe('a run that failed, and that another one has gone on with', () => {
  it('is not told to be resumed, and is refused that before anything is begun', async () => {
    const lock = `core.lock: { name: goes-on, user: ${userInfo().username}, directory: ${place}/locks`;
    const playbook = (name: string, ...tasks: readonly string[]) =>
      writeFile(
        join(place, name),
        `- hosts: all\n  tasks:\n${tasks.map((task) => `    - ${task}\n`).join('')}`,
      );
    const copy = (name: string) => `fs.copy: { dest: ${place}/${name}, content: a }`;
    await playbook('fails.yml', `${lock} }`, copy('failed'), 'core.fail: not yet');
    const first = await runHere(place, 'play', 'fails.yml', '--output', 'json');
    const { runId } = JSON.parse(first.stdout.split('\n')[0] ?? '');
    const resume = `pitr resume ${runId}`;
    expect((await runHere(place, 'runs', runId)).stdout).toContain(resume);
    await playbook('goes-on.yml', `${lock}, allow: [${runId}], keep: true }`, copy('gone-on'));
    expect((await runHere(place, 'play', 'goes-on.yml')).code).toBe(0);
    const { stdout } = await runHere(place, 'runs', runId);
    expect(stdout).toMatch(/has gone on with it, and is the one to be decided on/);
    expect(stdout).not.toContain(resume);
    const refused = await runHere(place, 'resume', runId);
    expect(refused.code).toBe(5);
    expect(refused.stderr).toMatch(/^Refused: run \S+ has gone on with what run \S+\s+did/);
  });
});
