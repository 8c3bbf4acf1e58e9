import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { PitrError } from '../../lib/base/errors/pitr-error.ts';
import type { PitrEvent } from '../../lib/engine/events/events.ts';
import { readRun } from '../../lib/engine/journal/read.ts';
import { newDirectory, type Played, play } from './support.ts';

describe('tasks', () => {
  it('run in order on every host, and conditions choose per host', async () => {
    const { results, outcome } = await play(`
- hosts: pair
  tasks:
    - name: everywhere
      core.command: "true"
    - name: only on two
      core.command: "true"
      when: number == 2
`);
    expect(outcome.status).toBe('ok');
    expect(results.toSorted()).toEqual([
      'one: everywhere: changed',
      'one: only on two: skipped',
      'two: everywhere: changed',
      'two: only on two: changed',
    ]);
  });

  it('register, changed_when and later templates see what a command printed', async () => {
    const { messages, results } = await play(`
- hosts: one
  tasks:
    - name: say
      command: echo hello
      register: said
      changed_when: false
    - debug: { msg: "{{ said.stdout }} from {{ inventory_hostname }}, rc {{ said.rc }}" }
`);
    expect(messages).toEqual(['hello from one, rc 0']);
    expect(results[0]).toBe('one: say: ok');
  });

  it('all conditions of a failed_when have to hold, as of any list; an empty list says nothing', async () => {
    const { results, outcome } = await play(`
- hosts: one
  tasks:
    - { name: allowed, command: sh -c 'exit 3', register: r, failed_when: [r.rc != 0, r.rc != 3] }
    - { name: empty, command: "true", failed_when: [], changed_when: [] }
    - { name: fails, command: sh -c 'exit 4', register: r, failed_when: [r.rc != 0, r.rc != 3] }
`);
    expect(results).toEqual(['one: allowed: changed', 'one: empty: changed', 'one: fails: failed']);
    expect(outcome.error).toMatchObject({
      code: 'failed-when',
      message: '"failed_when" is true: r.rc != 0 && r.rc != 3',
    });
  });

  it('a command that a signal ended has the exit code that a shell gives it, so no condition on it lets it pass', async () => {
    const { results } = await play(`
- hosts: one
  tasks:
    - { name: killed, shell: 'kill -9 $$', register: r, failed_when: r.rc > 1, ignore_errors: r.rc == 137 }
    - { name: meant, shell: 'kill -15 $$', register: r, failed_when: r.rc != 143 }
`);
    expect(results).toEqual(['one: killed: failed', 'one: meant: changed']);
  });

  it('failed_when is not asked of a command that did not end in time', async () => {
    const { results, outcome } = await play(`
- hosts: one
  tasks:
    - { name: late, command: { cmd: sleep 60, timeout: 300 ms }, register: r, failed_when: r.rc == 1 }
`);
    expect(results).toEqual(['one: late: failed']);
    expect(outcome.error).toMatchObject({ code: 'command-timed-out' });
    const { records } = await readRun(outcome.runId);
    expect(records.map(({ type }) => type)).not.toContain('change.done');
  });

  it('until: true tries again while the task fails', async () => {
    const { results } = await play(`
- hosts: one
  tasks:
    - { name: second time, shell: "test -e DIR/there || { touch DIR/there; false; }", until: true, retries: 1, delay: 0 }
`);
    expect(results).toEqual(['one: second time: changed']);
  });

  it("facts of somebody else's module are variables of later tasks", async () => {
    const directory = await newDirectory();
    await mkdir(join(directory, 'modules', 'site'), { recursive: true });
    await writeFile(
      join(directory, 'modules', 'site', 'where.mjs'),
      `export const module = ({ z, defineControl }) => defineControl({
        summary: 's', examples: 'e', params: z.strictObject({}), run: async () => ({ facts: { region: 'north' } }),
      });`,
    );
    const yaml = `
- hosts: one
  tasks:
    - site.where: {}
    - core.debug: "{{ region }}"
`;
    const { outcome, messages } = await play(yaml, { directory });
    expect([outcome.error, messages]).toEqual([undefined, ['north']]);
  });

  it('params that variables fill know the variables of a delegated task, and else those of the host that does it', async () => {
    const directory = await newDirectory();
    await mkdir(join(directory, 'modules', 'site'), { recursive: true });
    await writeFile(
      join(directory, 'modules', 'site', 'sees.mjs'),
      `export const module = ({ z, defineLook }) => defineLook({
        summary: 's', examples: 'e', returns: { text: 't' },
        params: z.strictObject({
          place: z.string().meta({ variable: 'place' }),
          number: z.coerce.string().meta({ variable: 'number' }),
        }),
        read: async (_, { place, number }) => ({ text: place + ' ' + number }),
      });`,
    );
    const { outcome, messages } = await play(
      `
- hosts: one
  vars: { place: "play {{ number }}", own: "{{ inventory_hostname }}" }
  tasks:
    - { site.sees: {}, delegate_to: two, register: of_play }
    - vars: { place: "outer {{ number }}" }
      block:
        - { site.sees: {}, delegate_to: two, register: of_block }
        - { site.sees: {}, delegate_to: two, register: of_task, vars: { place: "task of {{ own }}" } }
        - { site.sees: {}, delegate_to: two, register: of_loop, loop: [x], loop_control: { loop_var: place } }
        - { set_fact: { place: fact }, delegate_to: two }
        - { site.sees: {}, delegate_to: two, register: with_fact }
    - debug: "{{ of_play.text }}, {{ of_block.text }}, {{ of_task.text }}, {{ of_loop.results.0.text }}, {{ with_fact.text }}"
`,
      { directory },
    );
    expect(outcome.error).toBeUndefined();
    expect(messages).toEqual(['play 2 2, outer 1 2, task of one 2, x 2, outer 1 2']);
  });

  it('a loop gives each item its turn, and its results under register', async () => {
    const { messages } = await play(`
- hosts: one
  tasks:
    - command: { argv: [echo, "{{ item.name }}"] }
      loop: [{ name: a }, { name: b c }]
      register: all
    - debug: { msg: "{{#each all.results}}<{{stdout}}>{{/each}}" }
`);
    expect(messages).toEqual(['<a><b c>']);
  });

  it('until repeats a task until its condition holds, at most retries times', async () => {
    const { outcome, messages } = await play(`
- hosts: one
  tasks:
    - shell: echo x >> DIR/tries; wc -l < DIR/tries
      register: tries
      until: tries.stdout.trim() == "3"
      retries: 5
      delay: 0
    - debug: { msg: "{{ trim tries.stdout }}" }
`);
    expect(outcome.status).toBe('ok');
    expect(messages).toEqual(['3']);
  });

  it('a run that is stopped before the next try ends for the reason for which it was stopped', async () => {
    const stop = new AbortController();
    const lost = new PitrError({ kind: 'failed', code: 'lock-lost', message: 'somebody has taken the lock' });
    const { outcome } = await play(
      `
- hosts: one
  tasks:
    - name: never so
      shell: echo no
      register: answer
      until: answer.stdout == "yes"
      delay: 600
`,
      { signal: stop.signal, seen: ({ type }) => void (type === 'host.retry' && stop.abort(lost)) },
    );
    expect(outcome.error).toMatchObject({ code: 'lock-lost', task: 'never so' });
  });

  it('a failed task takes its host out of the play; the others go on', async () => {
    const { outcome, results } = await play(`
- hosts: pair
  tasks:
    - name: fails on one
      command: "false"
      when: number == 1
    - name: next
      command: "true"
`);
    expect(outcome.status).toBe('failed');
    expect(outcome.error).toMatchObject({
      kind: 'failed',
      host: 'one',
      task: 'fails on one',
      at: { line: 4 },
    });
    expect(results).toContain('two: next: changed');
    expect(results).not.toContain('one: next: changed');
  });

  it('any_errors_fatal ends the run: no later play starts on any host', async () => {
    const { results } = await play(`
- hosts: pair
  any_errors_fatal: true
  tasks:
    - name: fails on one
      command: "false"
      when: number == 1
    - name: never
      command: "true"
- hosts: two
  tasks:
    - name: never either
      command: "true"
`);
    expect(results.filter((line) => line.includes('never'))).toEqual([]);
  });

  it('a question that nobody will answer is refused before the first change', async () => {
    const directory = await newDirectory();
    const asking = (more: string): string => `
- hosts: one
  tasks:
    - name: changes something
      command: touch DIR/changed
    - name: asks
      confirm: Go on?
      when: ${more}
`;
    await expect(play(asking('true'), { directory, answerable: false })).rejects.toMatchObject({
      kind: 'refused',
      code: 'nobody-to-ask',
      task: 'asks',
    });
    expect(existsSync(join(directory, 'changed'))).toBe(false);
    const { outcome } = await play(asking('false'), { directory, answerable: false });
    expect(outcome.status).toBe('ok');
  });

  it('a question that is only known to come when the run is under way is refused there', async () => {
    const { outcome } = await play(
      `
- hosts: one
  tasks:
    - command: echo yes
      register: said
    - confirm: Go on?
      when: said.stdout != ""
`,
      { answerable: false },
    );
    expect(outcome.error).toMatchObject({ code: 'nobody-to-ask' });
  });

  it('ignore_errors and failed_when decide what a failure is', async () => {
    const { outcome, results } = await play(`
- hosts: one
  tasks:
    - name: ignored
      command: "false"
      ignore_errors: true
    - name: not a failure
      shell: exit 3
      register: r
      failed_when: r.rc != 3
`);
    expect(outcome.status).toBe('ok');
    expect(results).toEqual(['one: ignored: failed', 'one: not a failure: changed']);
  });

  it('run_once runs on one host, and all hosts see its result', async () => {
    const { messages, results } = await play(`
- hosts: pair
  tasks:
    - name: once
      command: echo shared
      register: shared
      run_once: true
    - debug: { msg: "{{ inventory_hostname }}: {{ shared.stdout }}" }
`);
    expect(results.filter((line) => line.includes('once'))).toHaveLength(1);
    expect(messages.toSorted()).toEqual(['one: shared', 'two: shared']);
  });

  it('hostvars reach the variables and results of other hosts', async () => {
    const { messages } = await play(`
- hosts: pair
  tasks:
    - command: echo {{ number }}
      register: own
    - debug: { msg: "{{ hostvars.two.own.stdout }}{{ lookup (lookup hostvars 'one') 'number' }}" }
      run_once: true
    - assert: { that: 'hostvars["two"].own.stdout == "2"' }
`);
    expect(messages[0]).toBe('21');
  });
});

