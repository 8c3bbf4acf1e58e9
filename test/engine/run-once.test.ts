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
