import { describe, expect, it } from 'vitest';
import { linesOf, log, type Played, play, playTwice } from './support.ts';

const ONE_FAILS = '{ script: "test {{ inventory_hostname }} != one || test -e DIR/mended" }';

const statusOf = ({ results }: Played, of: RegExp) => results.filter((line) => of.test(line)).toSorted();

describe('what is decided between tasks, and cannot be', () => {
  const around = (steps: string) => `
- hosts: pair
  tasks:
    - { name: words, core.command: [echo, odd], register: said }
    - block:
${steps}
        - { name: behind, debug: { msg: not reached } }
      RESCUE
      always:
        - { name: always, debug: { msg: in any case } }
  handlers:
    - { name: known, debug: { msg: handled } }
`;

  it.each([
    [
      'flush_handlers',
      'number == 2 || said.nothing == "x"',
      ['one'],
      ['one: always: ok', 'two: always: ok', 'two: behind: ok'],
    ],
    ['end_play', 'said.nothing == "x"', ['one', 'two'], ['one: always: ok', 'two: always: ok']],
  ])(
    'fails the hosts of a meta: %s, told and written down, and always runs',
    async (what, when, failed, ran) => {
      const yaml = around(`        - { name: decides, meta: ${what}, when: '${when}' }`);
      const played = await play(yaml.replace('RESCUE', ''));
      expect(statusOf(played, /always|behind/)).toEqual(ran);
      expect(statusOf(played, /decides/)).toEqual(['one: decides: failed']);
      expect(played.outcome.error).toMatchObject({
        task: 'decides',
        host: 'one',
        message: '"said" has no "nothing"',
      });
      expect(played.outcome.recap).toMatchObject({ one: { failed: 1 } });

      const rescued = await play(
        yaml.replace('RESCUE', 'rescue: [{ name: rescue, debug: { msg: so be it } }]'),
      );
      expect(rescued.outcome.error).toBeUndefined();
      expect(statusOf(rescued, /rescue/)).toEqual(failed.map((host) => `${host}: rescue: ok`));
    },
  );

  it('fails the host of a change that notifies nobody who is there, and tells the change', async () => {
    const yaml = around(
      `        - { name: decides, core.command: [echo, more], notify: "{{ said.stdout }}" }`,
    );
    const played = await play(yaml.replace('RESCUE', ''));
    expect(statusOf(played, /always|behind|decides/)).toEqual([
      ...['one: always: ok', 'one: decides: failed', 'two: always: ok', 'two: decides: failed'],
    ]);
    expect(played.outcome.error).toMatchObject({ code: 'handler-unknown', task: 'decides', host: 'one' });
    const rescued = await play(
      yaml.replace('RESCUE', 'rescue: [{ name: rescue, debug: { msg: so be it } }]'),
    );
    expect(rescued.outcome.error).toBeUndefined();
  });
});

