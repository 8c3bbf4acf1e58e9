import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { userInfo } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { waysOn } from '../../cli/ways.ts';
import { deadlinePassed, until } from '../../lib/base/wait/until.ts';
import { resumeRequest } from '../../lib/engine/back/resume.ts';
import { readStory } from '../../lib/engine/back/story.ts';
import { undoRun } from '../../lib/engine/back/undo.ts';
import { planUndo, type UndoWish } from '../../lib/engine/back/undo-plan.ts';
import { processMark } from '../../lib/engine/journal/beginning.ts';
import { listRuns, readRun } from '../../lib/engine/journal/read.ts';
import { runStatus } from '../../lib/engine/journal/status.ts';
import { keepRunsIn, newDirectory, type Played, play } from './support.ts';

const checkout = resolve(import.meta.dirname, '../..');
const TSX = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;

/** Runs the playbook, expects it to fail, mends what made it fail, and goes on. */
async function failAndResume(
  yaml: string,
  more: {
    readonly mend?: (directory: string) => Promise<void>;
    readonly yaml?: string;
    readonly extraVars?: Record<string, unknown>;
    readonly mode?: 'run' | 'check';
  } = {},
): Promise<{ readonly first: Played; readonly second: Played; readonly log: () => Promise<string[]> }> {
  const directory = await newDirectory();
  const first = await play(yaml, { directory });
  expect(first.outcome.status).toBe('failed');
  await (more.mend ?? ((place) => writeFile(join(place, 'mended'), '')))(directory);
  const second = await resumed(first.outcome.runId, directory, { ...more, yaml: more.yaml ?? yaml });
  const log = async (): Promise<string[]> =>
    (await readFile(join(directory, 'log'), 'utf8')).split('\n').filter((line) => line !== '');
  return { first, second, log };
}

async function resumed(
  runId: string,
  directory: string,
  wish: {
    readonly yaml: string;
    readonly extraVars?: Record<string, unknown>;
    readonly mode?: 'run' | 'check';
    readonly withoutLock?: boolean;
  },
): Promise<Played> {
  const request = resumeRequest(await readRun(runId), {
    inventories: [],
    extraVars: wish.extraVars ?? {},
    mode: wish.mode ?? 'run',
    forks: 10,
    withoutLock: wish.withoutLock,
    again: `pitr resume ${runId}`,
  });
  return play(wish.yaml, { ...request, directory });
}

const log = (text: string): string => `{ script: "echo ${text} >> DIR/log" }`;
const FAILS_UNTIL_MENDED = '{ script: "test -e DIR/mended" }';