describe('blocks', () => {
  it('rescue takes over on the hosts that failed, always runs on all', async () => {
    const { outcome, results } = await play(`
- hosts: pair
  tasks:
    - block:
        - name: fails on one
          command: "false"
          when: number == 1
      rescue:
        - name: rescued
          command: "true"
      always:
        - name: always
          command: "true"
    - name: after
      command: "true"
`);
    expect(outcome.status).toBe('ok');
    expect(results.filter((line) => /rescued|always|after/.test(line)).toSorted()).toEqual([
      'one: after: changed',
      'one: always: changed',
      'one: rescued: changed',
      'two: after: changed',
      'two: always: changed',
    ]);
    expect(outcome.recap.one).toMatchObject({ rescued: 1, failed: 0 });
  });

  it('what is rescued counts as rescued, what fails in the rescue as failed', async () => {
    const { outcome } = await play(`
- hosts: pair
  tasks:
    - block:
        - command: "false"
      rescue:
        - command: "false"
          when: number == 1
`);
    expect(outcome.recap.one).toMatchObject({ rescued: 0, failed: 2 });
    expect(outcome.recap.two).toMatchObject({ rescued: 1, failed: 0 });
  });

  it('what failed in a block, its rescue and its always counts as rescued where the block around it is', async () => {
    const { outcome } = await play(`
- hosts: one
  tasks:
    - block:
        - block:
            - core.fail: in the block
          rescue:
            - core.fail: in its rescue
          always:
            - core.fail: in its always
      rescue:
        - core.debug: rescued
    - core.fail: not rescued
`);
    expect(outcome.recap.one).toMatchObject({ rescued: 3, failed: 1 });
  });

  it('any_errors_fatal ends a block on all hosts, and only those that failed are rescued', async () => {
    const { outcome, results, events } = await play(`
- hosts: pair
  any_errors_fatal: true
  tasks:
    - block:
        - name: fails on one
          command: "false"
          when: number == 1
        - name: never
          command: "true"
      rescue:
        - name: rescued
          command: "true"
      always:
        - name: always
          command: "true"
    - name: after
      command: "true"
`);
    expect(outcome.status).toBe('ok');
    expect(results.filter((line) => /never|rescued|always|after/.test(line)).toSorted()).toEqual([
      'one: after: changed',
      'one: always: changed',
      'one: rescued: changed',
      'two: after: changed',
      'two: always: changed',
    ]);
    expect(outcome.recap).toMatchObject({ one: { rescued: 1, failed: 0 }, two: { rescued: 0, failed: 0 } });
    expect(
      events.flatMap((event) => (event.type === 'warning' ? [`${event.host}: ${event.text}`] : [])),
    ).toEqual([
      'two: the rest of the block is left out here, because it failed on one (any_errors_fatal); rescue runs only where it failed',
    ]);
  });

  it('any_errors_fatal stops the play where the rescue fails too', async () => {
    const { outcome, results } = await play(`
- hosts: pair
  any_errors_fatal: true
  tasks:
    - block:
        - command: "false"
          when: number == 1
      rescue:
        - command: "false"
    - name: never
      command: "true"
`);
    expect(outcome.status).toBe('failed');
    expect(results.filter((line) => line.includes('never'))).toEqual([]);
  });
});

