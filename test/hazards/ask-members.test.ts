import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { productPlaybooks } from '../../lib/language/playbook/assets.ts';
import { newDirectory, type Played, play } from '../engine/support.ts';

/** What a Patroni that runs on this machine answers. */
async function patroni(leads: boolean): Promise<string> {
  const members = [
    {
      name: 'three',
      role: leads ? 'leader' : 'replica',
      state: 'running',
      host: '127.0.0.1',
      port: 5432,
      timeline: 1,
    },
  ];
  const node = {
    patroni: { scope: 'pitr', name: 'three' },
    state: 'running',
    role: leads ? 'master' : 'replica',
    timeline: 1,
  };
  const server = createServer(({ url }, answer) =>
    answer.end(JSON.stringify(url === '/cluster' ? { members } : node)),
  ).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const ASK = `    - import_tasks: ${join(productPlaybooks(), 'tasks/ask-members.yml')}`;

/** How a playbook asks that goes on without an answer, and what it says of the leader to those who look for the moment. */
async function ofSpare(): Promise<string> {
  const spare = await readFile(join(productPlaybooks(), 'spare.yml'), 'utf8');
  const asks = spare.slice(
    spare.indexOf('    - name: Ask each member for the cluster'),
    spare.indexOf('    - name: Choose the base backup'),
  );
  const vars = [...spare.matchAll(/^ +(\w+_told): (".*")$/gm)].map(([, name, value]) => `${name}: ${value}`);
  const moment = (await readFile(join(productPlaybooks(), 'tasks/prove-wal.yml'), 'utf8')).split(
    'barman.moment:',
  )[1];
  const [, timeline = ''] = /leader_timeline: "\{\{ (.*) \}\}"/.exec(moment ?? '') ?? [];
  return `    - vars: { ${vars.join(', ')} }
      block:
${asks.replaceAll(/^/gm, '    ')}
    - { core.set_fact: { asked_of: "{{ ${timeline} }}" }, when: inventory_hostname == "two" }
    - { core.debug: "leader_timeline {{ default asked_of 'left out' }}", when: inventory_hostname == "two" }`;
}

/** The first host of the inventory is down; on `two` no Patroni answers. */
async function asked(api: string, tasks = ASK): Promise<Played> {
  const directory = await newDirectory();
  await mkdir(join(directory, 'none'));
  const inventory = join(directory, 'hosts.yml');
  await writeFile(
    inventory,
    `
all:
  children:
    patroni:
      vars: { patroni_config: ${join(directory, 'none/patroni.yml')}, patroni_url: "http://127.0.0.1:1" }
      hosts:
        one: { ansible_host: 127.0.0.1, ansible_port: 1 }
        two: { ansible_connection: local }
        three: { ansible_connection: local, patroni_url: "${api}" }
`,
  );
  const yaml = `- hosts: patroni
  any_errors_fatal: true
  tasks:
${tasks}
    - { name: leader, core.debug: "{{ default cluster.leader 'nobody' }}" }
`;
  return play(yaml, { directory, inventories: [inventory] });
}

describe('the cluster is read while the first host is down', () => {
  it.each([
    [true, 'three'],
    [false, 'nobody'],
  ])('from the member that answers, for all: it leads: %s', async (leads, leader) => {
    const { outcome, messages } = await asked(await patroni(leads));
    expect(outcome.error).toBeUndefined();
    expect(messages.filter((message) => message.includes('did not tell of the cluster'))).toEqual([
      expect.stringMatching(/^one did not .*refused/),
      expect.stringMatching(/^two did not .*Patroni does not answer/),
    ]);
    expect(messages.filter((message) => message === leader)).toHaveLength(3);
  });

  it('is refused where no member answers', async () => {
    const { outcome, messages } = await asked('http://127.0.0.1:1');
    expect(outcome.error).toMatchObject({ kind: 'refused', code: 'members-silent' });
    expect(messages).not.toContain('nobody');
  });
});

const TOLD: readonly (readonly [string, () => Promise<string>, readonly RegExp[], string])[] = [
  ['that somebody leads', () => patroni(true), [], 'leader_timeline 1'],
  ['that nobody leads', () => patroni(false), [/^Nobody leads the cluster: /], 'leader_timeline 0'],
  [
    'of which no member tells',
    async () => 'http://127.0.0.1:1',
    [/^No member tells of the cluster, so that who leads could not be seen: /],
    'leader_timeline left out',
  ],
];

describe('old data is looked at beside a cluster', () => {
  it.each(TOLD)('%s', async (_, api, says, timeline) => {
    const { outcome, messages } = await asked(await api(), await ofSpare());
    expect(outcome.error).toBeUndefined();
    expect(messages.filter((message) => message.includes('in no archive yet'))).toEqual(
      says.map((one) => expect.stringMatching(one)),
    );
    expect(messages).toContain(timeline);
  });
});