describe('a resumed run', () => {
  it('does not do again what was done, and does the rest, under the same id', async () => {
    const yaml = `
- hosts: one
  tasks:
    - { name: first, core.shell: ${log('first')} }
    - { name: second, core.shell: ${FAILS_UNTIL_MENDED} }
    - { name: third, core.shell: ${log('third')} }
`;
    const { first, second, log: lines } = await failAndResume(yaml);
    expect(second.outcome).toMatchObject({ status: 'ok', runId: first.outcome.runId });
    expect(second.results).toEqual(['one: second: changed', 'one: third: changed']);
    expect(await lines()).toEqual(['first', 'third']);
    const run = await readRun(first.outcome.runId);
    expect(runStatus(run)).toBe('ok');
    expect(run.changes.map(({ intent }) => intent.number)).toEqual([1, 2, 3, 4]);
  });

  it('knows what earlier tasks registered and decided', async () => {
    const { second } = await failAndResume(`
- hosts: one
  tasks:
    - { core.set_fact: { colour: blue } }
    - { core.shell: { script: "echo 17; echo x >> DIR/log" }, register: answer }
    - { name: fails, core.shell: ${FAILS_UNTIL_MENDED} }
    - { core.debug: { msg: "{{ colour }} {{ answer.stdout }}" } }
- hosts: one
  tasks:
    - { core.debug: { msg: "again {{ answer.stdout }}" } }
`);
    expect(second.messages).toEqual(['blue 17', 'again 17']);
  });

  it('goes without its lock only in the process of which that was said', async () => {
    const yaml = `
- hosts: one
  tasks:
    - name: lock
      core.lock: { name: shop, user: ${userInfo().username}, directory: DIR/locks }
      when: "!run_without_lock"
    - { name: first, core.shell: ${log('first')} }
    - { name: second, core.shell: ${FAILS_UNTIL_MENDED} }
`;
    const directory = await newDirectory();
    const { outcome } = await play(yaml, { directory });
    const lockOf = ({ results }: Played) => results.filter((result) => result.includes('lock'));
    const without = await resumed(outcome.runId, directory, { yaml, withoutLock: true });
    expect([without.outcome.status, lockOf(without)]).toEqual(['failed', ['one: lock: skipped']]);
    await writeFile(join(directory, 'mended'), '');
    const after = await resumed(outcome.runId, directory, { yaml });
    expect([after.outcome.status, lockOf(after)]).toEqual(['ok', ['one: lock: changed']]);
    expect((await readdir(join(directory, 'locks'))).filter((name) => name.endsWith('.json'))).toEqual([]);
  });

  it('breaks the claim of another run only where that was said to this process', async () => {
    const yaml = `
- hosts: one
  tasks:
    - core.lock: { name: shop, user: ${userInfo().username}, directory: DIR/locks }
    - { name: first, core.shell: ${log('first')} }
    - { name: second, core.shell: ${FAILS_UNTIL_MENDED} }
`;
    const directory = await newDirectory();
    await mkdir(join(directory, 'locks'), { mode: 0o700 });
    const file = join(directory, 'locks', 'shop.json');
    const lies = (run: string) =>
      writeFile(file, JSON.stringify({ run, state: 'unfinished', ended: 'failed' }), { mode: 0o600 });
    const claim = async (): Promise<unknown> => JSON.parse(await readFile(file, 'utf8')).run;
    const error = ({ outcome }: Played) => outcome.error;

    await lies('r1');
    const { outcome } = await play(yaml, { directory, extraVars: { break_lock: 'r1' } });
    const { runId } = outcome;
    expect(await claim()).toBe(runId);
    // Somebody has gone on with the one that was broken, or with another one, and left something again.
    for (const other of ['r1', 'r3']) {
      await lies(other);
      expect(error(await resumed(runId, directory, { yaml }))).toMatchObject({
        ...{ kind: 'refused', code: 'run-unfinished' },
        next: expect.arrayContaining([expect.stringContaining(`-e break_lock=${other}`)]),
      });
      expect(await claim()).toBe(other);
    }
    const wrong = await resumed(runId, directory, { yaml, extraVars: { break_lock: 'r1' } });
    expect(error(wrong)).toMatchObject({ kind: 'refused', code: 'break-wrong-run' });
    expect(await claim()).toBe('r3');
    await writeFile(join(directory, 'mended'), '');
    const right = await resumed(runId, directory, { yaml, extraVars: { break_lock: 'r3' } });
    expect(right.outcome.status).toBe('ok');
  });

  it('looks again at what was only looked at since its last change', async () => {
    const yaml = `
- hosts: one
  tasks:
    - { name: look early, fs.stat: { path: DIR/mended }, register: early }
    - { name: change, core.shell: ${log('change')} }
    - { name: look late, fs.stat: { path: DIR/mended }, register: late }
    - { name: refuse, core.assert: { that: late.exists } }
    - { core.debug: { msg: "{{ early.exists }} {{ late.exists }}" } }
`;
    const { second, log: lines } = await failAndResume(yaml);
    expect(second.results[0]).toBe('one: look late: ok');
    expect(second.messages.at(-1)).toBe('false true');
    expect(await lines()).toEqual(['change']);
  });

  it('starts from its beginning when it had changed nothing', async () => {
    const { second } = await failAndResume(`
- hosts: one
  tasks:
    - { name: look, fs.stat: { path: DIR/mended }, register: seen }
    - { name: refuse, core.assert: { that: seen.exists } }
`);
    expect(second.results).toEqual(['one: look: ok', 'one: refuse: ok']);
  });

  it('does only the items of a loop that were not done', async () => {
    const { second, log: lines } = await failAndResume(`
- hosts: one
  tasks:
    - name: items
      core.shell: { script: "test {{ item }} != b || test -e DIR/mended && echo {{ item }} >> DIR/log" }
      loop: [a, b, c]
`);
    expect(second.outcome.status).toBe('ok');
    expect((await lines()).toSorted()).toEqual(['a', 'b', 'c']);
  });

  it('does a change again that failed_when judged as failed, and none that was done well', async () => {
    const { second, log: lines } = await failAndResume(`
- hosts: one
  tasks:
    - name: items
      core.shell: { script: "echo {{ item }} >> DIR/log; test {{ item }} != b || test -e DIR/mended || echo bad" }
      loop: [a, b, c]
      failed_when: result.stdout == "bad"
`);
    expect(second.outcome.status).toBe('ok');
    expect(await lines()).toEqual(['a', 'b', 'c', 'b']);
  });

  it('comes to an end when what failed_when looks at has been put in order', async () => {
    const yaml = `
- hosts: one
  tasks:
    - { name: first, core.shell: ${log('first')} }
    - name: state
      core.shell: { script: "cat DIR/ready 2>/dev/null || echo bad" }
      failed_when: result.stdout != "good"
`;
    const { second, log: lines } = await failAndResume(yaml, {
      mend: (place) => writeFile(join(place, 'ready'), 'good'),
    });
    expect(second.results).toEqual(['one: state: changed']);
    expect(await lines()).toEqual(['first']);
  });

  it('does the item again that failed_when judged as failed, of a no_log task, too', async () => {
    const { second, log: lines } = await failAndResume(`
- hosts: one
  tasks:
    - name: items
      core.shell: { script: "echo {{ item }} >> DIR/log; test {{ item }} != b || test -e DIR/mended || echo bad" }
      loop: [a, b, c]
      no_log: true
      failed_when: item == "b" && result.stdout == "bad"
`);
    expect(second.outcome.status).toBe('ok');
    expect(await lines()).toEqual(['a', 'b', 'c', 'b']);
  });

  it('does not make a change again whose exit code failed_when accepts: it was made, and one undo takes it back', async () => {
    const yaml = `
- hosts: one
  tasks:
    - name: items
      core.shell:
        script: "echo {{ item }} >> DIR/log; test {{ item }} = a && exit 3; test -e DIR/mended"
        undo: "echo undo {{ item }} >> DIR/log"
      loop: [a, b]
      failed_when: "!(result.rc in [0, 3])"
`;
    const { first, second, log: lines } = await failAndResume(yaml);
    expect(first.results).toEqual(['one: items: failed']);
    expect(second.outcome.status).toBe('ok');
    expect(await lines()).toEqual(['a', 'b', 'b']);
    const run = await readRun(second.outcome.runId);
    expect(run.changes.map(({ ended }) => ended)).toEqual(['done', 'failed', 'done']);
  });

  it.each(['no_log: true', 'vars: { api_token: a-secret-word }'])(
    'does not judge an item again by what no journal has (%s)',
    async (hides) => {
      const { second, log: lines } = await failAndResume(`
- hosts: one
  tasks:
    - name: items
      core.shell: { script: "echo {{ item }} >> DIR/log; echo a-secret-word; test {{ item }} = a || test -e DIR/mended" }
      loop: [a, b]
      register: made
      failed_when: result.rc != 0 && result.stdout != ""
      changed_when: result.stdout == "a-secret-word"
      ${hides}
    - { name: hangs on it, core.shell: ${log('hangs')}, when: "made.results[0].changed" }
`);
      expect(second.outcome.error).toBeUndefined();
      expect(second.results).toEqual(['one: items: changed', 'one: hangs on it: changed']);
      expect(await lines()).toEqual(['a', 'b', 'b', 'hangs']);
    },
  );

  it('tries again from the first try what "until" never found true', async () => {
    const { second, log: lines } = await failAndResume(`
- hosts: one
  tasks:
    - name: tried
      core.shell: { script: "echo try >> DIR/log; cat DIR/mended && echo good || echo bad" }
      until: result.stdout == "good"
      retries: 1
      delay: 0
`);
    expect(second.outcome.status).toBe('ok');
    expect(await lines()).toEqual(['try', 'try', 'try']);
  });

  it('does not make a change again whose task failed for another reason', async () => {
    const { second, log: lines } = await failAndResume(
      `
- hosts: one
  tasks:
    - name: made
      core.shell: ${log('made')}
      changed_when: result.nothing == 1
`,
      {
        yaml: `
- hosts: one
  tasks:
    - name: made
      core.shell: ${log('made')}
      changed_when: result.rc == 0
`,
      },
    );
    expect(second.results).toEqual(['one: made: changed']);
    expect(await lines()).toEqual(['made']);
    expect(second.events[0]).toMatchObject({ type: 'run.started', doneBefore: 0, changesBefore: 1 });
  });

  const LOOP = `
- hosts: one
  tasks:
    - name: items
      core.shell: { script: "test {{ item }} != c || test -e DIR/mended && echo {{ item }} >> DIR/log" }
      loop: [a, b, c]
`;

  it('knows the items of a loop again in a list that was edited: none is left out, none is done twice', async () => {
    const { second, log: lines } = await failAndResume(LOOP, { yaml: LOOP.replace('[a', '[x, a') });
    expect(second.outcome.status).toBe('ok');
    expect(await lines()).toEqual(['a', 'b', 'x', 'c']);
  });

  it('knows them again also when the list was edited more than once', async () => {
    const directory = await newDirectory();
    const { outcome } = await play(LOOP, { directory });
    await resumed(outcome.runId, directory, { yaml: LOOP.replace('[a', '[x, a') });
    await writeFile(join(directory, 'mended'), '');
    const third = await resumed(outcome.runId, directory, { yaml: LOOP.replace('[a', '[a, a, x') });
    expect(third.outcome.status).toBe('ok');
    const lines = (await readFile(join(directory, 'log'), 'utf8')).trim().split('\n');
    expect(lines).toEqual(['a', 'b', 'x', 'a', 'c']);
  });

  it('does an item again that was judged as failed where it now stands', async () => {
    const judged = `
- hosts: one
  tasks:
    - name: items
      core.shell: { script: "echo {{ item }} >> DIR/log; test {{ item }} != c || test -e DIR/mended || echo bad" }
      loop: [a, b, c]
      failed_when: result.stdout == "bad"
`;
    const { second, log: lines } = await failAndResume(judged, { yaml: judged.replace('[a', '[x, a') });
    expect(second.outcome.status).toBe('ok');
    expect(await lines()).toEqual(['a', 'b', 'c', 'x', 'c']);
  });

  it('knows an item again by what its task makes of it, where it was read anew and differs', async () => {
    const read = `
- hosts: one
  tasks:
    - name: items
      core.shell: { script: "test {{ item.name }} != c || test -e DIR/mended && echo {{ item.name }} >> DIR/log" }
      loop: [{ name: a, lag: 1 }, { name: c, lag: 2 }]
`;
    const { second, log: lines } = await failAndResume(read, { yaml: read.replace('lag: 1', 'lag: 7') });
    expect(second.outcome.status).toBe('ok');
    expect(await lines()).toEqual(['a', 'c']);
  });

  it('does not take an item for another one that differs from it only in its environment', async () => {
    const read = `
- hosts: one
  tasks:
    - name: items
      core.shell: { script: "test $NAME != c || test -e DIR/mended && echo $NAME >> DIR/log" }
      environment: { NAME: "{{ item }}" }
      loop: [a, c]
`;
    const { log: lines } = await failAndResume(read, { yaml: read.replace('[a', '[x, a') });
    expect(await lines()).toEqual(['a', 'x', 'c']);
  });

  it('knows items by their places where they are secrets, which are in no journal', async () => {
    const secret = `
- hosts: one
  tasks:
    - name: items
      core.shell: { script: "echo $TOKEN | tail -c 2 >> DIR/log; echo $TOKEN | grep -q A || test -e DIR/mended" }
      environment: { TOKEN: "{{ item.token }}" }
      loop: [{ token: very-secret-A }, { token: very-secret-B }]
`;
    const { second, log: lines } = await failAndResume(secret);
    expect(second.outcome.status).toBe('ok');
    expect(await lines()).toEqual(['A', 'B', 'B']);
    expect(JSON.stringify((await readRun(second.outcome.runId)).records)).not.toContain('very-secret');
  });

  it('does a secret item that failed, also where a later one was done', async () => {
    const secret = `
- hosts: one
  tasks:
    - name: items
      core.shell: { script: "echo $TOKEN | tail -c 2 >> DIR/log; echo $TOKEN | grep -q B && ! test -e DIR/mended && exit 1; true" }
      environment: { TOKEN: "{{ item.token }}" }
      loop: [{ token: very-secret-A }, { token: very-secret-B }, { token: very-secret-C }]
`;
    const { second, log: lines } = await failAndResume(secret);
    expect(second.outcome.status).toBe('ok');
    expect(await lines()).toEqual(['A', 'B', 'C', 'B']);
  });

  it('goes on with each host where it stood', async () => {
    const { second, log: lines } = await failAndResume(`
- hosts: pair
  tasks:
    - { name: all, core.shell: { script: "echo all {{ inventory_hostname }} >> DIR/log" } }
    - { name: some, core.shell: { script: "test {{ inventory_hostname }} = one || test -e DIR/mended" } }
    - { name: last, core.shell: { script: "echo last {{ inventory_hostname }} >> DIR/log" } }
`);
    expect(second.results).toEqual(['two: some: changed', 'two: last: changed']);
    expect((await lines()).toSorted()).toEqual(['all one', 'all two', 'last one', 'last two']);
  });

  it('runs handlers that were notified and had not run, and not those that had', async () => {
    const { second, log: lines } = await failAndResume(`
- hosts: one
  handlers:
    - { name: early, core.shell: ${log('early')} }
    - { name: late, core.shell: ${log('late')} }
  tasks:
    - { core.shell: "true", notify: early }
    - { meta: flush_handlers }
    - { core.shell: "true", notify: late }
    - { name: fails, core.shell: ${FAILS_UNTIL_MENDED} }
`);
    expect(second.outcome.status).toBe('ok');
    expect(await lines()).toEqual(['early', 'late']);
  });

  it('runs the handlers that items of a loop had notified', async () => {
    const { second, log: lines } = await failAndResume(`
- hosts: one
  handlers:
    - { name: of a, core.shell: ${log('a')} }
    - { name: of b, core.shell: ${log('b')} }
    - { name: of c, core.shell: ${log('c')} }
  tasks:
    - { core.shell: "true", loop: [a, b, c], changed_when: item != "b", notify: "of {{ item }}" }
    - { name: fails, core.shell: ${FAILS_UNTIL_MENDED} }
`);
    expect(second.outcome.status).toBe('ok');
    expect(await lines()).toEqual(['a', 'c']);
  });

  it.each(['no_log: true', 'vars: { api_token: a-secret-word }'])(
    'runs the handlers that items had notified that no journal has (%s)',
    async (hides) => {
      const { second, log: lines } = await failAndResume(`
- hosts: one
  handlers:
    - { name: of a, core.shell: ${log('a')} }
    - { name: of b, core.shell: ${log('b')} }
    - { name: any c, listen: of c, core.shell: ${log('c')} }
    - { name: all, core.shell: ${log('all')} }
  tasks:
    - core.shell: "true"
      loop: [{ name: a, key: a-secret-word }, { name: b, key: x }, { name: c, key: y }]
      changed_when: item.name != "b"
      notify: ["of {{ item.name }}", all]
      ${hides}
    - { name: fails, core.shell: ${FAILS_UNTIL_MENDED} }
`);
      expect(second.outcome.error).toBeUndefined();
      expect(await lines()).toEqual(['a', 'c', 'all']);
    },
  );

  it('refuses where an older journal does not say which handlers those were', async () => {
    const yaml = `
- hosts: one
  handlers:
    - { name: of a, core.shell: ${log('a')} }
  tasks:
    - { name: items, core.shell: "true", loop: [a], notify: "of {{ item }}", no_log: true }
    - { name: fails, core.shell: ${FAILS_UNTIL_MENDED} }
`;
    const directory = await newDirectory();
    const { outcome } = await play(yaml, { directory });
    await writeFile(join(directory, 'mended'), '');
    const { path } = await readRun(outcome.runId);
    const text = await readFile(path, 'utf8');
    await writeFile(path, text.replace(/,"notified":\["of a"\]/, ''));
    const second = await resumed(outcome.runId, directory, { yaml });
    expect(second.outcome.error).toMatchObject({ code: 'secret-of-a-result', task: 'items', host: 'one' });
  });

  it('runs the handlers of a no_log loop of which an older journal has no items', async () => {
    const yaml = `
- hosts: one
  handlers:
    - { name: handler, core.shell: ${log('handled')} }
  tasks:
    - { core.shell: "true", loop: [handler, handler], no_log: true, notify: NAMED }
    - { name: fails, core.shell: ${FAILS_UNTIL_MENDED} }
`;
    const goOn = async (named: string) => {
      const text = yaml.replace('NAMED', named);
      const directory = await newDirectory();
      const { outcome } = await play(text, { directory });
      expect(outcome.status).toBe('failed');
      await rewrite(outcome.runId, (line) => {
        const record = JSON.parse(line);
        const isLoop = record.type === 'task.result' && Array.isArray(record.result.results);
        const { notified: _, ...older } = record;
        return isLoop ? JSON.stringify({ ...older, result: { censored: '********' } }) : line;
      });
      await writeFile(join(directory, 'mended'), '');
      return resumed(outcome.runId, directory, { yaml: text });
    };
    expect((await goOn('handler')).results).toEqual(['one: fails: changed', 'one: handler: changed']);
    // Which of them were called for nobody knows any more: none is left out in silence.
    const { results, outcome } = await goOn('"{{ item }}"');
    expect(results).toEqual([]);
    expect(outcome.error).toMatchObject({ host: 'one', task: 'core.shell', code: 'secret-of-a-result' });
  });

  it('does not go through a rescue twice, and cleans up again after what comes then', async () => {
    const { second, log: lines } = await failAndResume(`
- hosts: one
  tasks:
    - block:
        - { name: broken, core.shell: "false" }
      rescue:
        - { name: rescue, core.shell: ${log('rescued')} }
    - block:
        - { name: fails, core.shell: ${FAILS_UNTIL_MENDED} }
      always:
        - { name: clean, core.shell: ${log('cleaned')} }
`);
    expect(second.outcome.status).toBe('ok');
    expect(await lines()).toEqual(['rescued', 'cleaned', 'cleaned']);
  });

  it('can fail and be resumed again', async () => {
    const yaml = `
- hosts: one
  tasks:
    - { name: a, core.shell: ${log('a')} }
    - { name: b, core.shell: ${FAILS_UNTIL_MENDED} }
    - { name: c, core.shell: ${log('c')} }
    - { name: d, core.shell: { script: "test -e DIR/mended2" } }
    - { name: e, core.shell: ${log('e')} }
`;
    const { second, log: lines } = await failAndResume(yaml);
    expect(second.outcome.status).toBe('failed');
    await writeFile(join(second.directory, 'mended2'), '');
    const third = await resumed(second.outcome.runId, second.directory, { yaml });
    expect(third.results).toEqual(['one: d: changed', 'one: e: changed']);
    expect(await lines()).toEqual(['a', 'c', 'e']);
  });

  it('keeps what an earlier resume was given', async () => {
    const yaml = `
- hosts: one
  vars: { colour: none }
  tasks:
    - { name: a, core.shell: "test {{ colour }} = blue" }
    - { name: b, core.shell: ${FAILS_UNTIL_MENDED} }
    - { core.debug: "{{ colour }}" }
`;
    const directory = await newDirectory();
    const { outcome } = await play(yaml, { directory });
    await resumed(outcome.runId, directory, { yaml, extraVars: { colour: 'blue' } });
    await writeFile(join(directory, 'mended'), '');
    const third = await resumed(outcome.runId, directory, { yaml });
    expect(third.messages).toEqual(['blue']);
  });

  it('does again what was taken back', async () => {
    const yaml = `
- hosts: one
  tasks:
    - { fs.copy: { dest: DIR/one, content: "1" } }
    - { fs.copy: { dest: DIR/two, content: "2" } }
    - { name: fails, core.shell: ${FAILS_UNTIL_MENDED} }
`;
    const directory = await newDirectory();
    const { outcome } = await play(yaml, { directory });
    await undoRun({
      plan: await planUndo(await readStory(outcome.runId), { from: 2, keep: [3] }),
      again: '',
      inventories: [],
      extraVars: {},
      signal: new AbortController().signal,
      report: () => {},
    });
    await expect(readFile(join(directory, 'two'), 'utf8')).rejects.toThrow();
    await writeFile(join(directory, 'mended'), '');
    const second = await resumed(outcome.runId, directory, { yaml });
    expect(second.outcome.status).toBe('ok');
    expect(await readFile(join(directory, 'two'), 'utf8')).toBe('2');
    expect(second.results).toHaveLength(2);
  });

  it('does again what was taken back of it since it ended well, once', async () => {
    const yaml = `
- hosts: one
  tasks:
    - { fs.copy: { dest: DIR/one, content: "1" } }
    - { fs.copy: { dest: DIR/two, content: "2" } }
`;
    const directory = await newDirectory();
    const { outcome } = await play(yaml, { directory });
    const undo = async (wish: UndoWish) =>
      undoRun({
        plan: await planUndo(await readStory(outcome.runId), wish),
        ...{ again: '', inventories: [], extraVars: {}, report: () => {} },
        signal: new AbortController().signal,
      });
    const ways = async () =>
      waysOn(await planUndo(await readStory(outcome.runId)), 'it').map(({ command }) => command);
    const nothing = { kind: 'refused', code: 'nothing-to-resume' };
    expect(await ways()).not.toContain('pitr resume it');
    await undo({ from: 2 });
    expect(await ways()).toContain('pitr resume it');
    const second = await resumed(outcome.runId, directory, { yaml });
    expect(second.outcome.status).toBe('ok');
    expect(second.results).toHaveLength(1);
    expect(await readFile(join(directory, 'two'), 'utf8')).toBe('2');
    await expect(resumed(outcome.runId, directory, { yaml })).rejects.toMatchObject(nothing);
    expect(await ways()).not.toContain('pitr resume it');

    await writeFile(join(directory, 'two'), 'mine');
    await expect(undo({})).rejects.toMatchObject({ kind: 'refused', code: 'changed-since' });
    await expect(resumed(outcome.runId, directory, { yaml })).rejects.toMatchObject(nothing);
  });

  it('does again what an undo had begun to take back, before what was built on it', async () => {
    const yaml = `
- hosts: one
  tasks:
    - name: stop the server
      core.shell: { script: "touch DIR/stopped", undo: "rm -f DIR/stopped; false" }
    - name: move its data
      core.shell: { script: "test -e DIR/stopped && echo moved >> DIR/log; test -e DIR/mended", undo: "true" }
`;
    const directory = await newDirectory();
    const { outcome } = await play(yaml, { directory });
    const undone = await undoRun({
      plan: await planUndo(await readStory(outcome.runId)),
      again: '',
      inventories: [],
      extraVars: {},
      signal: new AbortController().signal,
      report: () => {},
    });
    expect(undone.status).toBe('failed');
    expect((await planUndo(await readStory(outcome.runId))).steps.map(({ intent }) => intent.number)).toEqual(
      [1],
    );
    await writeFile(join(directory, 'mended'), '');
    const second = await resumed(outcome.runId, directory, { yaml });
    expect(second.results).toEqual(['one: stop the server: changed', 'one: move its data: changed']);
    expect(await readFile(join(directory, 'log'), 'utf8')).toBe('moved\nmoved\n');
  });

  it('changes nothing with --check, and says what is still to be done', async () => {
    const { second, log: lines } = await failAndResume(
      `
- hosts: one
  tasks:
    - { name: first, core.shell: ${log('first')} }
    - { name: second, core.shell: ${FAILS_UNTIL_MENDED} }
    - { name: third, core.shell: ${log('third')} }
`,
      { mode: 'check' },
    );
    expect(second.results).toEqual(['one: second: changed', 'one: third: changed']);
    expect(await lines()).toEqual(['first']);
    expect(runStatus(await readRun(second.outcome.runId))).toBe('failed');
  });

  it('knows with --check that what was done before has not failed, whatever of its result is masked', async () => {
    const { second } = await failAndResume(
      `
- hosts: one
  vars: { api_token: a-secret-word }
  tasks:
    - { core.shell: { script: "echo {{ api_token }}" }, register: made }
    - { name: fails, core.shell: ${FAILS_UNTIL_MENDED} }
    - { name: hangs on it, core.shell: ${log('hangs')}, when: "!made.failed" }
`,
      { mode: 'check' },
    );
    expect(second.results).toEqual(['one: fails: changed', 'one: hangs on it: changed']);
  });

  it('tells with --check the handlers and tasks that hang on what was changed before', async () => {
    const yaml = `
- hosts: one
  tasks:
    - name: items
      fs.copy: { content: "x", dest: "DIR/{{ item }}" }
      loop: [a, sub/b]
      register: made
      notify: handler
    - { name: hangs on it, core.shell: ${log('hangs')}, when: made.changed }
  handlers:
    - { name: handler, core.shell: ${log('handler')} }
`;
    const directory = await newDirectory();
    const { outcome } = await play(yaml, { directory });
    expect(outcome.status).toBe('failed');
    await mkdir(join(directory, 'sub'));
    await writeFile(join(directory, 'sub/b'), 'x');
    const checked = await resumed(outcome.runId, directory, { yaml, mode: 'check' });
    expect(checked.results).toEqual(['one: items: ok', 'one: hangs on it: changed', 'one: handler: changed']);
    const done = await resumed(outcome.runId, directory, { yaml });
    expect(done.results).toEqual([
      'one: items: changed',
      'one: hangs on it: changed',
      'one: handler: changed',
    ]);
  });
});