describe('handlers', () => {
  it('run once at the end, only when notified by a change, in the order written', async () => {
    const { results } = await play(`
- hosts: one
  tasks:
    - { name: a, command: "true", notify: second }
    - { name: b, command: "true", notify: [second, first] }
    - { name: c, command: "true", changed_when: false, notify: third }
  handlers:
    - { name: first, command: "true" }
    - { name: second, command: "true" }
    - { name: third, command: "true" }
`);
    expect(results.slice(3)).toEqual(['one: first: changed', 'one: second: changed']);
  });

  it('that a later handler notifies run behind it, each once', async () => {
    const { results, outcome } = await play(`
- hosts: one
  tasks:
    - { name: a, command: "true", notify: second }
  handlers:
    - { name: first, command: "true", notify: second }
    - { name: second, command: "true", notify: first }
`);
    expect(results.slice(1)).toEqual(['one: second: changed', 'one: first: changed']);
    expect(outcome.status).toBe('ok');
  });

  it('are flushed on each host for which the condition holds', async () => {
    const { results } = await play(`
- hosts: pair
  tasks:
    - { name: a, command: "true", notify: reload }
    - { meta: flush_handlers, when: number == 2 }
    - { name: b, command: "true" }
  handlers:
    - { name: reload, command: "true" }
`);
    expect(results.slice(2)).toEqual([
      'two: reload: changed',
      'one: b: changed',
      'two: b: changed',
      'one: reload: changed',
    ]);
  });

  it('whose name is told by a variable are known only then: one that there is not is named with those that there are', async () => {
    const { outcome } = await play(
      `
- hosts: one
  tasks:
    - { name: a, command: "true", notify: "{{ which }}" }
  handlers:
    - { name: reload, command: "true", listen: configuration }
`,
      { extraVars: { which: 'relaod' } },
    );
    expect(outcome.error).toMatchObject({
      code: 'handler-unknown',
      message: 'notify: the play has no handler "relaod" (did you mean "reload"?)',
      details: ['it has: reload, configuration'],
      at: { line: 4 },
    });
  });

  it('whose name is made of the variables of the task, its block and its loop', async () => {
    const yaml = `
- hosts: one
  vars: { which: wrong }
  tasks:
    - vars: { which: block }
      block: [{ name: a, command: "true", notify: "of {{ which }}" }]
    - { name: b, command: "true", vars: { which: task }, notify: "of {{ which }}" }
    - name: c
      command: "true"
      loop: [1, 2, 3]
      loop_control: { index_var: place }
      vars: { which: "item {{ item }} at {{ place }}" }
      changed_when: item != 2
      notify: "of {{ which }}"
    - { name: d, command: "true", loop: [1, 2], notify: of all }
  handlers:
    - { name: of wrong, command: "true" }
    - { name: of block, command: "true" }
    - { name: of task, command: "true" }
    - { name: of item 1 at 0, command: "true" }
    - { name: of item 2 at 1, command: "true" }
    - { name: of item 3 at 2, command: "true" }
    - { name: of all, command: "true" }
`;
    const handlers = ['of block', 'of task', 'of item 1 at 0', 'of item 3 at 2', 'of all'];
    const { results } = await play(yaml);
    expect(results.slice(4)).toEqual(handlers.map((name) => `one: ${name}: changed`));
    const foreseen = await play(yaml, { mode: 'check' });
    expect(foreseen.results.slice(4)).toEqual(handlers.map((name) => `one: ${name}: changed`));
  });

  it('of which an item that is not known yet may notify one, and another item surely does', async () => {
    const { results, events } = await play(
      `
- hosts: one
  tasks:
    - { name: make, command: echo yes, register: made }
    - { name: loop, command: "true", loop: [1, 2], when: item == 1 || made.stdout != "", notify: ["of {{ item }}", of all] }
  handlers:
    - { name: of 1, command: "true" }
    - { name: of 2, command: "true" }
    - { name: of all, command: "true" }
`,
      { mode: 'check' },
    );
    expect(results.slice(2)).toEqual(['one: of 1: changed', 'one: of all: changed']);
    expect(events.flatMap((event) => (event.type === 'warning' ? [event.text] : []))).toEqual([
      expect.stringMatching(/^which handler is notified is not known before the run: /),
    ]);
  });

  it('that nobody has are refused before any task has run', async () => {
    const events: PitrEvent[] = [];
    const yaml = `
- hosts: one
  tasks:
    - { name: a, command: "true" }
    - { name: b, command: "true", notify: relaod }
  handlers:
    - { name: reload, command: "true" }
`;
    await expect(play(yaml, { seen: (event) => events.push(event) })).rejects.toMatchObject({
      kind: 'validation',
      code: 'handler-unknown',
      message: 'notify: the play has no handler "relaod" (did you mean "reload"?)',
      at: { line: 5 },
    });
    expect(events).toEqual([]);
  });

  it('that were notified and never ran are named at the end of a failed run', async () => {
    const { events } = await play(`
- hosts: one
  tasks:
    - { name: a, command: "true", notify: restart }
    - { name: b, command: "false" }
  handlers:
    - { name: restart, command: "true" }
`);
    const end = events.find((event) => event.type === 'run.finished');
    expect(end).toMatchObject({ notRun: { one: ['restart'] } });
  });
});

