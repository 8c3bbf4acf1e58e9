import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { asPitrError } from '../../lib/base/errors/pitr-error.ts';
import { productPlaybooks } from '../../lib/language/playbook/assets.ts';
import { loadPlaybook } from '../../lib/language/playbook/load.ts';
import { flatTasks } from '../../lib/language/playbook/load-steps.ts';
import { UP_WORDS } from '../../lib/recovery/patroni/version.ts';
import { play } from '../engine/support.ts';

/** Which members rejoin-members.yml stops, by its own conditions. */

async function rebuilding(file = 'rejoin-members.yml') {
  const { plays } = await loadPlaybook(join(productPlaybooks(), file));
  const play = plays.find(({ name }) => name === 'Rebuild the other members');
  return { vars: play?.vars ?? {}, tasks: flatTasks(play?.tasks ?? []) };
}

const HAS_PROMOTED =
  'has(unsettled.content) && has(unsettled.content.promoted) && has(unsettled.content.promoted.timeline)';
const PROOF = ['patroni.cluster', 'postgres.history', 'core.assert'];

describe('a member is stopped only while the target leads', () => {
  it.each([
    [undefined, { leader: 'two' }],
    ['member-leads', { leader: 'one' }],
    ['target-does-not-lead', { leader: 'three' }],
    ['target-does-not-lead', {}],
  ])('which refuses with %s: %j', async (code, leading) => {
    const yaml = `- hosts: one
  vars: ${JSON.stringify({ target: 'two', who_leads: leading })}
  tasks:
    - import_tasks: ${join(productPlaybooks(), 'tasks/target-still-leads.yml')}
`;
    const refused = await play(yaml).then(
      ({ outcome }) => outcome.error?.code,
      (thrown: unknown) => asPitrError(thrown).code,
    );
    expect(refused).toBe(code);
  });

  it('as is asked before the proof, and once more with nothing but looks between that and the stop', async () => {
    const { tasks } = await rebuilding();
    const asked = tasks.flatMap(({ args }, place) =>
      args.value.refuse === 'target-does-not-lead' ? [place] : [],
    );
    const stop = tasks.findIndex(({ stage }) => stage === 'rejoin-stop');
    const proof = tasks.findIndex(({ name }) => name.value === 'Prove that it follows the leader');
    expect(stop).toBeGreaterThan(proof);
    expect(asked).toHaveLength(2);
    expect(asked[0]).toBeLessThan(proof);
    const again = asked[1] ?? 0;
    // By a look of its own.
    expect(tasks[again - 2]).toMatchObject({ module: 'patroni.cluster', register: 'leads_yet' });
    expect(tasks.slice(again + 1, stop).map(({ module }) => module)).toEqual(PROOF);
  });

  it.each([
    ['of a cut-over that did not come to that', { content: { old_leader: 'one' } }, {}, true],
    ['and of no other member', { content: { old_leader: 'three' } }, {}, false],
    ['nor where nobody led', { content: { old_leader: '' } }, {}, false],
    [
      'nor where the same run has done it',
      { content: { old_leader: 'one' } },
      { old_tail: { failed: true } },
      false,
    ],
    ['nor where an older version did not note who led', { content: { run: 'r' } }, {}, false],
    ['nor where no cut-over has broken off', { skipped: true, changed: false, failed: false }, {}, false],
  ])(
    'what the old leader has left is archived before it is kept: %s',
    async (_, unsettled, more, archived) => {
      const { tasks } = await rebuilding();
      const place = tasks.findIndex(({ module }) => module === 'postgres.archive_tail');
      const [stop, keep] = ['rejoin-stop', 'rejoin-keep'].map((wanted) =>
        tasks.findIndex(({ stage }) => stage === wanted),
      );
      expect(place).toBeGreaterThan(stop ?? 0);
      expect(place).toBeLessThan(keep ?? 0);
      expect(tasks[place]).toMatchObject({ delegateTo: undefined });
      const { left_open } = Object.assign({}, ...(tasks[place]?.vars ?? []));
      const vars = { target: 'two', follows: {}, unsettled, left_open: left_open?.value, ...more };
      const { results } = await play(`- hosts: one
  vars: ${JSON.stringify(vars)}
  tasks:
    - name: tail
      core.debug: it is archived
      when: ${JSON.stringify(tasks[place]?.when.map(({ value }) => value))}
`);
      expect(results).toEqual([`one: tail: ${archived ? 'ok' : 'skipped'}`]);
    },
  );

  it('and copied only from the data that was looked at, which is looked at once more right before', async () => {
    const { tasks } = await rebuilding();
    const copies = tasks.findIndex(({ module }) => module === 'patroni.rebuild');
    expect(tasks.slice(copies - 3, copies).map(({ module }) => module)).toEqual(PROOF);
    const { plays } = await loadPlaybook(join(productPlaybooks(), 'rejoin-members.yml'));
    const first = flatTasks(plays[0]?.tasks ?? []);
    const [promoted, looked] = first.filter(({ module }) => module === 'postgres.history');
    expect([promoted?.when.map(({ value }) => value), looked?.register]).toEqual([
      [HAS_PROMOTED],
      'leads_with',
    ]);
  });

  it.each([
    ['rejoin-members.yml', { skipped: true, changed: false, failed: false }],
    ['rejoin-members.yml', { content: { run: 'of an older version' } }],
    ['rejoin.yml', { skipped: true, changed: false, failed: false }],
  ])('whatever was not noted of a promotion: %s %j', async (file, unsettled) => {
    const { plays } = await loadPlaybook(join(productPlaybooks(), file));
    const proofs = plays
      .flatMap(({ tasks }) => flatTasks(tasks))
      .filter(({ module, args }) => module === 'postgres.history' && 'since' in args.value);
    const [proof] = proofs.filter(({ when }) => when.some(({ value }) => String(value).includes('promoted')));
    const { results } = await play(`- hosts: one
  vars: ${JSON.stringify({ unsettled, waiting: { exists: false } })}
  tasks:
    - name: proof
      core.debug: it is made
      when: ${JSON.stringify(proof?.when.map(({ value }) => value))}
`);
    expect(results).toEqual(['one: proof: skipped']);
  });
});