describe('resuming is refused', () => {
  const YAML = `
- hosts: one
  tasks:
    - { name: first, core.shell: ${log('first')} }
    - { name: second, core.shell: ${FAILS_UNTIL_MENDED} }
`;

  it('when the run has ended well', async () => {
    const { second } = await failAndResume(YAML);
    await expect(resumed(second.outcome.runId, second.directory, { yaml: YAML })).rejects.toMatchObject({
      kind: 'refused',
      code: 'nothing-to-resume',
    });
  });

  it('when what was done is written differently now; what was not done may be', async () => {
    const later = YAML.replace('name: second, core.shell', 'name: better, core.command: "true" } #');
    const { second } = await failAndResume(YAML, { yaml: later });
    expect(second.results).toEqual(['one: better: changed']);
    const other = YAML.replace(/core\.shell: .*first.*/, 'core.debug: { msg: other } }');
    await expect(failAndResume(YAML, { yaml: other })).rejects.toMatchObject({
      kind: 'refused',
      code: 'playbook-changed',
      message: expect.stringContaining('"first", was core.shell and is core.debug'),
    });
  });

  it('for a task that needs a secret which a change had given: its mask is never taken for it', async () => {
    const yaml = `
- hosts: one
  tasks:
    - core.shell: { script: "echo {{ api_token }}; echo {{ api_token }} >> DIR/made" }
      register: made
    - core.shell: "test -e DIR/mended"
    - core.assert: { that: "made.rc == 0" }
    - { name: use it, fs.copy: { dest: DIR/out, content: "{{ made.stdout }}" } }
`;
    const extraVars = { api_token: 'very-secret-token' };
    const directory = await newDirectory();
    const first = await play(yaml, { directory, extraVars });
    await writeFile(join(directory, 'mended'), '');
    const second = await resumed(first.outcome.runId, directory, { yaml, extraVars });
    expect(second.outcome.error).toMatchObject({ code: 'secret-of-a-result', task: 'use it', host: 'one' });
    await expect(readFile(join(directory, 'out'))).rejects.toThrow('ENOENT');
    expect((await readFile(join(directory, 'made'), 'utf8')).trim().split('\n')).toHaveLength(1);
  });

  it('for a task whose failed_when needs such a secret: that nobody knows is no success', async () => {
    const yaml = `
- hosts: one
  tasks:
    - core.shell: { script: "echo {{ api_token }}" }
      register: made
    - core.shell: "test -e DIR/mended"
    - { name: judged, core.command: "true", failed_when: made.stdout != "other" }
`;
    const extraVars = { api_token: 'very-secret-token' };
    const directory = await newDirectory();
    const first = await play(yaml, { directory, extraVars });
    await writeFile(join(directory, 'mended'), '');
    const second = await resumed(first.outcome.runId, directory, { yaml, extraVars });
    expect(second.outcome.error).toMatchObject({ code: 'secret-of-a-result', task: 'judged', host: 'one' });
  });

  it('for a task that needs the result of a no_log change, which is not taken for empty', async () => {
    const { second } = await failAndResume(`
- hosts: one
  tasks:
    - { core.command: [echo, word], no_log: true, register: made }
    - { core.shell: ${FAILS_UNTIL_MENDED} }
    - { name: use it, fs.copy: { dest: DIR/out, content: "it said {{ default made.stdout 'nothing' }}" } }
`);
    expect(second.outcome.error).toMatchObject({ code: 'secret-of-a-result', task: 'use it', host: 'one' });
  });

  it('while a secret that the run was given is missing', async () => {
    const directory = await newDirectory();
    const extraVars = { api_token: 'very-secret' };
    const { outcome } = await play(YAML, { directory, extraVars });
    await writeFile(join(directory, 'mended'), '');
    await expect(resumed(outcome.runId, directory, { yaml: YAML })).rejects.toMatchObject({
      code: 'secret-not-in-journal',
      next: ['Give it again: -e api_token=...'],
    });
    expect((await resumed(outcome.runId, directory, { yaml: YAML, extraVars })).outcome.status).toBe('ok');
  });
});