describe('check mode', () => {
  const swap = `
- hosts: one
  tasks:
    - { name: make, fs.directory: { path: DIR/new } }
    - { name: write, fs.copy: { dest: DIR/new/file, content: "x\\n" } }
    - { name: move, fs.move: { src: DIR/new, dest: DIR/moved } }
    - { name: same, fs.copy: { dest: DIR/moved/file, content: "x\\n" } }
    - { name: look, fs.stat: { path: DIR/new }, register: there }
    - { name: say, debug: { msg: "there: {{ there.exists }}" } }
`;

  it('predicts what each task finds after the ones before it, and writes nothing', async () => {
    const directory = await newDirectory();
    const check = await play(swap, { mode: 'check', directory });
    expect(check.outcome.error).toBeUndefined();
    await expect(readFile(join(directory, 'moved', 'file'))).rejects.toThrow();
    const run = await play(swap, { directory });
    expect(await readFile(join(directory, 'moved', 'file'), 'utf8')).toBe('x\n');
    expect(check.results).toEqual(run.results);
    expect(check.messages).toEqual(run.messages);
    const again = await play(
      swap
        .replace('fs.directory: { path: DIR/new }', 'fs.directory: { path: DIR/moved }')
        .replace(/.*(write|move),.*\n/g, ''),
      { directory },
    );
    expect(again.results).toEqual(['one: make: ok', 'one: same: ok', 'one: look: ok', 'one: say: ok']);
  });

  it('does not say that a task changes nothing, or fails not, where only the run can tell', async () => {
    const { results } = await play(
      `
- hosts: one
  tasks:
    - { name: make, command: echo yes, register: made }
    - { name: judged, command: echo yes, register: judged, changed_when: made.stdout != "" }
    - { name: loop, command: echo yes, loop: [1, 2], register: looped, changed_when: item == 3 || made.stdout != "" }
    - { name: write, fs.directory: { path: DIR/new }, register: written }
    - { name: look, fs.stat: { path: DIR/new/in }, register: seen, when: made.stdout != "" }
    - { name: quiet, command: echo yes, register: quiet, changed_when: false }
    - { name: quiet loop, command: echo yes, loop: [1, 2], register: quiet_loop, changed_when: false }
    - { name: if it failed, command: "true", when: made.failed }
    - { name: if it did not, command: "true", when: "!made.failed" }
    - { name: if it changed, command: "true", when: judged.changed }
    - { name: if it did not change, command: "true", when: "!judged.changed" }
    - { name: if an item changed, command: "true", when: looped.changed }
    - { name: if none did, command: "true", when: "!looped.results.exists(one, one.changed)" }
    - { name: write failed, command: "true", when: written.failed }
    - { name: made changed, command: "true", when: made.changed && written.changed }
    - { name: quiet failed, command: "true", when: quiet.failed }
    - { name: quiet changed, command: "true", when: quiet.changed || quiet_loop.changed }
    - { name: quiet item did not fail, command: "true", when: "!quiet_loop.results[0].failed" }
    - { name: no quiet item failed, command: "true", when: "!quiet_loop.failed" }
`,
      { mode: 'check' },
    );
    expect(results.slice(7)).toEqual([
      'one: if it failed: unknown',
      'one: if it did not: unknown',
      'one: if it changed: unknown',
      'one: if it did not change: unknown',
      'one: if an item changed: unknown',
      'one: if none did: unknown',
      'one: write failed: skipped',
      'one: made changed: changed',
      'one: quiet failed: unknown',
      'one: quiet changed: skipped',
      'one: quiet item did not fail: unknown',
      'one: no quiet item failed: unknown',
    ]);
  });

  it('does not wait for what a change before would bring about', async () => {
    const waiting = `
- hosts: one
  tasks:
    - { name: before, fs.stat: DIR/mark, register: seen, until: seen.exists, retries: 1, delay: 0, ignore_errors: true }
    - { name: write, command: touch DIR/mark, delegate_to: two }
    - { name: elsewhere, fs.stat: DIR/mark, register: seen, until: seen.exists, retries: 1, delay: 0, ignore_errors: true }
    - { name: waits, fs.stat: DIR/mark, delegate_to: two, register: seen, until: seen.exists, retries: 1, delay: 100 }
    - { name: fails, fs.read: DIR/mark, delegate_to: two, register: read, until: read.content == "", retries: 1, delay: 100 }
    - { name: hangs on it, command: "true", when: seen.exists }
`;
    const { results } = await play(waiting, { mode: 'check' });
    expect(results).toEqual([
      'one: before: failed',
      'one: write: changed',
      'one: elsewhere: failed',
      'one: waits: unknown',
      'one: fails: unknown',
      'one: hangs on it: unknown',
    ]);
  });

  it('knows of a look whose result is open that it changes nothing', async () => {
    const { results } = await play(
      `
- hosts: one
  tasks:
    - { name: write, fs.copy: { dest: DIR/file, content: x } }
    - { name: wait, core.wait_for: { path: DIR/file }, register: waited }
    - { name: if it changed, command: "true", when: waited.changed }
    - { name: if it failed, command: "true", when: waited.failed }
`,
      { mode: 'check' },
    );
    expect(results.slice(1)).toEqual([
      'one: wait: unknown',
      'one: if it changed: skipped',
      'one: if it failed: unknown',
    ]);
  });

  it('does not take what a check of a command says now for what it says after earlier changes', async () => {
    const yaml = `
- hosts: pair
  tasks:
    - { name: early, command: { argv: ["true"], check: [test, -e, DIR] } }
    - { name: make, fs.copy: { dest: DIR/flag, content: x }, when: number == 1 }
    - { name: makes, command: { argv: [touch, DIR/two], check: [test, -e, DIR/flag] } }
    - { name: known, command: { argv: [touch, DIR/two], creates: DIR, check: [test, -e, DIR/flag] } }
`;
    const { results, directory } = await play(yaml, { mode: 'check' });
    expect(results).toEqual([
      ...['one: early: ok', 'two: early: ok'],
      ...['one: make: changed', 'two: make: skipped'],
      ...['one: makes: unknown', 'two: makes: changed'],
      ...['one: known: ok', 'two: known: ok'],
    ]);
    const run = await play(yaml, { directory });
    expect(run.results.filter((line) => /: (?:early|make|known):/.test(line))).toEqual(
      results.filter((line) => /: (?:early|make|known):/.test(line)),
    );
  });

  it('knows that a command has changed its host, whatever it is', async () => {
    const { results, outcome } = await play(
      `
- hosts: one
  tasks:
    - { name: starts, command: { argv: [touch, DIR/flag] } }
    - { name: waits, wait_for: { path: DIR/flag, timeout: 1 } }
    - { name: needs, command: { argv: ["true"], check: [test, -e, DIR/flag] } }
`,
      { mode: 'check' },
    );
    expect(outcome.error).toBeUndefined();
    expect(results).toEqual(['one: starts: changed', 'one: waits: unknown', 'one: needs: unknown']);
  });

  it('what only the run can tell is unknown, and flows on as that', async () => {
    const { results } = await play(
      `
- hosts: one
  tasks:
    - { name: run, command: "true", register: ran }
    - { name: depends, command: "true", when: ran.rc == 0 }
    - { name: certain, command: "true", when: "false && ran.rc == 0" }
`,
      { mode: 'check' },
    );
    expect(results).toEqual(['one: run: changed', 'one: depends: unknown', 'one: certain: skipped']);
  });
});