describe('always', () => {
  it('runs whole on a host that failed, and the failure stands', async () => {
    const played = await play(`
- hosts: pair
  tasks:
    - block:
        - { name: fails on one, core.shell: ${ONE_FAILS} }
      always:
        - { name: always 1, core.shell: "true" }
        - { name: always 2, core.shell: "true" }
    - { name: after, core.shell: "true" }
`);
    expect(statusOf(played, /always|after/)).toEqual([
      'one: always 1: changed',
      'one: always 2: changed',
      'two: after: changed',
      'two: always 1: changed',
      'two: always 2: changed',
    ]);
    expect(played.outcome.error).toMatchObject({ task: 'fails on one', host: 'one' });
  });

  it.each(['', 'rescue: [{ name: rescue, core.shell: "false" }]'])(
    'runs whole on every host when any_errors_fatal stops the play (%s)',
    async (rescue) => {
      const played = await play(`
- hosts: pair
  any_errors_fatal: true
  tasks:
    - block:
        - { name: fails on one, core.shell: ${ONE_FAILS} }
        - { name: never, core.shell: "true" }
      ${rescue}
      always:
        - { name: always 1, core.shell: "true" }
        - { name: always 2, core.shell: "true" }
    - { name: never after, core.shell: "true" }
`);
      expect(statusOf(played, /always|never/)).toEqual([
        'one: always 1: changed',
        'one: always 2: changed',
        'two: always 1: changed',
        'two: always 2: changed',
      ]);
      expect(played.outcome.error).toMatchObject({
        task: rescue === '' ? 'fails on one' : 'rescue',
        host: 'one',
      });
      expect(statusOf(played, /rescue/)).toEqual(rescue === '' ? [] : ['one: rescue: failed']);
    },
  );

  it('that fails counts, on a host that had failed and on one that had not', async () => {
    const played = await play(`
- hosts: pair
  tasks:
    - block:
        - { name: fails on one, core.shell: ${ONE_FAILS} }
      always:
        - { name: always 1, core.shell: "false" }
        - { name: always 2, core.shell: "true" }
    - { name: after, core.shell: "true" }
`);
    expect(statusOf(played, /always|after/)).toEqual(['one: always 1: failed', 'two: always 1: failed']);
    expect(played.outcome.recap).toMatchObject({ one: { failed: 2 }, two: { failed: 1 } });
  });

  it('may rescue within: the failure from before it stands, here and for a resumed run', async () => {
    const { first, second } = await playTwice(`
- hosts: one
  tasks:
    - block:
        - { name: work, core.shell: ${ONE_FAILS} }
      always:
        - block:
            - { name: try, core.shell: "false" }
          rescue:
            - { name: catch, core.shell: ${log('catch')} }
        - { name: last, core.shell: ${log('last')} }
    - { name: after, core.shell: ${log('after')} }
`);
    expect(first.outcome.error).toMatchObject({ task: 'work' });
    expect(first.results).toEqual([
      'one: work: failed',
      'one: try: failed',
      'one: catch: changed',
      'one: last: changed',
    ]);
    expect(second.outcome.status).toBe('ok');
    expect(second.results[0]).toBe('one: work: changed');
    expect(await linesOf(second)).toEqual(['catch one', 'last one', 'after one']);
  });

  it('is gone through again by a resumed run where the block is, and only there', async () => {
    const { second } = await playTwice(`
- hosts: pair
  tasks:
    - block:
        - { name: fails on one, core.shell: ${ONE_FAILS} }
      always:
        - { name: always 1, core.shell: ${log('always 1')} }
        - { name: always 2, core.shell: ${log('always 2')} }
`);
    expect(second.outcome.status).toBe('ok');
    expect(await linesOf(second)).toEqual(['always 1 one', 'always 2 one']);
  });

  it.each(['flush_handlers', 'end_play'])('is gone through again where a meta: %s failed', async (what) => {
    const { second } = await playTwice(
      `
- hosts: pair
  tasks:
    - { name: words, core.command: [echo, odd], register: said }
    - block:
        - { name: decides, meta: ${what}, when: 'mended == "yes" ? false : said.nothing == "x"' }
      always:
        - { name: always, core.shell: ${log('always')} }
  vars: { mended: "no" }
`,
      { extraVars: { mended: 'yes' } },
    );
    expect(second.outcome.error).toBeUndefined();
    expect((await linesOf(second)).toSorted()).toEqual(['always one', 'always two']);
  });

  it('whose second task failed is gone on with there', async () => {
    const { second } = await playTwice(`
- hosts: one
  tasks:
    - block:
        - { name: work, core.shell: ${log('work')} }
      always:
        - { name: always 1, core.shell: ${log('always 1')} }
        - { name: always 2, core.shell: ${ONE_FAILS} }
        - { name: always 3, core.shell: ${log('always 3')} }
`);
    expect(second.outcome.status).toBe('ok');
    expect(await linesOf(second)).toEqual(['always 3 one']);
  });

  it('of a rescue that failed is not done again where it was done and nothing comes before it', async () => {
    const { second } = await playTwice(`
- hosts: pair
  any_errors_fatal: true
  tasks:
    - block:
        - { name: broken, core.shell: "test {{ inventory_hostname }} != one" }
        - { name: left out, core.shell: ${log('left out')} }
      rescue:
        - { name: rescue, core.shell: ${ONE_FAILS} }
      always:
        - { name: always, core.shell: ${log('always')} }
    - { name: after, core.shell: ${log('after')} }
`);
    expect(second.outcome.status).toBe('ok');
    expect((await linesOf(second)).toSorted()).toEqual(['after one', 'after two', 'always one']);
  });
});

describe('a block within a block that rescues', () => {
  const nested = (end: string): string => `
- hosts: pair
  any_errors_fatal: true
  tasks:
    - block:
        - block:
            - { name: work, core.shell: "test {{ inventory_hostname }} != one" }
            - { name: more, core.shell: ${log('more')} }
          always:
            - { name: unlock, core.shell: ${log('unlock')} }
      rescue:
        - { name: take back, core.shell: ${log('back')} }
    - { name: after, core.shell: ${log('after')} }
    - { name: end, core.shell: ${end} }
`;

  it('is taken back only where it failed', async () => {
    const played = await play(nested('"true"'));
    expect(played.outcome.status).toBe('ok');
    expect((await linesOf(played)).toSorted()).toEqual([
      'after one',
      'after two',
      'back one',
      'unlock one',
      'unlock two',
    ]);
    expect(played.outcome.recap).toMatchObject({ one: { rescued: 1 }, two: { rescued: 0, failed: 0 } });
  });

  it('does nothing twice in a resumed run', async () => {
    const { second } = await playTwice(nested('{ script: "test -e DIR/mended" }'));
    expect(second.outcome.status).toBe('ok');
    expect(await linesOf(second)).toEqual([]);
  });
});

describe('max_fail_percentage', () => {
  const counted = (rescue: string): string => `
- hosts: pair
  max_fail_percentage: 20
  tasks:
    - block:
        - { name: fails on one, core.shell: "test {{ inventory_hostname }} != one" }
        - { name: more, core.shell: ${log('more')} }
      rescue:
        - { name: rescue, core.shell: ${rescue} }
    - { name: after, core.shell: ${log('after')} }
`;

  it('does not count what is rescued: the block goes on where nothing failed', async () => {
    const played = await play(counted('"true"'));
    expect(played.outcome.status).toBe('ok');
    expect((await linesOf(played)).toSorted()).toEqual(['after one', 'after two', 'more two']);
    expect(played.events.filter(({ type }) => type === 'warning')).toEqual([]);
  });

  it('counts what the rescue could not take back', async () => {
    const { first, second } = await playTwice(counted(ONE_FAILS));
    expect(statusOf(first, /more|after/)).toEqual(['two: more: changed']);
    expect((await linesOf(second)).toSorted()).toEqual(['after one', 'after two']);
  });
});
