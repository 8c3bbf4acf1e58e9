import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { resumeRequest } from '../../lib/engine/back/resume.ts';
import { readRun } from '../../lib/engine/journal/read.ts';
import { linesOf, log, newDirectory, type Played, play } from './support.ts';

/** What a run that has ended tells in its journal: its last record, and the changes of which no end is in it. */
async function endOf({ outcome }: Played) {
  const { records } = await readRun(outcome.runId);
  const ended = new Set(
    records.flatMap((record) =>
      record.type === 'change.done' || record.type === 'change.failed' ? [record.number] : [],
    ),
  );
  return {
    last: records.at(-1)?.type,
    open: records.filter((record) => record.type === 'change.intended' && !ended.has(record.number)),
  };
}

/** What host two is at while something happens on host one, which `BEGUN` awaits. */
const WORK = 'touch DIR/working; while test -e DIR/working && ! test -e DIR/go; do sleep 0.05; done';
const BEGUN = 'until test -e DIR/working; do sleep 0.05; done';

/**
 * Plays it, and lets what host two is at come to its end a second after the first result of host one: in that time a run
 * would have ended that does not wait for it.
 */
async function playWhileAtWork(yaml: string): Promise<Played> {
  const directory = await newDirectory();
  let goes: Promise<void> | undefined;
  try {
    return await play(yaml.replaceAll('WORK', WORK).replaceAll('BEGUN', BEGUN), {
      directory,
      seen: (event) => {
        if (event.type === 'host.result' && event.host === 'one')
          goes ??= pause(1_000).then(() => writeFile(join(directory, 'go'), ''));
      },
    });
  } finally {
    await goes;
  }
}

describe('a play that ends on one host, with strategy free', () => {
  it('begins nothing more on the others, and waits for what is at work there', async () => {
    const played = await playWhileAtWork(`
- hosts: pair
  strategy: free
  any_errors_fatal: true
  tasks:
    - { name: work, core.shell: "if test {{ inventory_hostname }} = one; then BEGUN; false; else WORK; fi" }
    - { name: never, core.shell: ${log('never')} }
`);
    expect(played.outcome.error).toMatchObject({ task: 'work', host: 'one' });
    expect(played.results).toEqual(['one: work: failed', 'two: work: changed']);
    expect(await endOf(played)).toEqual({ last: 'run.finished', open: [] });
    expect(await linesOf(played)).toEqual([]);
  });

  it('cleans up on the others, and rescues nothing there', async () => {
    const played = await playWhileAtWork(`
- hosts: pair
  strategy: free
  tasks:
    - { name: stops, core.shell: "BEGUN; false", when: number == 1, any_errors_fatal: true }
    - block:
        - { name: work, core.shell: "WORK; false" }
      rescue:
        - { name: never, core.shell: ${log('never')} }
      always:
        - { name: clean 1, core.shell: ${log('clean 1')} }
        - { name: clean 2, core.shell: ${log('clean 2')} }
`);
    expect(played.outcome.error).toMatchObject({ task: 'stops', host: 'one' });
    expect(await linesOf(played)).toEqual(['clean 1 two', 'clean 2 two']);
  });

  it('ends without a failure where the playbook says so', async () => {
    const played = await playWhileAtWork(`
- hosts: pair
  strategy: free
  tasks:
    - { name: work, core.shell: "if test {{ inventory_hostname }} = one; then BEGUN; else WORK; fi" }
    - { meta: end_play }
    - { name: never, core.shell: ${log('never')} }
- hosts: one
  tasks:
    - { name: next play, core.shell: ${log('next')} }
`);
    expect(played.outcome.status).toBe('ok');
    expect(await linesOf(played)).toEqual(['next one']);
  });
});

describe('end_play', () => {
  it('ends the play for the batches that are still to come, not the plays behind it', async () => {
    const played = await play(`
- hosts: pair
  serial: 1
  tasks:
    - { name: work, core.shell: ${log('work')} }
    - { meta: end_play }
- hosts: pair
  tasks:
    - { name: next play, core.shell: ${log('next')} }
`);
    expect(played.outcome.status).toBe('ok');
    expect((await linesOf(played)).toSorted()).toEqual(['next one', 'next two', 'work one']);
  });
});

describe('ignore_errors', () => {
  it('may look at the result, and at the item: all that failed have to be let pass', async () => {
    const played = await play(`
- hosts: one
  tasks:
    - { name: code, core.shell: exit 3, register: r, ignore_errors: r.rc == 3 && result.failed }
    - { name: item, core.shell: "test {{ item }} != a", loop: [a, b], ignore_errors: item == "a" }
    - { name: place, core.shell: "false", loop: [a, b], loop_control: { index_var: i }, ignore_errors: i == 0 }
    - { name: never, core.shell: "true" }
`);
    expect(played.results).toEqual(['one: code: failed', 'one: item: failed', 'one: place: failed']);
    expect(played.outcome.recap.one).toMatchObject({ ignored: 2, failed: 1 });
  });

  it('that cannot be evaluated ignores nothing: both errors are told, and the other host ends its work', async () => {
    const played = await playWhileAtWork(`
- hosts: pair
  tasks:
    - name: work
      core.shell: "if test {{ inventory_hostname }} = one; then BEGUN; false; else WORK; fi"
      register: r
      ignore_errors: r.no_such_key == 3
`);
    expect(played.outcome.error).toMatchObject({ task: 'work', host: 'one', code: 'command-failed' });
    expect(played.outcome.error?.details.join('\n')).toMatch(
      /"ignore_errors" could not be evaluated.*no_such_key/,
    );
    expect(played.results).toEqual(['one: work: failed', 'two: work: changed']);
    expect(await endOf(played)).toEqual({ last: 'run.finished', open: [] });
  });
});

describe('--force-handlers, when any_errors_fatal stops the play', () => {
  const yaml = `
- hosts: pair
  any_errors_fatal: true
  tasks:
    - { name: change, core.shell: "true", notify: handler }
    - { name: fails on one, core.shell: "test {{ inventory_hostname }} != one || test -e DIR/mended" }
    - { name: change again, core.shell: "true", notify: handler }
  handlers:
    - { name: handler, core.shell: ${log('handler')} }
- hosts: two
  tasks:
    - { name: never, core.shell: ${log('next play')} }
`;

  it('runs what was notified, on all hosts, and the failure stands', async () => {
    const played = await play(yaml, { forceHandlers: true });
    expect(played.outcome.error).toMatchObject({ task: 'fails on one', host: 'one' });
    expect((await linesOf(played)).toSorted()).toEqual(['handler one', 'handler two']);
    expect(await linesOf(await play(yaml))).toEqual([]);
  });

  it('runs it again where the resumed run notifies it again', async () => {
    const first = await play(yaml, { forceHandlers: true });
    await writeFile(join(first.directory, 'mended'), '');
    await writeFile(join(first.directory, 'log'), '');
    const request = resumeRequest(await readRun(first.outcome.runId), {
      inventories: [],
      extraVars: {},
      mode: 'run',
      forks: 10,
      again: 'pitr resume',
    });
    const second = await play(yaml, { ...request, directory: first.directory });
    expect(second.outcome.status).toBe('ok');
    expect((await linesOf(second)).toSorted()).toEqual(['handler one', 'handler two', 'next play two']);
  });

  it('does so with strategy free, too', async () => {
    const free = yaml.replace('  any_errors_fatal', '  strategy: free\n  any_errors_fatal');
    const played = await play(free, { forceHandlers: true });
    expect((await linesOf(played)).toSorted()).toEqual(['handler one', 'handler two']);
  });
});
