import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { PitrErrorJson } from '../../lib/base/errors/pitr-error.ts';
import { asPitrError } from '../../lib/base/errors/pitr-error.ts';
import { productPlaybooks } from '../../lib/language/playbook/assets.ts';
import { loadPlaybook } from '../../lib/language/playbook/load.ts';
import { flatTasks } from '../../lib/language/playbook/load-steps.ts';
import type { Task } from '../../lib/language/playbook/model.ts';
import { play } from '../engine/support.ts';
import { FakePatroni } from '../support/fake-patroni.ts';

/** rollback.yml starts a node with its old data: what it asks and proves where nobody leads, by its own conditions. */

async function tasksOf(): Promise<readonly Task[]> {
  const { plays } = await loadPlaybook(join(productPlaybooks(), 'rollback.yml'));
  return plays.flatMap((one) => flatTasks(one.tasks));
}

const PROOFS = ['patroni.streaming', 'patroni.leader'];

const conditions = ({ when }: Task): string =>
  JSON.stringify(when.map(({ value }) => String(value).replaceAll('run_resumed', 'goes_on')));

describe('before the node is started with its old data', () => {
  /** The last refusal before the start, with what the look before it has told. */
  async function lastRefusal(vars: Readonly<Record<string, unknown>>): Promise<PitrErrorJson | undefined> {
    const tasks = await tasksOf();
    const start = tasks.findIndex(
      ({ module, args }) =>
        ['patroni.rebuild', 'patroni.member'].includes(module) && args.value.state !== 'out',
    );
    const moved = tasks.findLastIndex(({ module }, place) => module === 'fs.move' && place < start);
    const [look, proof, ...more] = tasks.slice(moved + 1, start);
    expect([look?.module, proof?.module, more.length]).toEqual(['patroni.cluster', 'core.assert', 0]);
    const yaml = `- hosts: one
  vars: ${JSON.stringify({ target: 'one', without_leader: false, goes_on: false, ...vars })}
  tasks:
    - core.assert: ${JSON.stringify(proof?.args.value)}
      when: ${proof === undefined ? '' : conditions(proof)}
`;
    return play(yaml).then(
      ({ outcome }) => outcome.error?.toJSON(),
      (thrown: unknown) => asPitrError(thrown).toJSON(),
    );
  }

  it.each([false, true])(
    'it is asked once more whether somebody leads (a run that goes on: %s)',
    async (on) => {
      const there = { leads_by_now: { leader: 'two' }, goes_on: on };
      const nobody = { leads_by_now: { members: {} }, goes_on: on };
      expect(await lastRefusal(there)).toBeUndefined();
      expect(await lastRefusal({ ...nobody, without_leader: true })).toBeUndefined();
      const refused = await lastRefusal(nobody);
      expect(refused).toMatchObject({ kind: 'refused', code: 'nobody-leads' });
      expect(refused?.next?.join()).toMatch(/pitr resume \S+ -e without_leader=true/);
    },
  );
});

it.each([
  ['cluster-paused', { paused: true }],
  ['cluster-paused', { paused: true, members: { two: {} } }],
  ['pause-unknown', { members: { two: {} } }],
  [undefined, {}],
  [undefined, { paused: false }],
])('a pause refuses also where no member is left: %s', async (code, told) => {
  const asserts = (await tasksOf()).filter(({ args }) =>
    ['pause-unknown', 'cluster-paused'].includes(String(args.value.refuse)),
  );
  expect(asserts).toHaveLength(2);
  const yaml = asserts.map(
    (task) => `    - core.assert: ${JSON.stringify(task.args.value)}\n      when: ${conditions(task)}\n`,
  );
  const refused = await play(
    `- hosts: one\n  vars: ${JSON.stringify({ cluster: { members: {}, ...told } })}\n  tasks:\n${yaml.join('')}`,
  ).then(
    ({ outcome }) => outcome.error?.toJSON(),
    (thrown: unknown) => asPitrError(thrown).toJSON(),
  );
  expect(refused?.code).toBe(code);
  if (code !== 'cluster-paused') return;
  expect(refused?.next).toEqual([
    'End the pause: patronictl -c /etc/patroni/patroni.yml resume',
    'Where no Patroni is up, tell the DCS itself: patronictl -c /etc/patroni/patroni.yml edit-config --force --set pause=null',
  ]);
});

describe('the node that was started with its old data', () => {
  /** Which proof is asked for where each look at the cluster in turn, and every one after them, names this leader. */
  async function proofAfter(leaders: readonly (string | undefined)[]): Promise<readonly string[]> {
    await using patroni = await FakePatroni.listening();
    let looks = 0;
    patroni.told['/patroni'] = { role: 'replica', state: 'running', timeline: 1, patroni: { scope: 'c' } };
    patroni.told['/cluster'] = () => {
      const leader = leaders[Math.min(looks++, leaders.length - 1)];
      const role = (name: string) => (name === leader ? 'leader' : 'replica');
      return {
        members: ['one', 'two'].map((name) => ({ name, role: role(name), state: 'running', timeline: 1 })),
      };
    };
    const tasks = await tasksOf();
    const look = tasks.find(({ register }) => register === 'leads_then');
    const yaml = tasks
      .filter(({ module }) => PROOFS.includes(module))
      .map((task) => `    - core.debug: ${task.module}\n      when: ${conditions(task)}\n`);
    const vars = { patroni_port: patroni.port, without_leader: true, leadership_timeout: 60 };
    const { messages } = await play(`- hosts: one
  vars: ${JSON.stringify(vars)}
  tasks:
    - block:
        - patroni.cluster: { config: DIR/none.yml }
          register: leads_then
          until: ${JSON.stringify(look?.until.map(({ value }) => value))}
          retries: ${JSON.stringify(look?.retries?.value ?? 0)}
          delay: 0
      rescue:
        - core.debug: nobody
${yaml.join('')}`);
    return messages;
  }

  it.each([
    ['to follow who takes the lead a while after', [undefined, undefined, 'two'], ['patroni.streaming']],
    ['to lead where it does so a while after', [undefined, undefined, 'one'], ['patroni.leader']],
    ['to lead where nobody is seen to', [undefined], ['nobody', 'patroni.leader']],
  ])('is proved %s', async (_, leaders, proofs) => {
    expect(await proofAfter(leaders)).toEqual(proofs);
  });

  /** Which of the two proofs is asked for. */
  async function proof(vars: Readonly<Record<string, unknown>>): Promise<readonly string[]> {
    const proofs = (await tasksOf()).filter(({ module }) => PROOFS.includes(module));
    const yaml = proofs.map((task) => `    - core.debug: ${task.module}\n      when: ${conditions(task)}\n`);
    const { messages } = await play(
      `- hosts: one\n  vars: ${JSON.stringify(vars)}\n  tasks:\n${yaml.join('')}`,
    );
    return messages;
  }

  it.each([
    ['to follow the leader', { without_leader: false, leads_then: { skipped: true } }, 'patroni.streaming'],
    [
      'to lead where nobody else does',
      { without_leader: true, leads_then: { leader: 'one' } },
      'patroni.leader',
    ],
    ['to lead where nobody does yet', { without_leader: true, leads_then: {} }, 'patroni.leader'],
    [
      'to follow who leads nevertheless',
      { without_leader: true, leads_then: { leader: 'two' } },
      'patroni.streaming',
    ],
  ])('is proved %s', async (_words, vars, module) => {
    expect(await proof(vars)).toEqual([module]);
  });
});
