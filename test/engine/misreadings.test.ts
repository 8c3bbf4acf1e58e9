import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { asPitrError } from '../../lib/base/errors/pitr-error.ts';
import { newDirectory, play } from './support.ts';

const INVENTORY = (vars: string): string =>
  `all: { hosts: { one: { ansible_connection: local, ${vars} } } }\n`;

async function withInventory(vars: string): Promise<{ directory: string; inventories: string[] }> {
  const directory = await newDirectory();
  const inventory = join(directory, 'own.yml');
  await writeFile(inventory, INVENTORY(vars));
  return { directory, inventories: [inventory] };
}

it('group_vars and host_vars beside the playbook are read, over those of the inventory', async () => {
  const place = await withInventory('from: inventory, kept: inventory');
  await mkdir(join(place.directory, 'group_vars'));
  await mkdir(join(place.directory, 'host_vars'));
  await writeFile(join(place.directory, 'group_vars/all.yml'), 'group: beside\nfrom: group\n');
  await writeFile(join(place.directory, 'host_vars/one.yml'), 'from: host\n');
  const { messages } = await play(
    '- hosts: one\n  tasks:\n    - debug: "{{ group }} {{ from }} {{ kept }}"\n',
    place,
  );
  expect(messages).toEqual(['beside host inventory']);
});

it('templates in values of the inventory are rendered, and Jinja in them is refused with what to write', async () => {
  const yaml = '- hosts: one\n  tasks:\n    - debug: "{{ address }}"\n';
  const good = await withInventory('net: "10.0", address: "{{ net }}.1"');
  expect((await play(yaml, good)).messages).toEqual(['10.0.1']);
  for (const [value, hint] of [
    ["{{ net | default('x, y') }}", "{{default net 'x, y'}}"],
    ['{% if net %}a{% endif %}', '{{#if x}}'],
  ] as const) {
    const place = await withInventory(`net: "10.0", address: ${JSON.stringify(value)}`);
    const error = await play(yaml, place).then(() => expect.unreachable(), asPitrError);
    expect(error).toMatchObject({ kind: 'validation', at: { file: place.inventories[0], line: 1 } });
    expect(error.next.join()).toContain(hint);
  }
});

it('a template that is no UTF-8 is refused before the first change, and nothing arrives', async () => {
  const directory = await newDirectory();
  await writeFile(join(directory, 'note.hbs'), Buffer.from('first\ncaf\xe9 {{ number }}\n', 'latin1'));
  const { outcome } = await play(
    '- hosts: one\n  tasks:\n    - fs.template: { src: note.hbs, dest: DIR/note }\n',
    { directory },
  );
  expect(outcome.error).toMatchObject({
    code: 'not-utf8',
    message: `${join(directory, 'note.hbs')} is not UTF-8: the byte 0xe9 at offset 9 is no character`,
  });
  await expect(readFile(join(directory, 'note'))).rejects.toMatchObject({ code: 'ENOENT' });
});

it('a variable that says how a host is reached is refused where nothing would read it', async () => {
  const error = await play('- hosts: one\n  vars: { ansible_user: root }\n  tasks: [{ debug: x }]\n').then(
    () => expect.unreachable(),
    asPitrError,
  );
  expect(error.message).toBe(
    '"ansible_user" says how a host is reached, and is read from the inventory (or -e) alone',
  );
});

it('the words of an assertion that holds are not needed, and those of one that fails never hide it', async () => {
  const holding = await play(`- hosts: one
  vars: { cluster: { members: {} } }
  tasks:
    - core.assert:
        that: "!has(cluster.leader)"
        fail_msg: "{{ cluster.leader }} leads"
        next: ["Stop it: {{ cluster.leader }}", "{{ default nothing omit }}"]
    - debug: went on
`);
  expect(holding.messages.at(-1)).toBe('went on');
  const failing = await play(`- hosts: one
  vars: { cluster: { members: {} } }
  tasks:
    - core.assert:
        that: has(cluster.leader)
        fail_msg: "no leader, unlike {{ cluster.before }} of {{ inventory_hostname }}"
        next: ["Ask {{ inventory_hostname }}.", "Start {{ cluster.before }}."]
        refuse: no-leader
`).then(() => expect.unreachable(), asPitrError);
  expect(failing).toMatchObject({
    kind: 'refused',
    code: 'no-leader',
    message: 'no leader, unlike ? of ? ("cluster" has no "before")',
    next: ['Ask one.', 'Start ?. ("cluster" has no "before")'],
  });
});

it('a --limit that leaves no host is refused: a run on nothing would look as if its work had been done', async () => {
  const yaml = '- hosts: pair\n  tasks: [{ debug: x }]\n';
  await expect(play(yaml, { limit: 'one:&two' })).rejects.toMatchObject({
    kind: 'validation',
    code: 'limit-empty',
    message: '--limit "one:&two" leaves no host of the inventory',
  });
  await expect(play(yaml, { limit: '' })).rejects.toMatchObject({ message: 'the limit is empty' });
  expect((await play(yaml, { limit: 'pair:!two' })).results).toEqual(['one: core.debug: ok']);
});

it('hosts are worked on in the order of the pattern', async () => {
  const { messages } = await play(
    '- hosts: [two, pair]\n  serial: 1\n  tasks: [{ debug: "{{ inventory_hostname }}" }]\n',
  );
  expect(messages).toEqual(['two', 'one']);
});