describe('a member is proved before it is rebuilt', () => {
  const runs = { running: true, mode: 'open' };
  const down = { running: false, mode: 'open', data: 'present' };
  it.each<readonly [string, boolean, object, object]>([
    ['streaming', true, { state: 'streaming', timeline: 2 }, runs],
    ['catching up from the archive', true, { state: 'in archive recovery', timeline: 2 }, runs],
    ['started again', true, { state: 'starting' }, runs],
    ['listed with the timeline of before a failover', true, { state: 'running', timeline: 1 }, runs],
    [
      'looked at by an older playbook, which had not asked for its PostgreSQL',
      true,
      { state: 'running' },
      {},
    ],
    ['stopped, which the list does not know yet', false, { state: 'running', timeline: 2 }, down],
    ['stopped', false, { state: 'stopped' }, down],
    ['one that waits isolated', false, { state: 'stopped' }, { running: true, mode: 'isolated' }],
  ])('where it is %s: %s', async (_, proved, listed, member_there) => {
    const proof = (await rebuilding()).tasks.find(
      ({ name }) => name.value === 'Prove that it follows the leader',
    );
    const followers = { members: { one: listed, two: { state: 'running' } }, leader: 'two', timeline: 2 };
    const { results } = await play(`- hosts: one
  vars: ${JSON.stringify({ target: 'two', followers, member_there })}
  tasks:
    - name: proof
      core.debug: it is made
      when: ${JSON.stringify(proof?.when.map(({ value }) => value))}
`);
    expect(results).toEqual([`one: proof: ${proved ? 'ok' : 'skipped'}`]);
  });
});

it.each([
  ['rejoin.yml', 'check', true],
  ['rejoin.yml', 'run', true],
  // What it would promote has no history yet.
  ['cutover.yml', 'check', false],
  ['cutover.yml', 'run', true],
] as const)(
  'what a rewind would fetch is counted by the history that is known: %s, %s',
  async (file, mode, known) => {
    const { vars, tasks } = await rebuilding(file);
    const history = tasks.find(({ module }) => module === 'postgres.rewind')?.args.value.history;
    const given = Object.fromEntries(Object.entries(vars).map(([name, { value }]) => [name, value]));
    const { messages } = await play(
      `- hosts: one
  vars: ${JSON.stringify({ ...given, target: 'one', leads_with: { timeline: 2 } })}
  tasks:
    - core.set_fact: ${JSON.stringify({ asked: { history } })}
    - core.debug: "{{ ternary (default asked.history '') 'counted' 'not counted' }}"
`,
      { mode },
    );
    expect(messages).toEqual([known ? 'counted' : 'not counted']);
  },
);

it('each list of the words for a PostgreSQL that is up has all of them', async () => {
  const files = await readdir(productPlaybooks(), { recursive: true });
  const texts = await Promise.all(
    files
      .filter((file) => file.endsWith('.yml'))
      .map((file) => readFile(join(productPlaybooks(), file), 'utf8')),
  );
  const lists = texts.flatMap((text) => text.match(/\.state in \[[^\]]*\]/g) ?? []);
  expect(lists.length).toBeGreaterThanOrEqual(3);
  for (const list of lists) for (const word of UP_WORDS) expect(list).toContain(`"${word}"`);
});