async function rewrite(runId: string, line: (line: string) => string): Promise<void> {
  const { path } = await readRun(runId);
  const lines = (await readFile(path, 'utf8')).split('\n');
  await writeFile(path, lines.map((one) => (one === '' ? one : line(one))).join('\n'));
}

/** As if the controller had died just after it wrote this record. */
async function dieAfter(
  runId: string,
  isLast: (record: { readonly type: string; readonly number?: number }) => boolean,
): Promise<void> {
  const { path } = await readRun(runId);
  const lines = (await readFile(path, 'utf8')).split('\n');
  const kept = lines.slice(0, lines.findIndex((line) => line !== '' && isLast(JSON.parse(line))) + 1);
  await writeFile(path, `${kept.join('\n').replace(/"process":"[^"]*"/, '"process":"gone"')}\n`);
}

describe('a run whose controller was killed', () => {
  it('is gone on with: its orphan is ended, and what it was doing is done', async () => {
    const directory = await newDirectory();
    keepRunsIn(join(directory, 'state'));
    await writeFile(
      join(directory, 'inventory.yml'),
      'all: { hosts: { one: { ansible_connection: local } } }\n',
    );
    const yaml = `
- hosts: one
  tasks:
    - fs.copy: { dest: DIR/made, content: whole }
    - name: slow
      core.shell: { script: "echo $$ >> DIR/pids; test -e DIR/mended || sleep 300" }
    - fs.copy: { dest: DIR/last, content: last }
`;
    await writeFile(join(directory, 'play.yml'), yaml.replaceAll('DIR', directory));
    const controller = spawn(
      process.execPath,
      ['--import', TSX, join(checkout, 'cli/main.ts'), 'play', 'play.yml'],
      { cwd: directory, stdio: 'ignore' },
    );
    const pid = await until(() => readFile(join(directory, 'pids'), 'utf8').catch(() => ''), {
      everyMs: 50,
      deadlineMs: 60_000,
      done: (text) => text.endsWith('\n'),
      late: (text, deadlineMs) =>
        deadlinePassed({ what: 'the slow command to run', deadlineMs, lastSeen: text }),
    });
    controller.kill('SIGKILL');
    await once(controller, 'exit');
    expect(processMark(Number(pid))).toBeDefined();

    const [runId = ''] = await listRuns();
    await writeFile(join(directory, 'mended'), '');
    const second = await resumed(runId, directory, { yaml });
    expect(second.outcome.status).toBe('ok');
    expect(second.results).toHaveLength(2);
    expect(processMark(Number(pid)) ?? 'gone').toMatch(/^gone$|:ended$/);
    expect(second.events).toContainEqual(
      expect.objectContaining({ type: 'warning', text: expect.stringContaining('left at work') }),
    );
  }, 90_000);

  it('between a change and the word that it was made: what hangs on it is done', async () => {
    const yaml = `
- hosts: one
  tasks:
    - name: items
      fs.copy: { content: "x", dest: "DIR/{{ item }}" }
      loop: [a, b]
      register: made
      notify: handler
    - { name: hangs on it, core.shell: ${log('hangs')}, when: "made.results[1].changed" }
  handlers:
    - { name: handler, core.shell: ${log('handler')} }
`;
    const directory = await newDirectory();
    const { outcome } = await play(yaml, { directory });
    await dieAfter(outcome.runId, ({ type, number }) => type === 'change.intended' && number === 2);
    const checked = await resumed(outcome.runId, directory, { yaml, mode: 'check' });
    expect(checked.results).toEqual(['one: items: ok', 'one: hangs on it: changed', 'one: handler: changed']);
    const done = await resumed(outcome.runId, directory, { yaml });
    expect(done.results).toEqual([
      'one: items: changed',
      'one: hangs on it: changed',
      'one: handler: changed',
    ]);
  });

  it.each(['true', '"!result.changed"'])(
    'between them, where the task is tried until %s: a check tells that it is made',
    async (condition) => {
      const yaml = `
- hosts: one
  tasks:
    - { name: made, fs.copy: { content: "x", dest: DIR/a }, until: ${condition}, delay: 0, notify: handler }
  handlers:
    - { name: handler, core.shell: ${log('handler')} }
`;
      const directory = await newDirectory();
      const { outcome } = await play(yaml, { directory });
      await dieAfter(outcome.runId, ({ type, number }) => type === 'change.intended' && number === 1);
      const checked = await resumed(outcome.runId, directory, { yaml, mode: 'check' });
      expect(checked.results).toEqual(['one: made: ok', 'one: handler: changed']);
      const done = await resumed(outcome.runId, directory, { yaml });
      expect(done.results).toEqual(['one: made: changed', 'one: handler: changed']);
    },
  );

  it.each([
    ['when', 'when: "!there.exists"'],
    ['a loop whose when', 'when: "!there.exists", loop: [a, b]'],
    ['creates', 'CREATES'],
  ])('warns of a change that was broken off, and that is left as it is: %s', async (_, guard) => {
    const yaml = `
- hosts: one
  tasks:
    - { name: before, core.shell: ${log('before')} }
    - { fs.stat: { path: DIR/out }, register: there }
    - { name: half, core.shell: { script: "mkdir DIR/out", undo: "rmdir DIR/out"CREATES }, REST }
    - { name: last, core.shell: ${log('last')} }
`
      .replace('CREATES', guard === 'CREATES' ? ', creates: DIR/out' : '')
      .replace('REST', guard === 'CREATES' ? 'tags: [any]' : guard);
    const directory = await newDirectory();
    const { outcome } = await play(yaml, { directory });
    await dieAfter(outcome.runId, ({ type, number }) => type === 'change.intended' && number === 2);
    const warned = ({ events }: Played) =>
      events.flatMap((event) => (event.type === 'warning' ? [`${event.host}: ${event.text}`] : []));
    const saysSo = [
      'one: left as it is, although a change that the run began on one did not come to its end: run the script: mkdir ' +
        `${directory}/out. Where it is not whole, take it back, then go on: pitr undo ${outcome.runId} --from 2`,
    ];
    expect(warned(await resumed(outcome.runId, directory, { yaml, mode: 'check' }))).toEqual(saysSo);
    const second = await resumed(outcome.runId, directory, { yaml });
    expect(second.outcome.status).toBe('ok');
    expect(warned(second)).toEqual(saysSo);
    expect(second.results.at(-1)).toBe('one: last: changed');
  });

  it('and whose change was taken back then did not change what somebody else has made since', async () => {
    const yaml = `
- hosts: one
  tasks:
    - { name: made, fs.copy: { content: "x", dest: DIR/a } }
    - { name: last, core.shell: ${log('last')} }
`;
    const directory = await newDirectory();
    const { outcome } = await play(yaml, { directory });
    await dieAfter(outcome.runId, ({ type, number }) => type === 'change.intended' && number === 1);
    const undone = await undoRun({
      plan: await planUndo(await readStory(outcome.runId)),
      again: 'pitr undo',
      inventories: [],
      extraVars: {},
      signal: new AbortController().signal,
      report: () => {},
    });
    expect(undone.status).toBe('ok');
    await writeFile(join(directory, 'a'), 'x', { mode: 0o644 });
    const second = await resumed(outcome.runId, directory, { yaml });
    expect(second.results).toEqual(['one: made: ok', 'one: last: changed']);
  });
});

describe('a task that is tried again', () => {
  it('has changed something where an earlier try has', async () => {
    const { results } = await play(`
- hosts: one
  tasks:
    - name: made
      fs.copy: { content: "x", dest: DIR/a }
      until: "!result.changed"
      delay: 0
      notify: handler
    - name: of which its author says otherwise
      fs.copy: { content: "x", dest: DIR/b }
      until: "!result.changed"
      delay: 0
      changed_when: false
  handlers:
    - { name: handler, core.shell: ${log('handler')} }
`);
    expect(results).toEqual([
      'one: made: changed',
      'one: of which its author says otherwise: ok',
      'one: handler: changed',
    ]);
  });
});