describe('the journal', () => {
  it('has every change twice, before and after it happens, and is readable by its owner alone', async () => {
    const { outcome, directory } = await play(`
- hosts: one
  tasks:
    - { name: write, fs.copy: { dest: DIR/file, content: x } }
`);
    const path = join(directory, 'state', 'runs', outcome.runId, 'journal.jsonl');
    const records = (await readFile(path, 'utf8'))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { type: string });
    expect(records.map(({ type }) => type)).toEqual([
      'run.started',
      'task.started',
      'host.met',
      'change.intended',
      'change.done',
      'task.result',
      'run.finished',
    ]);
    const { stat } = await import('node:fs/promises');
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });
});

describe('a handler that fails', () => {
  it('ends the handlers of its host, and of no other', async () => {
    const { outcome, results, events } = await play(`
- hosts: pair
  tasks:
    - name: changes
      command: "true"
      notify: [first, second]
  handlers:
    - name: first
      command: "false"
      changed_when: false
      failed_when: number == 1
    - name: second
      command: "true"
`);
    expect(outcome.status).toBe('failed');
    expect(results.filter((line) => /second/.test(line))).toEqual(['two: second: changed']);
    expect(events.at(-1)).toMatchObject({ type: 'run.finished', notRun: { one: ['second'] } });
  });
});

