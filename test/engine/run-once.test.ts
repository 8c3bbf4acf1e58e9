import { describe, expect, it } from 'vitest';
import { linesOf, log, play, playTwice } from './support.ts';

const ONE_FAILS = '{ script: "test {{ inventory_hostname }} != one || test -e DIR/mended" }';
const FAILS_UNTIL_MENDED = '{ script: "test -e DIR/mended" }';

describe('what runs once', () => {
  it('was done by another host before the run was resumed: it is not done again, and all have its result', async () => {
    const { first, second } = await playTwice(`
- hosts: pair
  tasks:
    - { name: first, core.shell: ${ONE_FAILS} }
    - name: once
      run_once: true
      core.shell: "echo {{ inventory_hostname }}; echo once >> DIR/log"
      register: once
    - { name: later, core.shell: ${FAILS_UNTIL_MENDED} }
    - { name: say, core.debug: "{{ once.stdout }}" }
`);
    expect(first.results).toContain('two: once: changed');
    expect(second.outcome.status).toBe('ok');
    expect(await linesOf(second)).toEqual([]);
    expect(second.messages).toEqual(['two', 'two']);
  });

  it('notifies the handlers of the host that has done it, and of no other, in a resumed run too', async () => {
    const { first, second } = await playTwice(`
- hosts: pair
  tasks:
    - { name: first, core.shell: ${ONE_FAILS} }
    - { name: once, run_once: true, core.shell: "true", notify: handler }
    - { name: later, core.shell: ${FAILS_UNTIL_MENDED} }
  handlers:
    - { name: handler, core.shell: ${log('handler')} }
`);
    expect(first.results).toContain('two: once: changed');
    expect(second.outcome.status).toBe('ok');
    expect(await linesOf(second)).toEqual(['handler two']);
  });

  it('was half done by another host: that one does the rest', async () => {
    const { second } = await playTwice(`
- hosts: pair
  tasks:
    - { name: first, core.shell: ${ONE_FAILS} }
    - name: once
      run_once: true
      core.shell: "test {{ item }} != b || test -e DIR/mended && echo {{ item }} {{ inventory_hostname }} >> DIR/log"
      loop: [a, b]
`);
    expect(second.outcome.status).toBe('ok');
    expect(await linesOf(second)).toEqual(['b two']);
  });

  it('and runs again in a later turn is known again by its turn', async () => {
    const { second } = await playTwice(`
- hosts: pair
  tasks:
    - { name: a, core.shell: "true", notify: once }
    - { meta: flush_handlers }
    - { name: between, core.shell: ${ONE_FAILS} }
    - { name: b, core.shell: "true", notify: once }
    - { meta: flush_handlers }
    - { name: later, core.shell: ${FAILS_UNTIL_MENDED} }
  handlers:
    - { name: once, core.shell: ${log('once')}, run_once: true }
`);
    expect(second.outcome.status).toBe('ok');
    expect(await linesOf(second)).toEqual([]);
  });

  it('and fails in a block is cleaned up after again on all hosts by a resumed run', async () => {
    const { first, second } = await playTwice(`
- hosts: pair
  tasks:
    - block:
        - { name: migrate, run_once: true, core.shell: ${FAILS_UNTIL_MENDED} }
        - { name: write, core.shell: ${log('write')} }
      always:
        - { name: remove, core.shell: ${log('remove')} }
`);
    expect(first.results.filter((line) => line.includes('remove'))).toHaveLength(2);
    expect(second.outcome.status).toBe('ok');
    expect((await linesOf(second)).toSorted()).toEqual([
      'remove one',
      'remove two',
      'write one',
      'write two',
    ]);
  });

  it.each([
    ['a task that fails', `{ name: once, run_once: true, core.shell: ${FAILS_UNTIL_MENDED} }`],
    ['an end_play whose condition fails', '{ meta: end_play, when: "said[part] == 1" }'],
  ])('and has called handlers all the same calls them again in a resumed run: %s', async (_, once) => {
    const { first, second } = await playTwice(
      `
- hosts: pair
  vars: { part: nothing }
  tasks:
    - { name: says, core.command: [echo, word], register: said }
    - { name: before, core.shell: "true", notify: handler }
    - ${once}
    - { name: after, core.shell: "true", notify: handler }
  handlers:
    - { name: handler, core.shell: ${log('handler')} }
`,
      { forceHandlers: true, extraVars: { part: 'stdout' } },
    );
    expect(first.results.filter((line) => line.includes('handler'))).toHaveLength(2);
    expect(second.outcome.status).toBe('ok');
    expect((await linesOf(second)).toSorted()).toEqual(['handler one', 'handler two']);
  });

  it('and fails in a block that is rescued has its clean-up done once', async () => {
    const { second } = await playTwice(`
- hosts: pair
  tasks:
    - block:
        - block:
            - { name: migrate, run_once: true, core.shell: "false" }
          always:
            - { name: remove, core.shell: ${log('remove')} }
      rescue:
        - { name: take back, core.shell: ${log('back')} }
    - { name: last, core.shell: ${FAILS_UNTIL_MENDED} }
`);
    expect(second.outcome.status).toBe('ok');
    expect(await linesOf(second)).toEqual([]);
  });

  it('is refused where each host goes at its own pace', async () => {
    const wrong = play(`
- hosts: pair
  strategy: free
  tasks:
    - { name: once, run_once: true, core.shell: ${log('once')} }
`);
    await expect(wrong).rejects.toMatchObject({ problems: [{ code: 'run-once-free' }] });
  });
});
