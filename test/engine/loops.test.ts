import { describe, expect, it } from 'vitest';
import { play } from './support.ts';

const itemsOf = async (yaml: string): Promise<readonly string[]> => {
  const { outcome, events } = await play(yaml);
  expect(outcome.error).toBeUndefined();
  return events.flatMap((event) => (event.type === 'host.item' ? [`${event.item}: ${event.status}`] : []));
};

describe('the condition of a loop', () => {
  it('may name the index', async () => {
    const task = `
    - { core.debug: "{{ item }}", loop: [x, y], loop_control: { index_var: i }, when: i > 0 }`;
    const wanted = ['x: skipped', 'y: ok'];
    expect(await itemsOf(`- hosts: one\n  tasks:${task}`)).toEqual(wanted);
    expect(await itemsOf(`- hosts: one\n  vars: { i: 0 }\n  tasks:${task}`)).toEqual(wanted);
  });

  it('may name a variable that rests on the item', async () => {
    const task = (more: string): string => `
- hosts: one
  ${more === '' ? 'vars: { size: "{{ default item \'none\' }}" }' : ''}
  tasks:
    - { core.debug: "{{ item }}", loop: [x, none], when: size != "none"${more} }`;
    for (const more of ['', ', vars: { size: "{{ item }}" }'])
      expect(await itemsOf(task(more))).toEqual(['x: ok', 'none: skipped']);
  });

  it.each([
    ['item.name.startsWith("x")'],
    ['item.name in ["x"]'],
    ['has(item.key)'],
    ['has(item.key) && item.key == 1'],
    ['"key" in item'],
    ['size(item) == 3'],
    ['item.name == "x" ? true : false'],
    ['item.list.exists(one, one == 1)'],
    ['item.list.map(one, one + 1) == [2]'],
    ['type(item) == map && item.name == "x"'],
    ['item == {"name": "x", "key": 1, "list": [1]} || has(item.key)'],
    ['seen == "yes"'],
    ['named == "x"'],
    ['keyed == 1'],
    ['each == "1"'],
    ['same'],
  ])('is asked for each item: %s', async (when) => {
    expect(
      await itemsOf(`
- hosts: one
  tasks:
    - core.debug: "{{ item.name }}"
      vars:
        seen: "{{#if item.key}}yes{{else}}no{{/if}}"
        named: "{{ item.name }}"
        keyed: "{{ default item.key 0 }}"
        each: "{{#each item.list}}{{this}}{{/each}}"
        same: "{{ eq item.name 'x' }}"
      loop: [{ name: x, key: 1, list: [1] }, { name: none, list: [], a: 1, b: 2 }]
      when: '${when}'`),
    ).toEqual(['x: ok', 'none: skipped']);
  });

  it('that is false for every item is decided before the loop, which may not be there', async () => {
    const { results } = await play(`
- hosts: one
  tasks:
    - { core.set_fact: { made: { there: false } } }
    - name: loop
      core.debug: "{{ item }}"
      loop: "{{ made.list }}"
      when: [item != "y", made.there]
    - name: both
      core.debug: "{{ item }}"
      loop: "{{ made.list }}"
      when: made.there && item != "y"
`);
    expect(results.slice(1)).toEqual(['one: loop: skipped', 'one: both: skipped']);
  });

  it('that fails by itself fails the task', async () => {
    const wrong = play(`
- hosts: one
  tasks:
    - { core.set_fact: { made: { there: false } } }
    - { name: loop, core.debug: "{{ item }}", loop: [a], when: made.other == "x" }
`);
    await expect(wrong).rejects.toMatchObject({ task: 'loop' });
  });
});

describe('a loop', () => {
  it('of core.set_fact sets the variables, the last item wins, and each item sees those before it', async () => {
    const { outcome, messages } = await play(`
- hosts: pair
  tasks:
    - core.set_fact: { all: "{{ default all '' }}{{ item }}", last: "{{ item }}" }
      loop: [x, y, z]
      when: item != "y"
    - core.set_fact: { once: "{{ item }}" }
      loop: [1, 2]
      run_once: true
    - core.debug: "{{ inventory_hostname }} {{ all }} {{ last }} {{ once }}"
`);
    expect(outcome.error).toBeUndefined();
    expect(messages).toEqual(['one xz z 2', 'two xz z 2']);
  });

  it('pauses between its items, and in a run alone', async () => {
    const times = async (mode: 'run' | 'check', pause: number): Promise<readonly number[]> => {
      const yaml = `
- hosts: one
  tasks:
    - { core.debug: "{{ item }}", loop: [x, y, z], loop_control: { pause: ${pause} } }
`;
      const { events } = await play(yaml, { mode });
      return events.flatMap((event) => (event.type === 'host.item' ? [event.time] : []));
    };
    const [x = 0, y = 0, z = 0] = await times('run', 0.2);
    expect(Math.min(y - x, z - y)).toBeGreaterThanOrEqual(190);
    // One that paused would not come to its end before that of this test.
    expect(await times('check', 600)).toHaveLength(3);
  });
});