describe('the timeout of a task', () => {
  const withLimit = (limit: string) => `
- hosts: one
  tasks:
    - { name: look, core.shell: "true", register: said }
    - { name: works, core.shell: "true", timeout: "{{ ${limit} }}" }
`;

  it('that is no number is told as such, before anything is done', async () => {
    const { outcome, results } = await play(withLimit('x'), { extraVars: { x: 'soon' } });
    expect(outcome.error).toMatchObject({
      code: 'not-a-number',
      message: 'a number is needed here, not "soon" ({{ x }})',
    });
    expect(results.at(-1)).toBe('one: works: failed');
  });

  it('that check mode does not know leaves open what the task would do', async () => {
    const { results } = await play(withLimit('said.stdout'), { mode: 'check' });
    expect(results).toEqual(['one: look: changed', 'one: works: unknown']);
  });

  it('of 0 is no limit', async () => {
    const { outcome } = await play(`
- hosts: one
  tasks:
    - { core.shell: "sleep 0.3", timeout: 0 }
`);
    expect(outcome.error).toBeUndefined();
  });
});

describe('what only a run can tell', () => {
  const yaml = `
- hosts: one
  tasks:
    - { name: makes, core.shell: "echo last", register: made }
    - { name: open, core.shell: "true", changed_when: made.stdout != "", notify: first }
    - { name: never, core.shell: "true", changed_when: false, notify: unasked }
    - { name: named, core.shell: "true", notify: "{{ made.stdout }}" }
    - { name: ends, meta: end_play, when: made.stdout == "other" }
    - { name: after, core.debug: x }
  handlers:
    - { name: first, core.shell: "true", notify: last }
    - { name: last, core.shell: "true" }
    - { name: unasked, core.shell: "true" }
`;
  const warnings = ({ events }: Played) =>
    events.flatMap((event) => (event.type === 'warning' ? [event.text] : []));

  it('is told of handlers and of the end of a play in a check', async () => {
    const played = await play(yaml, { mode: 'check' });
    expect(played.outcome.error).toBeUndefined();
    expect(played.results.slice(-3)).toEqual(['one: after: ok', 'one: first: unknown', 'one: last: unknown']);
    expect(warnings(played)).toEqual([
      'which handler is notified is not known before the run: the change was not made',
      '"ends" is left out: whether it happens is not known before the run: the change was not made',
    ]);
    const run = await play(yaml);
    expect(run.outcome.error).toBeUndefined();
    expect(run.results.slice(-3)).toEqual(['one: after: ok', 'one: first: changed', 'one: last: changed']);
  });

  it('stands in the plan of a dry run', async () => {
    const { results } = await play(yaml, { mode: 'dry-run' });
    expect(results.slice(-2)).toEqual(['one: first: unknown', 'one: last: unknown']);
  });
});
